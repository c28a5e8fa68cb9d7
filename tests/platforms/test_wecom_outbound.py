"""What goes out to WeCom, before its strict stand-in: what a person sees, how often, and what is said where it cannot be."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.platforms.core.contract import (
    CreateRoom,
    Done,
    Edit,
    Fetch,
    Invite,
    PlatformDown,
    Recall,
    Rejected,
    Send,
    TryLater,
    WillNeverWork,
)
from bot.platforms.wecom.dialect import MENU, markdown, plain, shortened
from handlers.core.message import Button, Card, Field, Link, Outgoing
from tests.platforms.test_wecom_contract import WORDS, WecomStand, _app, _peopled, _spoken
from tests.simulators.wecom.sim import Sim

SEND, UPDATE, SAY = "POST /cgi-bin/message/send", "POST /cgi-bin/message/update_template_card", "POST /cgi-bin/appchat/send"
CARD = Card("任务 T1", (("负责人", "李娜"),), buttons=(Button("认领", "/task claim T1", 3), Button("完成", "/task done T1", 3)))


def card(owner: str) -> Outgoing:
    return Outgoing(f"任务 T1 {owner}", replace(CARD, lines=(("负责人", owner),)))


@pytest.fixture
def sim() -> Iterator[Sim]:
    with Sim() as sim:
        _peopled(sim)
        yield sim
        assert sim.oddities == []
        assert sim.dropped == []


@pytest.fixture
def app(sim: Sim) -> WecomStand:
    return WecomStand(sim, _app(sim))


@pytest.fixture
def robot(sim: Sim) -> WecomStand:
    found = WecomStand(sim, {"WECOM_BOT_ID": sim.state.bot_id, "WECOM_BOT_SECRET": sim.state.bot_secret})
    _spoken(found)
    return found


def edited(stand: WecomStand, done: Done, message: Outgoing, key: str, *, superseded: bool = False) -> Done:
    return stand.do(Edit(done.facts["chat"], done.facts["message_id"], message, superseded), key)


# The app, one-to-one


def test_a_card_is_changed_once_and_then_said_anew_after_a_while(app: WecomStand) -> None:
    done = app.do(Send(card("李娜"), person="LiNa"), "card:1")
    assert edited(app, done, card("吴迪"), "card:1:2").facts == done.facts
    assert ["吴迪" in text for text in app.seen()] == [True]
    with pytest.raises(TryLater) as later:
        edited(app, done, card("王强"), "card:1:3")
    assert 0 < later.value.after <= 1800
    app.sim.clock.push(minutes=30)
    anew = edited(app, done, card("王强"), "card:1:3")
    assert anew.facts["message_id"] != done.facts["message_id"]
    assert ["王强" in text for text in app.seen()] == [False, True]
    assert edited(app, done, card("王强"), "card:1:3").facts == anew.facts, "a repeat of the same key says it no second time"
    assert len(app.seen()) == 2


def test_what_stands_there_already_costs_no_code(app: WecomStand) -> None:
    done = app.do(Send(card("李娜"), person="LiNa"), "card:1")
    assert edited(app, done, card("李娜"), "card:1:2").facts == done.facts
    assert app.sim.calls(UPDATE) == []


def test_what_is_replaced_is_marked_while_it_can_be_and_else_left(app: WecomStand) -> None:
    done = app.do(Send(card("李娜"), person="LiNa"), "card:1")
    edited(app, done, card("李娜"), "card:1:2", superseded=True)
    assert WORDS.say("platform_adds.superseded") in app.seen()[0]
    other = app.do(Send(card("李娜"), person="WuDi"), "card:2")
    app.sim.clock.push(hours=73)
    edited(app, other, card("李娜"), "card:2:2", superseded=True)
    assert len(app.seen()) == 2
    assert "认领" in app.seen()[1]


def test_a_card_whose_code_is_too_old_is_said_anew(app: WecomStand) -> None:
    done = app.do(Send(card("李娜"), person="LiNa"), "card:1")
    app.sim.clock.push(hours=71)
    app.sim.faults.add(UPDATE, "answer", code=app.sim.state.code_spent, status=200)
    assert edited(app, done, card("吴迪"), "card:1:2").facts["message_id"] != done.facts["message_id"]


def test_a_message_is_taken_back_within_a_day(app: WecomStand) -> None:
    done = app.do(Send(Outgoing("说错了"), person="LiNa"), "outbox:1")
    app.do(Recall("app:LiNa", done.facts["message_id"]), "outbox:2")
    assert app.seen() == []
    late = app.do(Send(Outgoing("又说错了"), person="LiNa"), "outbox:3")
    app.sim.clock.push(hours=25)
    with pytest.raises(Rejected, match="24 hours"):
        app.do(Recall("app:LiNa", late.facts["message_id"]), "outbox:4")


def test_the_same_words_on_purpose_are_seen_each_time(app: WecomStand) -> None:
    """WeCom drops a text that it has just shown; a repeat of one key is meant to be dropped, another key is not."""
    for key in ("outbox:1", "outbox:1", "outbox:2", "outbox:3"):
        app.do(Send(Outgoing("请确认"), person="LiNa"), key)
    assert app.seen() == ["请确认", "请确认\n(同样的话,第 2 次)", "请确认\n(同样的话,第 3 次)"]


def test_done_and_the_answer_lost_is_seen_once(app: WecomStand) -> None:
    for key, message in (("outbox:1", Outgoing("请确认")), ("card:1", card("李娜"))):
        app.sim.faults.add(SEND, "reset_after")
        with pytest.raises(PlatformDown):
            app.do(Send(message, person="LiNa"), key)
        app.do(Send(message, person="LiNa"), key)
    assert len(app.seen()) == 2


def test_a_card_that_looks_different_when_it_is_tried_again_stands_there_once(app: WecomStand) -> None:
    """Its words have changed meanwhile, so WeCom takes it for another; its task id tells."""
    app.sim.faults.add(SEND, "reset_after")
    with pytest.raises(PlatformDown):
        app.do(Send(card("李娜"), person="LiNa"), "card:1")
    done = app.do(Send(card("吴迪"), person="LiNa"), "card:1")
    assert len(app.seen()) == 1
    assert done.facts["chat"] == "app:LiNa"


def test_what_is_long_follows_as_a_file(app: WecomStand) -> None:
    text = "\n".join(f"{number} {'字' * 50}" for number in range(100))
    app.do(Send(Outgoing(text), person="LiNa"), "outbox:1")
    first, file = app.sim.said
    assert len(first.text.encode()) <= 2048
    assert first.text.endswith("内容较长,全文见随后的文件。")
    assert app.sim.state.media[file.content["file"]["media_id"]].content.decode() == text
    app.do(Send(Outgoing(text), person="LiNa"), "outbox:1")
    assert len(app.sim.said) == 2


def test_a_card_that_cannot_show_all_of_it_comes_behind_its_words(app: WecomStand) -> None:
    long = replace(CARD, lines=(("", "一" * 200),), buttons=tuple(Button(f"第{n}步", f"/task claim T{n}", 1) for n in range(20)))
    app.do(Send(Outgoing("x", long), person="LiNa"), "card:1")
    words, shown = app.sim.said
    assert "一" * 200 in words.text
    assert [button.text for button in shown.card.buttons] == [f"第{n}步" for n in range(5)] + ["执行"]
    (menu,) = shown.card.selects
    assert [*menu.options][1:] == [f"第{n}步" for n in range(5, 14)]
    assert "第14步: /任务 认领 T14" in words.text


def test_what_must_be_confirmed_is_chosen_and_then_handed_in(app: WecomStand) -> None:
    sure = replace(CARD, buttons=(Button("发布", "/statement publish S1", 2, confirm=True), Button("查看", "/task why T1")))
    app.do(Send(Outgoing("x", sure), person="LiNa"), "card:1")
    (shown,) = app.sim.said
    assert [button.text for button in shown.card.buttons] == ["查看", "执行"]
    (menu,) = shown.card.selects
    assert (menu.key, [*menu.options], menu.chosen) == (MENU, ["(请选择)", "发布"], ("-",))


def test_the_same_tap_stands_on_a_card_once(app: WecomStand) -> None:
    """Several reminders of one report come as one card, each with its buttons; WeCom takes no key twice."""
    filed = Button("已报 R1", "/report filed R1", None, form=(Field("receipt", "回执"),))
    app.do(Send(Outgoing("x", replace(CARD, buttons=(filed, filed, *CARD.buttons, CARD.buttons[0]))), person="LiNa"), "card:1")
    assert [button.text for button in app.sim.said[0].card.buttons] == ["已报 R1…", "认领", "完成"]


def test_a_card_that_wecom_does_not_build_comes_as_words_and_commands(app: WecomStand, robot: WecomStand) -> None:
    app.sim.faults.add(SEND, "answer", code=41016, status=200)
    app.do(Send(card("李娜"), person="LiNa"), "card:1")
    robot.sim.faults.add("WS aibot_send_msg", "answer", code=40016)
    robot.do(Send(card("李娜"), person="LiNa"), "card:2")
    assert ["· 认领: /任务 认领 T1" in text for text in app.seen()] == [True, True]
    assert {message.kind for message in app.sim.said} == {"text", "markdown"}


def test_pages_are_links(app: WecomStand, robot: WecomStand) -> None:
    form = Button("退回", "/return A1", 1, form=(Field("text", "为什么?"),), url="https://gengfu.example.com/f/abc")
    paper = Outgoing("x", replace(CARD, buttons=(form,), link=Link("进群", "https://gengfu.example.com/x")))
    app.do(Send(paper, person="LiNa"), "card:1")
    assert app.sim.said[-1].card.links == {"退回": "https://gengfu.example.com/f/abc", "进群": "https://gengfu.example.com/x"}
    robot.do(Send(paper, person="LiNa"), "card:2")
    assert set(robot.sim.said[-1].card.links.values()) >= {"https://gengfu.example.com/f/abc", "https://gengfu.example.com/x"}


def test_budgets_stay_below_what_wecom_drops(app: WecomStand) -> None:
    """Tried as fast as can be, for two minutes: what is not sent is asked to wait, and nothing is lost silently."""
    sent = waited = 0
    for number in range(120):
        app.sim.clock.push(seconds=-60)  # do() goes on by a minute
        try:
            app.do(Send(Outgoing(f"第 {number} 条"), person="LiNa"), f"outbox:{number}")
            sent += 1
        except TryLater:
            waited += 1
    assert app.sim.dropped == []
    assert 20 <= sent <= 45
    assert sent + waited == 120
    assert len(app.seen()) == sent


def test_nobody_reached_is_no_yes(app: WecomStand) -> None:
    app.sim.add_person("Blind", "看不见", visible=False)
    with pytest.raises(Rejected, match="可见范围"):
        app.do(Send(Outgoing("在吗"), person="Blind"), "outbox:1")


def test_what_an_administrator_has_to_do_is_said(app: WecomStand) -> None:
    app.sim.state.trusted_ips = ("10.0.0.1",)
    with pytest.raises(PlatformDown, match=r"企业可信IP.* \(127.0.0.1\)"):
        app.do(Send(Outgoing("在吗"), person="LiNa"), "outbox:1")
    app.sim.state.trusted_ips = None
    app.sim.state.root_visible = False
    with pytest.raises(Rejected, match="whole company"):
        app.do(CreateRoom("x", ("LiNa", "WuDi")), "room:1")
    app.sim.state.secret = "another"
    app.sim.kill_tokens()
    with pytest.raises(PlatformDown, match="WECOM_SECRET is wrong"):
        app.do(Send(Outgoing("在吗"), person="LiNa"), "outbox:2")


def test_a_token_that_died_early_is_fetched_again(app: WecomStand) -> None:
    app.sim.faults.add(SEND, "dead_token")
    app.do(Send(Outgoing("在吗"), person="LiNa"), "outbox:1")
    assert app.seen() == ["在吗"]
    assert all("access_token" not in str(one.request.headers).lower() for one in app.sim.requests)


# Groups


def test_a_group_of_the_app_receives_words_and_commands(app: WecomStand) -> None:
    chat = app.do(CreateRoom("INC 行情中断", ("LiNa", "WuDi")), "room:1").facts["chat"]
    app.do(Send(replace(card("李娜"), mentions=("WuDi",)), chat=chat), "card:1")
    (shown,) = app.sim.said
    assert "· 认领: /任务 认领 T1" in shown.text
    assert "只收不发,命令请私聊更夫:\n· 认领" in shown.text
    assert "在这里回复" not in shown.text
    assert shown.mentioned == {"WuDi"}


def test_what_may_stand_in_a_group_already_says_so(app: WecomStand) -> None:
    chat = app.do(CreateRoom("INC 行情中断", ("LiNa", "WuDi")), "room:1").facts["chat"]
    for kind, texts in (("reset_after", ["甲", "(可能重复) 甲"]), ("throttle", ["甲", "(可能重复) 甲", "乙"])):
        app.sim.faults.add(SAY, kind)  # type: ignore[arg-type]
        text = texts[-1][-1]
        with pytest.raises(TryLater):
            app.do(Send(Outgoing(text), chat=chat), f"outbox:{text}")
        app.do(Send(Outgoing(text), chat=chat), f"outbox:{text}")
        assert app.seen() == texts, kind


def test_a_group_whose_making_was_cut_is_one_group(app: WecomStand) -> None:
    app.sim.faults.add("POST /cgi-bin/appchat/create", "reset_after")
    room = CreateRoom("INC 行情中断", ("LiNa", "WuDi"))
    with pytest.raises(PlatformDown):
        app.do(room, "room:1")
    assert app.do(room, "room:1").facts["chat"] in app.sim.state.chats
    assert len([chat for chat in app.sim.state.chats.values() if chat.name == "INC 行情中断"]) == 1


def test_what_only_the_other_half_can_is_refused_in_words(app: WecomStand, robot: WecomStand) -> None:
    with pytest.raises(WillNeverWork, match="only the smart robot speaks in wrOffice"):
        app.do(Send(Outgoing("x"), chat="wrOffice"), "outbox:1")
    with pytest.raises(WillNeverWork, match="self-built app"):
        robot.do(CreateRoom("x", ("LiNa", "WuDi")), "room:1")


# The robot


def test_words_in_place_of_a_card_are_said_once_however_often_the_key_comes(robot: WecomStand) -> None:
    """The note that it was said got lost with the process; or the words were cut, and nobody knows."""
    robot.sim.state.group_cards = False
    for _ in range(2):
        robot.do(Send(card("李娜"), chat="wrOffice"), "card:1")
    assert len(robot.seen()) == 1


def test_a_group_that_takes_no_cards_gets_words_and_is_spared_the_next_try(robot: WecomStand) -> None:
    robot.sim.state.group_cards = False
    robot.do(Send(card("李娜"), chat="wrOffice"), "card:1")
    robot.do(Send(card("吴迪"), chat="wrOffice"), "card:2")
    tried = [one for one in robot.sim.frames("aibot_send_msg") if one["body"]["msgtype"] == "template_card"]
    assert len(tried) == 1
    assert ["· 认领: /任务 认领 T1" in text for text in robot.seen()] == [True, True]
    robot.do(Send(card("李娜"), person="LiNa"), "card:3")
    assert robot.sim.said[-1].kind == "template_card", "one-to-one it takes them"
    robot.sim.state.group_cards = True
    robot.sim.clock.push(days=8)
    robot.do(Send(card("王强"), chat="wrOffice"), "card:4")
    assert robot.sim.said[-1].kind == "template_card", "and it is tried again some day"


def test_the_robots_cards_change_by_taps_only(robot: WecomStand) -> None:
    done = robot.do(Send(card("李娜"), chat="wrOffice"), "card:1")
    with pytest.raises(TryLater):
        edited(robot, done, card("吴迪"), "card:1:2")
    robot.sim.clock.push(minutes=31)
    assert edited(robot, done, card("吴迪"), "card:1:2").facts["message_id"] != done.facts["message_id"]
    assert len(robot.seen()) == 2


def test_long_words_of_the_robot_go_up_in_pieces(robot: WecomStand) -> None:
    text = "\n".join(f"{number} {'字' * 100}" for number in range(5000))
    robot.do(Send(Outgoing(text), chat="wrOffice"), "outbox:1")
    first, file = robot.sim.said
    assert len(first.text.encode()) <= 20480
    assert robot.sim.state.media[file.content["file"]["media_id"]].content.decode() == text
    assert len(robot.sim.frames("aibot_upload_media_chunk")) == -(-len(text.encode()) // (512 * 1024)) > 1


def test_the_robot_mentions_whom_it_should(robot: WecomStand) -> None:
    robot.do(Send(Outgoing("请看 https://gengfu.example.com/f/a_b-_c", mentions=("WuDi",)), chat="wrOffice"), "outbox:1")
    (said,) = robot.sim.said
    assert said.mentioned == {"WuDi"}
    assert "https://gengfu.example.com/f/a_b-_c" in said.text


def test_where_nobody_has_spoken_the_robot_may_not(robot: WecomStand) -> None:
    robot.sim.add_person("Silent", "没说过话")
    with pytest.raises(Rejected):
        robot.do(Send(Outgoing("在吗"), person="Silent"), "outbox:1")


def test_on_the_wire_what_was_cut_may_be_a_repeat(robot: WecomStand) -> None:
    robot.sim.faults.add("WS aibot_send_msg", "reset_after")
    with pytest.raises(PlatformDown):
        robot.do(Send(Outgoing("甲"), chat="wrOffice"), "outbox:1")
    robot.do(Send(Outgoing("甲"), chat="wrOffice"), "outbox:1")
    assert robot.seen() == ["甲", "(可能重复) 甲"]


# Words


def test_nothing_in_the_words_is_markup() -> None:
    assert plain('<a href="http://evil.example">点</a> 1 < 2 <b') == '＜a href="http://evil.example">点＜/a> 1 < 2 ＜b'
    assert markdown("**粗** [链](http://e.example) <@all> `x` _斜_ snake_case") == (
        "＊＊粗＊＊ ［链］(http://e.example) ＜@all＞ ｀x｀ ＿斜＿ snake_case"
    )
    assert markdown("看", ("LiNa", "bad id>")) == "<@LiNa> 看"
    assert len(shortened("字" * 3000, 2048, "完").encode()) <= 2048


def test_a_file_that_a_firewall_keeps_from_us_holds_nobody_up_for_ever(robot: WecomStand) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        key = json.dumps({"url": f"https://127.0.0.1:{closed.getsockname()[1]}/file"})
    for minutes in (0, 2):
        robot.sim.clock.push(minutes=minutes)
        with pytest.raises(PlatformDown, match="does not answer"):
            robot.do(Fetch("m", key), "fetch:1")
    robot.sim.clock.push(minutes=3)
    with pytest.raises(Rejected, match="let this server reach"):
        robot.do(Fetch("m", key), "fetch:1")


def test_no_foreign_file_is_fetched(robot: WecomStand, app: WecomStand) -> None:
    for key in ('{"url": "http://169.254.169.254/latest"}', '{"url": "file:///etc/passwd"}', "media-of-the-app"):
        with pytest.raises(WillNeverWork):
            robot.do(Fetch("m", key), "fetch:1")
    with pytest.raises(WillNeverWork):
        app.do(Fetch("m", "unknown-media"), "fetch:2")


def test_nobody_is_called_who_is_not_in_the_group(app: WecomStand) -> None:
    """Who went on leave and out of the group, or came by another messenger; the words name them all the same."""
    app.sim.add_person("SunJie", "孙洁")
    chat = app.do(CreateRoom("INC 行情中断", ("LiNa", "WuDi")), "room:1").facts["chat"]
    app.do(Send(Outgoing("孙洁、吴迪:请回复", mentions=("SunJie", "wudi")), chat=chat), "outbox:1")
    assert app.sim.said[-1].mentioned == {"WuDi"}
    app.do(Invite(chat, ("SunJie",)), "invite:1")
    app.do(Send(Outgoing("孙洁:请回复", mentions=("SunJie",)), chat=chat), "outbox:2")
    assert app.sim.said[-1].mentioned == {"SunJie"}


# Found by trying to break it


def test_long_words_said_again_on_purpose_are_seen_each_time(app: WecomStand) -> None:
    """The count must stand in what is shown: WeCom compares that, and not the file behind it."""
    text = "行情中断,请各组确认。" * 200
    for key in ("outbox:1", "outbox:2"):
        app.do(Send(Outgoing(text), person="LiNa"), key)
    shown = [message for message in app.sim.said if message.kind == "text"]
    assert [message.text.endswith("(同样的话,第 2 次)") for message in shown] == [False, True]
    assert all(len(message.text.encode()) <= 2048 for message in shown)


@pytest.mark.parametrize("sign", ["字", "😀", "👩‍💻", "é"])
def test_words_at_the_limit_are_cut_between_signs(app: WecomStand, sign: str) -> None:
    for more in range(4):
        app.do(Send(Outgoing("x" * more + sign * 700), person="LiNa"), f"outbox:{sign}:{more}")
    assert all("�" not in message.text for message in app.sim.said)


def test_where_nobody_has_spoken_a_group_is_not_remembered_as_one_that_takes_no_cards(robot: WecomStand) -> None:
    group = robot.sim.add_group("新群", ("LiNa", "WuDi"), chat_id="wrNew")
    with pytest.raises(Rejected):
        robot.do(Send(card("李娜"), chat="wrNew"), "card:1")
    group.spoken = True
    robot.do(Send(card("李娜"), chat="wrNew"), "card:2")
    assert robot.sim.said[-1].kind == "template_card"


def test_a_card_that_cannot_be_built_says_nothing_of_its_group(robot: WecomStand) -> None:
    robot.sim.faults.add("WS aibot_send_msg", "answer", code=40016)
    robot.do(Send(card("李娜"), chat="wrOffice"), "card:1")
    assert robot.sim.said[-1].kind == "markdown"
    robot.do(Send(card("吴迪"), chat="wrOffice"), "card:2")
    assert robot.sim.said[-1].kind == "template_card"


def test_whom_one_half_does_not_reach_the_other_may(sim: Sim) -> None:
    """Outside the app's visible range, or never spoken to the robot: one-to-one either will do."""
    both = WecomStand(sim, {**_app(sim), "WECOM_BOT_ID": sim.state.bot_id, "WECOM_BOT_SECRET": sim.state.bot_secret})
    _spoken(both)
    sim.state.people["LiNa"].visible = False
    done = both.do(Send(card("李娜"), person="LiNa"), "card:1")
    assert (done.facts["chat"], sim.said[-1].kind, sim.chat(sim.said[-1].chat).kind) == ("bot:LiNa", "template_card", "robot")
    sim.add_person("Silent", "没说过话")
    assert both.do(Send(Outgoing("在吗"), chat="bot:Silent"), "outbox:1").facts["chat"] == "app:Silent"
    sim.add_person("Nobody", "都够不着", visible=False)
    with pytest.raises(Rejected, match="可见范围"):
        both.do(Send(Outgoing("在吗"), person="Nobody"), "outbox:2")
