"""Every fault of the network × what the bot says on WeCom, through outbox, sender and circuit, over real sockets: nothing is lost, the
order stands per chat and subject, and nobody sees anything twice, but where WeCom knows no repeats: there the second says that it may
be one."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from sqlmodel import col, select

from handlers.core.message import Outgoing
from storage import outbox
from storage.database import Transaction
from storage.tables.queues import DONE, OutboxRow
from tests.ready import patient
from tests.simulators.core.faults import Faults, Kind
from tests.simulators.wecom.state import Chat
from tests.simulators.wecom.tenant import userid
from tests.wecom_firm import Firm, firm_on_wecom

SEND, SAY, CREATE = "POST /cgi-bin/message/send", "POST /cgi-bin/appchat/send", "POST /cgi-bin/appchat/create"
UPLOAD, UPDATE = "POST /cgi-bin/media/upload", "POST /cgi-bin/message/update_template_card"
PUSH = "WS aibot_send_msg"
#: Real seconds for a deed, where the house gives thirty: so long does a test wait for what hangs.
LIMIT = 0.6
#: Longer than any limit: what is done so late is done as soon as we have gone.
GONE = 60.0
#: More than a lease, and than any pause of the circuit.
LONG_ENOUGH = 150
PERHAPS = "(可能重复) "


@dataclass(frozen=True)
class Trouble:
    """`times` on each route; or for `seconds`, whatever is asked. `doubt`: nobody can know whether it was done."""

    kind: Kind
    times: int = 2
    seconds: float = 0.0
    doubt: bool = False

    def strikes(self, faults: Faults, *routes: str) -> None:
        if self.seconds:
            faults.outage(self.seconds, self.kind)
            return
        for route in routes:
            faults.add(route, self.kind, self.times, seconds=GONE if self.kind == "delay" else 2 * LIMIT)


TROUBLES = {
    "throttled": Trouble("throttle"),
    "a proxy's error page": Trouble("html", doubt=True),
    "no answer": Trouble("hang", doubt=True),
    "cut before it arrived": Trouble("reset_before", doubt=True),
    "done, cut before the answer": Trouble("reset_after", doubt=True),
    "done, an empty answer": Trouble("empty", doubt=True),
    "done, half an answer": Trouble("truncated", doubt=True),
    "done after we have gone": Trouble("delay", doubt=True),
    "the token is dead": Trouble("dead_token", times=1),
    "a minute of error pages": Trouble("html", seconds=60, doubt=True),
    "a minute of silence": Trouble("hang", seconds=60, doubt=True),
}


def left(firm: Firm) -> list[tuple[str, str, str | None]]:
    """What the bot still has to say, or has given up."""

    def work(tx: Transaction) -> list[tuple[str, str, str | None]]:
        late = select(OutboxRow).where(col(OutboxRow.status) != DONE, col(OutboxRow.due) <= firm.clock())
        return [(row.key, row.status, row.error) for row in tx.exec(late).all()]

    return firm.parts.database.read(work)


def speaks(firm: Firm, chat: str, subject: str, *texts: str) -> None:
    """So many words of the bot that wait for this chat."""

    def work(tx: Transaction) -> None:
        for number, text in enumerate(texts):
            key = f"{chat}:{subject}:{number}"
            said = asdict(Outgoing(text))
            outbox.enqueue_reply(tx, key=key, platform="wecom", chat=chat, said=said, incident=None, now=firm.clock())
            tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one().lane = f"{chat}:{subject}"

    firm.parts.database.write(work)


def works(firm: Firm) -> None:
    """What is due now, and then what comes of it, until all is over."""
    firm.settle()
    firm.passes(seconds=LONG_ENOUGH)


def struck(firm: Firm) -> set[str]:
    """The routes on which something failed as planned: a test whose fault never came proves nothing."""
    return {one.request.route for one in firm.sim.requests if one.fault}


def seen(chat: Chat, part: str = "") -> list[str]:
    return [message.text for message in chat.shown if part in message.text and message.sender in ("app", "robot")]


def unmarked(said: list[str]) -> list[str]:
    return [text for text in said if not text.startswith(PERHAPS)]


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_wecom(tmp_path) as firm:
        firm.parts.worker.sender.deed_limit = patient(LIMIT)
        yield firm
        assert firm.sim.oddities == []
        assert firm.sim.dropped == []
        assert left(firm) == []


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_messages_to_people_arrive_once_and_in_order(firm: Firm, trouble: Trouble) -> None:
    people = [firm.player(person) for person in ("li.na", "wang.qiang")]
    for person in people:
        for subject in ("甲", "乙"):
            speaks(firm, f"app:{person.userid}", subject, *(f"{subject}{number}" for number in range(3)))
    trouble.strikes(firm.sim.faults, SEND)
    works(firm)
    assert trouble.seconds or struck(firm) == {SEND}
    for person in people:
        assert seen(person.app, "甲") == [f"甲{number}" for number in range(3)]
        assert seen(person.app, "乙") == [f"乙{number}" for number in range(3)]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_files_arrive_once_and_behind_their_first_lines(firm: Firm, trouble: Trouble) -> None:
    long = [f"{number} {'字' * 3_000}" for number in range(2)]
    speaks(firm, f"app:{userid('li.na')}", "甲", *long, "完")
    trouble.strikes(firm.sim.faults, UPLOAD)
    works(firm)
    chat = firm.player("li.na").app
    assert trouble.seconds or UPLOAD in struck(firm)
    assert [message.kind for message in chat.shown] == ["text", "file", "text", "file", "text"]
    files = [message.content["file"]["media_id"] for message in chat.shown if message.kind == "file"]
    assert [firm.sim.state.media[media].content.decode() for media in files] == long


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_one_group_is_made_and_what_is_said_twice_there_says_so(firm: Firm, trouble: Trouble) -> None:
    trouble.strikes(firm.sim.faults, CREATE)
    firm.player("li.na").says_app("/事件 上报 行情中断")
    works(firm)
    assert trouble.seconds or struck(firm) == {CREATE}
    (room,) = [chat for chat in firm.sim.state.chats.values() if "INC-" in chat.name]
    speaks(firm, room.id, "甲", "甲0", "甲1", "甲2")
    trouble.strikes(firm.sim.faults, SAY)
    works(firm)
    said = [text for text in seen(room, "甲") if "甲" in text and len(text) < 20]
    assert list(dict.fromkeys(text.removeprefix(PERHAPS) for text in said)) == ["甲0", "甲1", "甲2"]
    assert unmarked(said) == sorted(set(unmarked(said))), "what is not marked is said once"
    assert trouble.doubt or not any(PERHAPS in text for text in said), "and nothing that surely is no repeat says so"


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_card_shows_what_is_true_in_the_end(firm: Firm, trouble: Trouble) -> None:
    firm.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    firm.only("I1")
    trouble.strikes(firm.sim.faults, UPDATE)
    firm.player("wang.qiang").says_app("/认领 T6")
    works(firm)
    firm.passes(minutes=31)
    shown = [text for text in seen(firm.player("zhao.min").app, "我的任务") if "认领 T" in text]
    assert "T6" not in shown[-1]


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_wecom(tmp_path, "robot") as firm:
        firm.parts.worker.sender.deed_limit = patient(LIMIT)
        yield firm
        assert firm.sim.oddities == []
        assert left(firm) == []


@pytest.mark.parametrize("kind", ["throttle", "hang", "reset_before", "reset_after", "empty"])
def test_what_the_robot_says_arrives_and_what_may_be_a_repeat_says_so(robot: Firm, kind: Kind) -> None:
    group = robot.sim.add_group("值班", [userid("li.na")], chat_id="wrDuty")
    robot.says("li.na", "/帮助", group)
    speaks(robot, "wrDuty", "甲", "甲0", "甲1", "甲2")
    robot.sim.faults.add(PUSH, kind, seconds=2 * LIMIT)
    works(robot)
    for _ in range(40):
        if not left(robot):
            break
        robot.run(_pause())
        robot.passes(seconds=30)
    said = [text for text in seen(group, "甲") if len(text) < 20]
    assert list(dict.fromkeys(text.removeprefix(PERHAPS) for text in said)) == ["甲0", "甲1", "甲2"]
    assert unmarked(said) == sorted(set(unmarked(said))), "what is not marked is said once"


async def _pause() -> None:
    """The long connection comes back in real time."""

    await asyncio.sleep(0.3)


@pytest.mark.parametrize("kind", ["html", "hang"])
def test_however_long_it_lasts_nothing_is_given_up(firm: Firm, kind: Kind) -> None:
    speaks(firm, f"app:{userid('li.na')}", "甲", "甲0", "甲1")
    firm.parts.worker.sender.deed_limit = patient(LIMIT / 4)
    firm.sim.faults.outage(1800, kind, SEND)
    firm.settle()
    firm.passes(minutes=29)
    assert seen(firm.player("li.na").app) == []
    firm.parts.worker.sender.deed_limit = patient(LIMIT)
    firm.passes(minutes=5)
    assert seen(firm.player("li.na").app) == ["甲0", "甲1"]
