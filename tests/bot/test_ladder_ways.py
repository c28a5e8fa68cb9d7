"""The ladder in all its ways, on Feishu, with a gateway for text messages and calls and a mail server: who is reached how, and what
they answer there."""

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, select

from storage.tables.queues import BURIED, InboxRow, OutboxRow
from tests.feishu_firm import Firm, firm_on_feishu
from tests.gateway import SECRET, Gateway, gateway_on_loopback
from tests.letterbox import Letterbox
from tests.simulators.feishu.state import Message
from tests.simulators.feishu.tenant import open_id
from tests.world import SMALL_PLAN
from workflows.task import State, Task

WORST = "证监会=特别重大 平台=9 媒体=央媒 客户=50万 阅读=500万 发帖=9000 热榜=前50 首帖=26 增速=2 负面=90% 投诉=900"
#: Head and deputy of the group that has T10 (due at 09:30), the commander, and the leading group's.
YANG, LUO, LI_NA = "+8613800000016", "+8613800000017", "+8613800000003"
MEMBER = "+8613800000018"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with gateway_on_loopback() as found:
        yield found


Begin = Callable[..., Firm]


def _without(people: str, keys: str) -> str:
    """The plan's people, of whom head and deputy of the business group lack some keys."""
    lines, who = [], ""
    for line in people.splitlines():
        who = line if line.startswith("id = ") else who
        if not (who in ('id = "yang.fan"', 'id = "luo.ming"') and line.split(" ")[0] in keys.split()):
            lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.fixture
def begin(tmp_path: Path, letterbox: tuple[Letterbox, int], gateway: Gateway) -> Iterator[Begin]:
    """The small firm, its ladders edited by (pattern, new), at level 1; no tasks but T10 and T11."""
    entered = []

    def start(*edits: tuple[str, str], without: str = "", drill: bool = False) -> Firm:
        folder = tmp_path / "source"
        shutil.copytree(SMALL_PLAN, folder)
        text = (folder / "response.toml").read_text("utf-8")
        for old, new in edits:
            text, count = re.subn(old, new, text)
            assert count, old
        (folder / "response.toml").write_text(text, "utf-8")
        people = folder / "organization.toml"
        people.write_text(_without(people.read_text("utf-8"), without), "utf-8")
        names = {
            "SMTP_URL": f"smtp://127.0.0.1:{letterbox[1]}",
            "SMTP_FROM": "gengfu@example.com",
            "GENGFU_SMS_URL": gateway.url,
            "GENGFU_SMS_SECRET": SECRET,
        }
        context = firm_on_feishu(tmp_path, plan=folder, also=names)
        firm = context.__enter__()
        entered.append(context)
        firm.says("li.na", f"/事件 上报 类型=系统故障 系统=行情 {'演练=是 ' if drill else ''}行情中断")
        firm.says("li.na", f"/定级 {WORST}")
        firm._world().only("I1", "T10", "T11")
        assert [task(firm, ref).group for ref in ("T10", "T11")] == ["business", "business"]
        gateway.handed.clear()
        return firm

    yield start
    for context in entered:
        context.__exit__(None, None, None)


def task(firm: Firm, ref: str) -> Task:
    return firm._world().task(ref)


def told(firm: Firm, person: str, ref: str) -> Message:
    """The newest direct message to a person about a task."""
    direct = firm.sim.direct(open_id(person)).messages
    return next(one for one in reversed(direct) if "次提醒" in one.text and ref in one.text)


def rings(firm: Firm, ref: str, person: str = "") -> dict[str, str]:
    """Way of each ring about a task to what became of it."""
    about = select(OutboxRow).where(col(OutboxRow.kind) == "ring", col(OutboxRow.ref) == ref)
    rows = firm.parts.database.read(lambda tx: tx.exec(about).all())
    return {row.about["by"]: row.about.get("skipped") or row.status for row in rows if person in ("", row.recipient)}


def test_each_way_comes_in_its_turn(begin: Begin, gateway: Gateway) -> None:
    firm = begin()

    firm.passes(minutes=5)  # 09:05, the first rung above: head and deputy
    room = firm.room("行情中断")
    card = told(firm, "yang.fan", "T10")
    mention = [message for message in room.messages if "T10" in message.text][-1]
    assert "算影响" in card.text
    assert mention.mentioned == {open_id("yang.fan"), open_id("luo.ming")}, "the rung's people and nobody else"
    assert "杨帆、罗明:" in mention.text or "罗明、杨帆:" in mention.text
    assert card.urgent == [], "first there is time to read it"

    firm.passes(minutes=1, seconds=40)
    assert card.urgent == [("app", open_id("yang.fan"))]
    assert gateway.to(YANG) == []

    firm.passes(minutes=1, seconds=40)  # 09:08:20
    (call,) = gateway.to(YANG)
    assert call.kind == "voice"
    assert "2 项要你处理" in call.text, "what is due together is one call"
    assert "收到请按 1" in call.text
    assert [one.kind for one in gateway.to(LUO)] == ["voice"]

    firm.passes(minutes=15)  # commander, lead
    assert gateway.to(LI_NA, "voice")
    assert {one.to for one in gateway.handed} == {YANG, LUO, LI_NA, "+8613800000001", "+8613800000002"}
    before = len(gateway.to(LI_NA))
    firm.passes(minutes=10)  # past the last rung: the phone list, and the office's duty officer is called
    assert len(gateway.to(LI_NA)) > before
    assert "逐级提醒到头" in gateway.to(LI_NA)[-1].text or "项要你处理" in gateway.to(LI_NA)[-1].text
    assert buried(firm) == []


def buried(firm: Firm) -> list[str]:
    return firm.parts.database.read(lambda tx: [row.key for row in tx.exec(select(OutboxRow).where(col(OutboxRow.status) == BURIED))])


def only_t10(firm: Firm) -> None:
    firm._world().only("I1", "T10")


def test_a_digit_takes_the_task_and_nobody_else_is_called(begin: Begin, gateway: Gateway) -> None:
    firm = begin()
    only_t10(firm)
    firm.passes(minutes=8, seconds=20)
    calls = {one.to: one for one in gateway.handed}
    assert set(calls) == {YANG, LUO}
    assert calls[LUO].text.endswith("收到请按 1,认领请按 2。")

    reply = gateway.reports(firm.url, firm.sim.clock, id=calls[LUO].id, answer="2", event="a1", **{"from": "138 0000 0017"})
    assert reply.status_code == 200
    assert reply.json()["ok"] is True
    assert "T10" in reply.json()["text"]
    assert (task(firm, "T10").owner, task(firm, "T10").state) == ("luo.ming", State.CLAIMED)
    assert [(actor, verb) for actor, verb, _ in firm.trail("T10")][-1] == ("luo.ming", "claimed")

    again = gateway.reports(firm.url, firm.sim.clock, id=calls[LUO].id, answer="2", event="a1")
    assert again.json() == reply.json(), "told twice, done once"
    late = gateway.reports(firm.url, firm.sim.clock, id=calls[YANG].id, answer="2")
    assert late.json()["ok"] is False
    assert "罗明" in late.json()["text"], "who was slower hears who was faster"

    firm.passes(minutes=6)
    assert len(gateway.handed) == 2, "the commander is not called"


def test_received_stops_what_is_louder_and_not_the_ladder(begin: Begin, gateway: Gateway) -> None:
    firm = begin()
    only_t10(firm)
    firm.passes(minutes=5)
    firm.taps("luo.ming", "收到 T10")
    firm.passes(minutes=4)
    assert [one.to for one in gateway.handed] == [YANG], "who has it is not called; the other one is"
    assert rings(firm, "T10", "luo.ming") == {"urgent": "done", "call": "done"}
    assert told(firm, "luo.ming", "T10").urgent == []

    said = gateway.reports(firm.url, firm.sim.clock, id=gateway.handed[0].id, answer="1#")
    assert said.json()["ok"] is True
    assert task(firm, "T10").state is State.OPEN
    firm.passes(minutes=5)
    assert reminded(firm, "li.na"), "nobody has taken it: the commander hears of it"
    assert gateway.to(LI_NA, "voice")


def test_what_was_received_is_not_repeated_by_louder_ways_either_and_lapses(begin: Begin, gateway: Gateway) -> None:
    """Everybody on the ladder was told; its owner hears every further word by message, buzz and text message, ten minutes apart."""
    firm = begin()
    only_t10(firm)
    firm.taps("luo.ming", "认领 T10")
    firm.passes(minutes=54)
    before = len(gateway.to(LUO)), told(firm, "luo.ming", "T10").text, len(gateway.to(LI_NA))
    assert "【第6次提醒】T10" in before[1], "09:50, to the control group and its owner"

    firm.taps("luo.ming", "收到 T10")
    firm.passes(minutes=9)
    assert (len(gateway.to(LUO)), told(firm, "luo.ming", "T10").text) == before[:2], "not at 10:00"
    assert len(gateway.to(LI_NA)) > before[2], "whoever is called for the control group is called"

    firm.passes(minutes=14)
    assert "【第8次提醒】T10" in told(firm, "luo.ming", "T10").text
    assert len(gateway.to(LUO)) > before[0]


def test_a_text_message_is_answered_by_a_word(begin: Begin, gateway: Gateway) -> None:
    firm = begin((r'by = \["card", "mention", "urgent", "call"\]', 'by = ["card", "mention", "urgent", "sms", "call"]'))
    only_t10(firm)
    firm.passes(minutes=7, seconds=30)
    (text,) = gateway.to(LUO, "sms")
    assert len(text.text) <= 260
    assert len(text.text.splitlines()) == 3
    assert "回复 1 收到,2 认领。" in text.text
    link = re.search(r"http://\S+/f/\S+", text.text)
    assert link is not None, "whole, whatever else was cut"

    said = gateway.reports(firm.url, firm.sim.clock, answer=" 认领 ", **{"from": LUO})
    assert said.json()["ok"] is True
    assert task(firm, "T10").owner == "luo.ming"
    odd = gateway.reports(firm.url, firm.sim.clock, answer="同意", **{"from": LUO})
    assert odd.json() == {"ok": False, "text": "请按 1(收到)或 2(认领)。"}, "no approval by a word"


def test_what_is_not_ours_is_refused_and_counted(begin: Begin, gateway: Gateway) -> None:
    firm = begin()
    firm.passes(minutes=9)
    call = gateway.to(LUO)[0]
    before = stored(firm)
    ago: Callable[[], datetime] = lambda: firm.sim.clock() - timedelta(minutes=6)  # noqa: E731
    refused = [
        (gateway.reports(firm.url, firm.sim.clock, secret="another", id=call.id, answer="1"), 401, "bad_signature"),
        (gateway.reports(firm.url, ago, id=call.id, answer="1"), 401, "stale"),
        (gateway.reports(firm.url, firm.sim.clock, id="0" * 32, answer="1"), 404, "unknown_call"),
        (gateway.reports(firm.url, firm.sim.clock, id=call.id, answer="1", **{"from": YANG}), 404, "unknown_call"),
        (gateway.reports(firm.url, firm.sim.clock, answer="1", **{"from": "+8613999999999"}), 404, "unknown_call"),
        (gateway.reports(firm.url, firm.sim.clock, answer="1"), 401, "unreadable"),
        (gateway.reports(firm.url, firm.sim.clock, id=call.id), 401, "unreadable"),
    ]
    with httpx.Client(trust_env=False) as http:
        refused.append((http.post(f"{firm.url}/callbacks/sms/answer", content=b"{}"), 401, "no_signature"))
        refused.append((http.post(f"{firm.url}/callbacks/sms/answer", content=b"x" * 2_000_000), 413, "body_too_large"))
    for answered, status, reason in refused:
        assert answered.status_code == status, reason
        assert f'reason="{reason}"' in firm.parts.metrics.text().decode()
    assert stored(firm) == before
    several = gateway.reports(firm.url, firm.sim.clock, id=call.id, answer="2")
    assert several.json() == {"ok": False, "text": "有 2 项,请到应用里逐项认领。"}


def stored(firm: Firm) -> int:
    return firm.parts.database.read(lambda tx: len(tx.exec(select(InboxRow.id)).all()))


def test_where_the_gateway_is_away_the_messenger_rings(begin: Begin, gateway: Gateway) -> None:
    firm = begin()
    only_t10(firm)
    gateway.away = True
    firm.passes(minutes=9)
    assert gateway.handed == []
    assert rings(firm, "T10", "luo.ming") == {"urgent": "done", "call": "done"}
    assert told(firm, "luo.ming", "T10").urgent == [("app", open_id("luo.ming")), ("phone", open_id("luo.ming"))]


def test_a_letter_brings_a_link(begin: Begin, letterbox: tuple[Letterbox, int]) -> None:
    firm = begin((r'by = \["card", "mention", "urgent", "call"\]', 'by = ["card", "mention", "mail", "urgent", "call"]'))
    only_t10(firm)
    firm.passes(minutes=6)
    (letter,) = letterbox[0].to("luo.ming@example.com")
    link = re.search(r"http://\S+/f/\S+", letter)
    assert link is not None
    with httpx.Client(trust_env=False, headers={"User-Agent": "Mozilla/5.0"}, follow_redirects=True) as browser:
        page = browser.get(link[0])
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        done = browser.post(link[0], data=fields, headers={"Origin": firm.url})
    assert task(firm, "T10").owner == "luo.ming", done.text


#: At every level head and deputy are called, and that is all.
CALLED = (r'(to = \["group.head", "group.deputy"\]\n)(by = .*\n)?', r'\1by = ["call"]\n')


def empty(firm: Firm) -> list[str]:
    """The rungs of T10 of which the control group hears that they are empty."""
    about = select(OutboxRow).where(col(OutboxRow.ref) == "T10", col(OutboxRow.kind) == "notice")
    rows = firm.parts.database.read(lambda tx: tx.exec(about).all())
    return list(dict.fromkeys(row.about["values"]["rung"] for row in rows if row.about["notice"] == "task.empty_rung"))


def reminded(firm: Firm, person: str) -> bool:
    return any("次提醒" in text and "T10" in text for text in firm.direct(person))


def test_whom_no_way_reaches_is_passed_over_and_the_control_group_is_told(begin: Begin, gateway: Gateway) -> None:
    """Head and deputy are to be called, and have neither telephone nor mail: known before anything is sent."""
    firm = begin(CALLED, without="phone email")
    only_t10(firm)
    firm.passes(minutes=5)
    assert reminded(firm, "li.na"), "the commander, five minutes early"
    assert empty(firm) == ["group.head group.deputy"]
    assert rings(firm, "T10", "luo.ming") == {}
    assert gateway.handed == []


def test_whom_no_way_reached_after_all_is_passed_over_too(begin: Begin, gateway: Gateway) -> None:
    """They are to be called, the gateway turns out to be away, and they have no mail."""
    firm = begin(CALLED, without="email")
    only_t10(firm)
    gateway.away = True
    firm.passes(minutes=5)
    assert not reminded(firm, "li.na")
    firm.passes(minutes=3)
    assert rings(firm, "T10", "luo.ming") == {"call": "down", "sms": "down", "mail": "no_way"}
    skipped = [details for _, verb, details in firm.trail("P:luo.ming") if verb == "ring_skipped"]
    assert skipped[:2] == [{"ref": "T10", "by": "call", "reason": "down"}, {"ref": "T10", "by": "sms", "reason": "down"}]
    assert reminded(firm, "li.na"), "before its ten minutes"
    assert empty(firm) == ["group.head group.deputy"]
    climbed = [details["level"] for _, verb, details in firm.trail("T10") if verb == "escalated"]
    assert climbed == [1, 2], "and the trail says so"


def test_a_drill_rings_no_telephone(begin: Begin, gateway: Gateway, letterbox: tuple[Letterbox, int]) -> None:
    firm = begin(drill=True)
    only_t10(firm)
    firm.passes(minutes=12)
    assert gateway.handed == []
    assert rings(firm, "T10", "luo.ming") == {"urgent": "done", "call": "drill", "sms": "drill", "mail": "done"}
    assert "【演练】" in letterbox[0].to("luo.ming@example.com")[0]


def test_a_drill_takes_no_road_around_over_a_telephone_either(begin: Begin, gateway: Gateway, letterbox: tuple[Letterbox, int]) -> None:
    firm = begin(drill=True)
    only_t10(firm)
    firm.sim.faults.outage(3600)
    firm.passes(minutes=12)
    assert gateway.handed == []
    assert letterbox[0].to("luo.ming@example.com"), "mail stays in the house, and goes round"


def test_nobody_is_called_more_often_than_the_budget_allows(begin: Begin, gateway: Gateway) -> None:
    """At level 1, with no end: three calls in a quarter of an hour, eight in a day; what is over that comes as a text message."""
    firm = begin(('terminal_repeat = "PT10M"', 'terminal_repeat = "PT4M"'))
    only_t10(firm)
    firm.passes(hours=2)
    assert len(gateway.to(LI_NA, "voice")) == 8
    assert gateway.to(LI_NA, "sms")
    assert rings(firm, "T10", "li.na")["call"] == "budget"


def test_an_answer_that_was_lost_is_no_second_call(begin: Begin, gateway: Gateway) -> None:
    firm = begin()
    only_t10(firm)
    gateway.loses = 1
    firm.passes(minutes=9)
    assert gateway.repeats == 1
    assert len(gateway.to(LUO)) == 1
    assert len(gateway.to(YANG)) == 1
