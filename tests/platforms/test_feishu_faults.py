"""Every fault of the network × everything the bot says or does on Feishu, through outbox, sender and circuit, over real sockets:
nothing is lost, the order stands per chat and subject, and nobody sees anything twice, but where the guide says so."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from sqlmodel import col, select

from handlers.core.message import Outgoing
from storage import outbox
from storage.database import Transaction
from storage.tables.queues import DONE, OutboxRow
from tests.feishu_firm import Firm, firm_on_feishu
from tests.ready import patient
from tests.simulators.core.faults import Faults, Kind
from tests.simulators.feishu.state import Chat, Message
from tests.simulators.feishu.tenant import open_id

MESSAGES, FILES, CHATS = "POST /open-apis/im/v1/messages", "POST /open-apis/im/v1/files", "POST /open-apis/im/v1/chats"
PATCH = "PATCH /open-apis/im/v1/messages/:message_id"
MEMBERS = "POST /open-apis/im/v1/chats/:chat_id/members"
#: Real seconds for a deed, where the house gives thirty: so long does a test wait for what hangs.
LIMIT = 0.4
#: Longer than any limit: what is done so late is done as soon as we have gone.
GONE = 60.0
#: More than a lease, and than any pause of the circuit.
LONG_ENOUGH = 150


@dataclass(frozen=True)
class Trouble:
    """`times` on each route; or for `seconds`, whatever is asked."""

    kind: Kind
    times: int = 2
    seconds: float = 0.0

    def strikes(self, faults: Faults, *routes: str) -> None:
        if self.seconds:
            faults.outage(self.seconds, self.kind)
            return
        for route in routes:
            faults.add(route, self.kind, self.times, seconds=GONE if self.kind == "delay" else 2 * LIMIT)


#: By what a person at the console of the stand-in would call them.
TROUBLES = {
    "throttled": Trouble("throttle"),
    "a proxy's error page": Trouble("html"),
    "no answer": Trouble("hang"),
    "cut before it arrived": Trouble("reset_before"),
    "done, cut before the answer": Trouble("reset_after"),
    "done, an empty answer": Trouble("empty"),
    "done, half an answer": Trouble("truncated"),
    "done after we have gone": Trouble("delay"),
    "the token is dead": Trouble("dead_token"),
    "a minute of error pages": Trouble("html", seconds=60),
    "a minute of silence": Trouble("hang", seconds=60),
}


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_feishu(tmp_path) as firm:
        firm.parts.worker.sender.deed_limit = patient(LIMIT)
        yield firm
        assert firm.sim.oddities == []
        assert left(firm) == []


def left(firm: Firm) -> list[tuple[str, str, str | None]]:
    """What the bot still has to say, or has given up."""

    def work(tx: Transaction) -> list[tuple[str, str, str | None]]:
        late = select(OutboxRow).where(col(OutboxRow.status) != DONE, col(OutboxRow.due) <= firm.sim.clock())
        return [(row.key, row.status, row.error) for row in tx.exec(late).all()]

    return firm.parts.database.read(work)


def speaks(firm: Firm, chat: Chat, subject: str, *texts: str) -> None:
    """So many words of the bot that wait for this chat."""

    def work(tx: Transaction) -> None:
        for number, text in enumerate(texts):
            key = f"{chat.id}:{subject}:{number}"
            said = asdict(Outgoing(text))
            outbox.enqueue_reply(tx, key=key, platform="feishu", chat=chat.id, said=said, incident=None, now=firm.sim.clock())
            tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one().lane = f"{chat.id}:{subject}"

    firm.parts.database.write(work)


def works(firm: Firm) -> None:
    """What is due now, and then what comes of it, until all is over."""
    firm.settle()
    firm.passes(seconds=LONG_ENOUGH)


def seen(chat: Chat, part: str = "") -> list[str]:
    return [message.text for message in chat.shown if part in message.text]


def struck(firm: Firm) -> set[str]:
    """The routes on which something failed as planned: a test whose fault never came proves nothing."""
    return {one.request.route for one in firm.sim.requests if one.fault}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_messages_arrive_once_and_in_order(firm: Firm, trouble: Trouble) -> None:
    chats = [firm.sim.add_chat(name, [open_id("li.na")]) for name in ("一组", "二组")]
    for chat in chats:
        for subject in ("甲", "乙"):
            speaks(firm, chat, subject, *(f"{subject}{number}" for number in range(3)))
    trouble.strikes(firm.sim.faults, MESSAGES)
    works(firm)
    assert struck(firm) == {MESSAGES}
    for chat in chats:
        assert seen(chat, "甲") == [f"甲{number}" for number in range(3)]
        assert seen(chat, "乙") == [f"乙{number}" for number in range(3)]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_files_arrive_once_and_behind_their_first_lines(firm: Firm, trouble: Trouble) -> None:
    chat = firm.sim.add_chat("一组", [open_id("li.na")])
    long = [f"{number} {'字' * 60_000}" for number in range(2)]
    speaks(firm, chat, "甲", *long, "完")
    trouble.strikes(firm.sim.faults, FILES)
    works(firm)
    assert trouble.seconds or FILES in struck(firm)
    assert [message.kind for message in chat.shown] == ["post", "file", "post", "file", "post"]
    assert [content(firm, message) for message in chat.shown if message.kind == "file"] == long
    assert chat.shown[-1].text == "完"


@pytest.mark.parametrize("kind", [trouble.kind for trouble in TROUBLES.values() if not trouble.seconds])
def test_a_file_whose_own_message_failed_arrives_once(firm: Firm, kind: Kind) -> None:
    """The first lines went through; it is uploaded again and its message repeated, which Feishu knows by its key."""
    chat = firm.sim.add_chat("一组", [open_id("li.na")])
    long = "字" * 60_000
    speaks(firm, chat, "甲", long, "完")
    firm.sim.faults.add(MESSAGES, kind, skip=1, seconds=GONE if kind == "delay" else 2 * LIMIT)
    works(firm)
    assert [one.fault for one in firm.sim.calls(MESSAGES)][:2] == ["", kind]
    assert [message.kind for message in chat.shown] == ["post", "file", "post"]
    assert content(firm, chat.shown[1]) == long


def content(firm: Firm, message: Message) -> str:
    return firm.sim.state.uploads[message.values["file_key"]].content.decode()


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_one_group_is_made_and_its_card_shows_what_is_true_and_never_goes_back(firm: Firm, trouble: Trouble) -> None:
    trouble.strikes(firm.sim.faults, CHATS, MEMBERS)
    opened(firm)
    works(firm)
    assert trouble.seconds or struck(firm) == {CHATS, MEMBERS}
    (room,) = rooms(firm)
    assert room.members == {open_id(person) for person in asked_for(firm)}
    (card,) = cards(room)
    assert room.pins == [card]

    trouble.strikes(firm.sim.faults, PATCH)
    for number in range(3):
        firm.player("li.na").says(room.id, f"/事件 进展 I1 第{number}步", mention_bot=True)
        firm.settle()
    works(firm)
    assert trouble.seconds or PATCH in struck(firm)
    assert cards(room) == [card]
    looks = [Message("", "", "interactive", one, "", card.at).text for one in (*card.history, card.content)]
    steps = [line for look in looks for line in look.split("\n") if line.startswith("第")]
    assert steps[-1] == "第2步"
    assert steps == sorted(steps)
    assert [text.split(":")[1].split("\n")[0] for text in seen(room, "I1 进展(")] == [f"第{number}步" for number in range(3)]


def opened(firm: Firm) -> None:
    firm.player("li.na").says("", "/事件 上报 行情中断")
    firm.settle()


def cards(room: Chat) -> list[Message]:
    """Cards of the incident, beside what mentions people there."""
    return [message for message in room.shown if message.kind == "interactive" and "事件" in message.text]


def rooms(firm: Firm) -> list[Chat]:
    return [chat for chat in firm.sim.state.chats.values() if chat.kind == "group"]


def asked_for(firm: Firm) -> list[str]:
    room = select(OutboxRow).where(col(OutboxRow.key) == "room:I1")
    return firm.parts.database.read(lambda tx: list(tx.exec(room).one().about["members"]))


# The documented case, and what an outage may not cost


@pytest.mark.parametrize(("minutes", "times"), [(59, 1), (61, 2)])
def test_feishu_knows_a_repeated_message_for_an_hour(firm: Firm, minutes: int, times: int) -> None:
    """Done, the answer lost, and then nobody could ask again: after the hour it is shown twice rather than never."""
    chat = firm.sim.add_chat("一组", [open_id("li.na")])
    speaks(firm, chat, "甲", "甲0", "甲1")
    firm.sim.faults.add(MESSAGES, "reset_after")
    firm.settle()
    firm.sim.clock.push(minutes=minutes)  # the server was off
    works(firm)
    assert seen(chat) == ["甲0"] * times + ["甲1"]


@pytest.mark.parametrize(("hours", "times"), [(9, 1), (11, 2)])
def test_feishu_knows_a_repeated_group_for_ten_hours(firm: Firm, hours: int, times: int) -> None:
    firm.sim.faults.add(CHATS, "reset_after")
    firm.player("li.na").says("", "/事件 上报 行情中断")
    firm.run(firm.parts.worker.inbox_turn())
    while not struck(firm):
        firm.run(firm.parts.worker.outbox_turn())
    firm.sim.clock.push(hours=hours)
    works(firm)
    assert len(rooms(firm)) == times
    assert [len(room.pins) for room in rooms(firm)] == [0] * (times - 1) + [1], "the incident lives in one"


@pytest.mark.parametrize("kind", ["html", "hang"])
def test_however_long_it_lasts_nothing_is_given_up(firm: Firm, kind: Kind) -> None:
    """Many more tries than a message that fails by itself would get."""
    chat = firm.sim.add_chat("一组", [open_id("li.na")])
    speaks(firm, chat, "甲", "甲0", "甲1")
    firm.parts.worker.sender.deed_limit = patient(LIMIT / 4)
    firm.sim.faults.outage(1800, kind, MESSAGES)
    firm.settle()
    firm.passes(minutes=29)
    assert seen(chat) == []
    firm.parts.worker.sender.deed_limit = patient(LIMIT)
    firm.passes(minutes=5)
    assert seen(chat) == ["甲0", "甲1"]
