"""Pictures and papers that go with a message on WeCom: as the picture, else as a file, else in words with the way to it; once each."""

from collections.abc import Iterator

import pytest

from bot.platforms.core.contract import CreateRoom, Enclosed, PlatformDown, Send
from bot.platforms.wecom.media import MEGA, named
from handlers.core.message import Outgoing
from tests.platforms.test_wecom_contract import WecomStand, _app, _peopled, _spoken
from tests.simulators.wecom.sim import Sim
from tests.simulators.wecom.state import Message
from tests.wecom_firm import BOT_AES_KEY, BOT_TOKEN

PNG = b"\x89PNG\r\n\x1a\n"
LINK = "https://gengfu.example.com/f/1"


def picture(size: int = 2000, head: bytes = PNG, name: str = "大屏.png") -> Enclosed:
    return Enclosed(name, head.ljust(size, b"x"), "image", LINK)


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


def sent(stand: WecomStand, one: Enclosed, key: str = "outbox:1", chat: str = "") -> list[Message]:
    """What is seen of it beside the message."""
    before = len(stand.sim.said)
    stand.do(Send(Outgoing("请看"), chat=chat, person="" if chat else "LiNa", enclosed=(one,)), key)
    return [message for message in stand.sim.said[before:] if not message.text.startswith("请看")]


def holds(stand: WecomStand, message: Message, one: Enclosed) -> bool:
    media = stand.sim.state.media[message.content[message.kind]["media_id"]]
    return (media.content, media.name) == (one.content, one.name)


def places(app: WecomStand, robot: WecomStand) -> list[tuple[WecomStand, str]]:
    room = app.do(CreateRoom("INC 行情中断", ("LiNa", "WuDi")), "room:1").facts["chat"]
    return [(app, ""), (app, room), (robot, ""), (robot, "wrOffice")]


def test_a_picture_is_seen_as_one_everywhere(app: WecomStand, robot: WecomStand) -> None:
    for number, (stand, chat) in enumerate(places(app, robot)):
        (shown,) = sent(stand, picture(), f"outbox:{number}", chat)
        assert shown.kind == "image"
        assert holds(stand, shown, picture())


def test_what_wecom_takes_for_no_picture_comes_as_a_file(app: WecomStand, robot: WecomStand) -> None:
    for number, (stand, chat) in enumerate(places(app, robot)):
        for kind, one in (
            ("gif", picture(head=b"GIF89a")),
            ("large", picture(11 * MEGA)),
            ("paper", Enclosed("纪要.docx", b"PK\x03\x04" * 9)),
        ):
            (shown,) = sent(stand, one, f"outbox:{number}:{kind}", chat)
            assert (kind, shown.kind) == (kind, "file")
            assert holds(stand, shown, one)


def test_the_robot_takes_smaller_pictures_than_the_app(app: WecomStand, robot: WecomStand) -> None:
    assert [message.kind for stand in (app, robot) for message in sent(stand, picture(3 * MEGA))] == ["image", "file"]


@pytest.mark.parametrize("one", [picture(21 * MEGA), Enclosed("空.txt", b"", "file", LINK)])
def test_what_fits_nowhere_is_said_with_the_way_to_it(app: WecomStand, robot: WecomStand, one: Enclosed) -> None:
    for number, (stand, chat) in enumerate(places(app, robot)):
        (shown,) = sent(stand, one, f"outbox:{number}", chat)
        assert one.name in shown.text
        assert LINK in shown.text


def test_what_is_refused_all_the_same_goes_the_next_way(app: WecomStand, robot: WecomStand) -> None:
    app.sim.faults.add("POST /cgi-bin/media/upload", "answer", code=40005, status=200)
    robot.sim.faults.add("WS aibot_upload_media_init", "answer", code=40005)
    assert [message.kind for stand in (app, robot) for message in sent(stand, picture())] == ["file", "file"]
    app.sim.faults.add("POST /cgi-bin/media/upload", "answer", code=40005, status=200, times=2)
    (shown,) = sent(app, picture(), "outbox:2")
    assert LINK in shown.text


def test_a_repeat_shows_it_once(app: WecomStand, robot: WecomStand) -> None:
    assert len(sent(app, picture())) == 1
    assert sent(app, picture()) == []
    app.sim.faults.add("POST /cgi-bin/media/upload", "reset_after")
    with pytest.raises(PlatformDown):
        sent(app, picture(), "outbox:2")
    assert len(sent(app, picture(), "outbox:2")) == 1
    assert len(sent(robot, picture(), "outbox:3", "wrOffice")) == 1
    assert sent(robot, picture(), "outbox:3", "wrOffice") == []


def test_a_robot_that_is_called_back_leaves_files_to_the_app(sim: Sim) -> None:
    """The protocol has no way for them, but for pictures within an answer that is being written."""
    called = {"WECOM_BOT_ID": sim.state.bot_id, "WECOM_BOT_TOKEN": BOT_TOKEN, "WECOM_BOT_AES_KEY": BOT_AES_KEY}
    (shown,) = sent(WecomStand(sim, {**_app(sim), **called}), picture())
    assert (shown.kind, sim.chat(shown.chat).kind) == ("image", "app")


def test_names_of_files() -> None:
    for given, shown in (("a/b\\c.png", "c.png"), ("\u202e<x>|.txt", "x.txt"), ("", "file"), ("...", "file"), ("无后缀", "无后缀")):
        assert named(given) == shown
    assert named("😀" * 100 + ".docx").endswith("😀.docx")
    assert len(named("字" * 100 + ".docx").encode()) <= 128
