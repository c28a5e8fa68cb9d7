"""Every fault of the network × everything the bot says or does on DingTalk, through outbox, sender and circuit, over real sockets: nothing
is lost, the order stands per chat and subject, and nobody sees anything twice, but for words in a group, which say so."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from sqlmodel import col, select

from handlers.core.message import Outgoing
from storage import outbox
from storage.database import Transaction
from storage.tables.queues import DONE, OutboxRow
from tests.dingtalk_firm import Firm, firm_on_dingtalk, staff_id
from tests.ready import patient
from tests.simulators.core.faults import Faults, Kind
from tests.simulators.dingtalk.state import Chat, Message

TO_GROUP, TO_PEOPLE = "POST /v1.0/robot/groupMessages/send", "POST /v1.0/robot/oToMessages/batchSend"
MAKE, CHANGE = "POST /v1.0/card/instances/createAndDeliver", "PUT /v1.0/card/instances"
TOKEN, SCENE, MEDIA = "POST /v1.0/oauth2/accessToken", "POST /v1.0/im/sceneGroup/create", "POST /media/upload"
#: Real seconds for a deed, where the house gives thirty: so long does a test wait for what hangs.
LIMIT = 1.0
#: Longer than any limit: what is done so late is done as soon as we have gone.
GONE = 60.0
#: More than a lease, and than any pause of the circuit.
LONG_ENOUGH = 400
AGAIN = "(可能重复) "


@dataclass(frozen=True)
class Trouble:
    """`times` on each route; or for `seconds`, whatever is asked · `done`: DingTalk did it, and we do not know."""

    kind: Kind
    times: int = 2
    seconds: float = 0.0
    done: bool = False

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
    "done, cut before the answer": Trouble("reset_after", done=True),
    "done, an empty answer": Trouble("empty", done=True),
    "done, half an answer": Trouble("truncated", done=True),
    "done after we have gone": Trouble("delay", done=True),
    "the token is dead": Trouble("dead_token"),
    "a minute of error pages": Trouble("html", seconds=60),
    "a minute of silence": Trouble("hang", seconds=60),
}
EACH = pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with firm_on_dingtalk(tmp_path) as firm:
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


def speaks(firm: Firm, chat: str, subject: str, *texts: str) -> None:
    """So many words of the bot that wait for this chat."""

    def work(tx: Transaction) -> None:
        for number, text in enumerate(texts):
            key = f"{chat}:{subject}:{number}"
            said = asdict(Outgoing(text))
            outbox.enqueue_reply(tx, key=key, platform="dingtalk", chat=chat, said=said, incident=None, now=firm.sim.clock())
            tx.exec(select(OutboxRow).where(col(OutboxRow.key) == key)).one().lane = f"{chat}:{subject}"

    firm.parts.database.write(work)


def works(firm: Firm) -> None:
    """What is due now, and then what comes of it, until all is over."""
    firm.settle()
    firm.passes(seconds=LONG_ENOUGH)


def seen(firm: Firm, chat: Chat, part: str = "") -> list[str]:
    return [text for message in chat.shown if part in (text := firm.player("li.na").seen(message))]


def struck(firm: Firm) -> set[str]:
    """The routes on which something failed as planned: a test whose fault never came proves nothing."""
    return {one.request.route for one in firm.sim.requests if one.fault}


@EACH
def test_words_in_groups_arrive_in_order_and_a_repeat_says_that_it_may_be_one(firm: Firm, trouble: Trouble) -> None:
    chats = [firm.sim.add_chat(name, [staff_id("li.na")]) for name in ("一组", "二组")]
    for chat in chats:
        for subject in ("甲", "乙"):
            speaks(firm, chat.id, subject, *(f"{subject}{number}" for number in range(3)))
    trouble.strikes(firm.sim.faults, TO_GROUP)
    works(firm)
    assert struck(firm) - {TOKEN} == ({TO_GROUP} if not trouble.seconds else set())
    for chat in chats:
        for subject in ("甲", "乙"):
            found = seen(firm, chat, subject)
            first = list(dict.fromkeys(text.removeprefix(AGAIN) for text in found))
            assert first == [f"{subject}{number}" for number in range(3)]
            plain = [text for text in found if not text.startswith(AGAIN)]
            assert len(plain) == len(set(plain)), "what is not marked is seen once"
            assert trouble.done or len(found) <= 3 + 2 * (trouble.kind in ("html", "hang", "reset_before"))


@EACH
def test_words_to_one_person_arrive_once_and_in_order(firm: Firm, trouble: Trouble) -> None:
    speaks(firm, f"user:{staff_id('li.na')}", "甲", *(f"甲{number}" for number in range(3)))
    trouble.strikes(firm.sim.faults, TO_PEOPLE)
    works(firm)
    assert struck(firm) - {TOKEN} == ({TO_PEOPLE} if not trouble.seconds else set())
    assert [text for text in firm.direct("li.na") if text.startswith("甲")] == [f"甲{number}" for number in range(3)]


@EACH
def test_files_arrive_behind_their_first_lines(firm: Firm, trouble: Trouble) -> None:
    chat = firm.sim.add_chat("一组", [staff_id("li.na")])
    speaks(firm, chat.id, "甲", "字" * 20_000, "完")
    trouble.strikes(firm.sim.faults, MEDIA)
    works(firm)
    assert trouble.seconds or MEDIA in struck(firm)
    first = dict.fromkeys((message.kind, firm.player("li.na").seen(message).removeprefix(AGAIN)) for message in chat.shown)
    assert [kind for kind, _ in first] == ["sampleText", "sampleFile", "sampleText"]
    assert seen(firm, chat)[-1] == "完"


@EACH
def test_one_group_is_made_and_its_card_shows_what_is_true_and_never_goes_back(firm: Firm, trouble: Trouble) -> None:
    trouble.strikes(firm.sim.faults, SCENE, MAKE)
    firm.player("li.na").says("", "/事件 上报 行情中断")
    works(firm)
    assert trouble.seconds or struck(firm) == {SCENE, MAKE}
    (room,) = [chat for chat in firm.sim.state.chats.values() if chat.kind == "group"]
    asked = firm.parts.database.read(
        lambda tx: list(tx.exec(select(OutboxRow).where(col(OutboxRow.key) == "room:I1")).one().about["members"])
    )
    assert room.members == {staff_id(person) for person in asked}
    (card,) = cards(firm, room)
    assert room.top == card.track

    trouble.strikes(firm.sim.faults, CHANGE)
    for number in range(3):
        firm.player("li.na").says(room.id, f"/事件 进展 I1 第{number}步")
        firm.settle()
    works(firm)
    assert trouble.seconds or CHANGE in struck(firm)
    assert cards(firm, room) == [card]
    found = firm.sim.state.cards[card.track]
    looks = ["\n".join(values.get(f"body{n}", "") for n in range(1, 7)) for values in (*found.history, found.values)]
    steps = [line for look in looks for line in look.split("\n") if "第" in line and "步" in line]
    assert "第2步" in steps[-1]
    assert steps == sorted(steps)


def cards(firm: Firm, room: Chat) -> list[Message]:
    """Cards of the incident, beside what mentions people there."""
    return [message for message in room.shown if message.kind == "card" and "事件" in firm.player("li.na").seen(message)]


@pytest.mark.parametrize("hours", [1, 30])
def test_a_card_and_a_group_are_known_by_their_key_however_late(firm: Firm, hours: int) -> None:
    for route in (SCENE, MAKE):
        firm.sim.faults.add(route, "reset_after")
    firm.player("li.na").says("", "/事件 上报 行情中断")
    firm.run(firm.parts.worker.inbox_turn())
    while len(struck(firm)) < 2:
        firm.run(firm.parts.worker.outbox_turn())
        firm.sim.clock.push(seconds=5)
    firm.sim.clock.push(hours=hours)
    works(firm)
    (room,) = [chat for chat in firm.sim.state.chats.values() if chat.kind == "group"]
    assert len(cards(firm, room)) == 1


@pytest.mark.parametrize("kind", ["html", "hang"])
def test_however_long_it_lasts_nothing_is_given_up(firm: Firm, kind: Kind) -> None:
    """Many more tries than a message that fails by itself would get."""
    speaks(firm, f"user:{staff_id('li.na')}", "甲", "甲0", "甲1")
    firm.parts.worker.sender.deed_limit = patient(LIMIT / 4)
    firm.sim.faults.outage(1800, kind, TO_PEOPLE)
    firm.settle()
    firm.passes(minutes=29)
    assert firm.direct("li.na") == []
    firm.parts.worker.sender.deed_limit = patient(LIMIT)
    firm.passes(minutes=5)
    assert [text for text in firm.direct("li.na") if text.startswith("甲")] == ["甲0", "甲1"]
