"""Saying what waits in the outbox: around a platform that is down, and never letting one chat hold up another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from bot.circuit import Circuit
from bot.claims import buried, claim
from bot.drawing import SILENT, Drawing, Posting, Ready, fingerprint
from bot.forms import FormDoor
from bot.lots import Going, alike, calls, most
from bot.metrics import Metrics
from bot.platforms.core.budget import GATHER, Month, off_the_hour
from bot.platforms.core.contract import (
    CreateRoom,
    Deed,
    Done,
    Edit,
    Elsewhere,
    Invite,
    Lots,
    Outcome,
    Pin,
    Platform,
    PlatformDown,
    Rejected,
    Send,
    TryLater,
    WillNeverWork,
)
from bot.publishing import Means, Publishing
from bot.ringing import Ring, Ringing, Skipped
from handlers.core.forms import command_of
from handlers.core.house import LostRow
from handlers.core.message import Button, Card, Link, Outgoing, plain
from handlers.core.road import Road
from storage import bundles, inbox, outbox
from storage.database import Transaction, away
from storage.form_links import FormLinks
from storage.outbox import OUTBOX, PRIORITY
from storage.postings import KIND as PUBLISH
from storage.queue import Queue, backoff
from storage.tables.queues import OutboxRow

log = logging.getLogger(__name__)

T = TypeVar("T")
#: How long a deed may take before it counts as lost; well inside the outbox's lease.
DEED_LIMIT = 30.0
#: A lot waits so long for its slowest deed; then the next lot is claimed while that one goes on.
LOT_LIMIT = 0.5
#: What comes into one chat comes in its order, most urgent first, as long as that costs no more than this.
IN_ORDER = 5.0
MOST_FLYING = 50
#: What nobody waits for: refused, it is noted and nobody is woken.
CONVENIENCES = ("pin", "invite")
NOTHING: Mapping[str, Any] = MappingProxyType({})
NO_MONTHS: Mapping[str, Month] = MappingProxyType({})
NO_MEANS = Means()
#: How often what waits for the next month is looked at.
REST = timedelta(hours=1)
#: What was never said is put into words again when it goes: an hour or a month later it may no longer matter.
UNSAID: Mapping[str, Any] = MappingProxyType({"said": None, "said_hash": None})
#: Platforms that reach a telephone outside the house: never from a drill.
TELEPHONES = ("sms",)
#: What is said because its time has come, and can come a minute later.
OF_THE_CLOCK = (PRIORITY["reminder"], PRIORITY["digest"])
#: What is said because a platform keeps back what people say there: by another way, where there is one.
ELSEWHERE = ("house.quota_out", "house.not_heard")
#: Person id -> (platform, id there), the best way first.
Ways = Callable[[str], Sequence[tuple[str, str]]]


class SwitchedOff(WillNeverWork):
    """The row's platform was on when it was written, and is not any more."""

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"{platform} is switched off: configure it again (docs/guide/operations.md), restart, then retry; "
            "or take its chats off the incident (/incident unbind) and out of organization.toml"
        )


class NoRoom(WillNeverWork):
    """Nothing that is on makes group chats: somebody has to do it by hand."""


class Sender:
    """`ways`: how a person is reached; those after the first are the road around · `months`: of platforms that limit them."""

    def __init__(
        self, road: Road, platforms: Mapping[str, Platform], ways: Ways, metrics: Metrics, months: Mapping[str, Month] = NO_MONTHS,
        means: Means = NO_MEANS,
    ) -> None:  # fmt: skip
        self.months = months
        self.road = road
        self.house = road.house
        self.platforms = platforms
        self.ways = ways
        self.metrics = metrics
        self.lot_limit: float | None = LOT_LIMIT
        self.in_order: float | None = IN_ORDER
        self.deed_limit = DEED_LIMIT
        self.circuits: dict[str, Circuit] = {}
        self.ringing = Ringing(road, platforms, ways, metrics, self.resting)
        self.publishing = Publishing(road.house, road.piece, platforms, self._do, means, metrics)
        self._drawing = Drawing(road, self.ringing.ready)
        house = self.house
        self._forms = FormDoor(FormLinks(house.database, house.cipher, house.now), house.cipher, house.public_url, house.now)
        self._flying: dict[asyncio.Task[None], tuple[int, frozenset[str]]] = {}
        """with how urgent it is (smaller goes first), and the chats that it goes to"""

    async def turn(self, queue: Queue[OutboxRow] = OUTBOX) -> bool:
        """One lot. False when there was nothing to do."""
        ready, busy = await self._write(lambda tx: self._claim_and_draw(tx, queue))
        words = [one for one in ready if not isinstance(one, Ring | Posting)]
        flights = [self._takes_off(self._ring(one)) for one in ready if isinstance(one, Ring)]
        flights += [self._takes_off(self.publishing.go(one.row)) for one in ready if isinstance(one, Posting)]
        flights += [self._in_order(lot) for lot in alike(words, self.platforms)]
        landed, _ = await asyncio.wait(flights, timeout=self.lot_limit) if flights else (set(), set())
        for flight in landed:
            flight.result()
        while len(self._flying) >= MOST_FLYING:
            await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
        return busy

    async def stop(self) -> None:
        """Deeds under way are let go: their rows are claimed again when their lease ends."""
        for flight in self._flying:
            flight.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)

    def circuit(self, platform: str) -> Circuit:
        return self.circuits.setdefault(platform, Circuit(self.house.now))

    def troubles(self) -> dict[str, str]:
        """Platform -> why it is not asked at the moment."""
        return {name: circuit.reason for name, circuit in self.circuits.items() if circuit.open}

    def resting(self) -> frozenset[str]:
        """Platforms that are not asked now; one whose pause is over may be tried."""
        return frozenset(name for name, circuit in self.circuits.items() if circuit.wait())

    def _takes_off(self, going: Coroutine[Any, Any, None], rank: int = 0, places: frozenset[str] = frozenset()) -> asyncio.Task[None]:
        flight = asyncio.create_task(going)
        self._flying[flight] = rank, places
        flight.add_done_callback(self._landed)
        return flight

    def _in_order(self, lot: Sequence[Ready]) -> asyncio.Task[None]:
        """Behind what is on its way to the same chats and no less urgent."""
        rank, places = min(one.row.priority for one in lot), frozenset(filter(None, (outbox.place_of(one.row) for one in lot)))
        ahead = [flight for flight, (other, there) in self._flying.items() if other <= rank and places & there]
        return self._takes_off(self._deliver(lot, ahead), rank, places)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        del self._flying[flight]
        if not flight.cancelled() and (error := flight.exception()):
            log.error("what became of a deed could not be noted", extra={"action": "note_failed", "error": type(error).__name__})

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self.house.database.submit_write(work))

    def _claim_and_draw(self, tx: Transaction, queue: Queue[OutboxRow]) -> tuple[list[Ready], bool]:
        """What turns out to say nothing new (most cards after most commits) is done in the same transaction."""
        found = claim(tx, self.road, queue, "outbox", most(self.platforms))
        for row in found.buried:
            if row.kind == PUBLISH:
                self.publishing.buried(tx, row)
        self.house.whereabouts.refresh(tx, self.house.now())
        reader = self.road.reader(tx)
        ready = []
        for row in found.rows:
            one = self._drawing.prepared(tx, reader, row)
            if one is not None and one.nothing_new:
                self._done(tx, one, None, Done())
            elif one is not None:
                if row.kind == "card":
                    row.said_hash = None  # from here until it is noted, nobody knows what stands in the chat
                ready.append(one)
        return ready, bool(found)

    async def _deliver(self, lot: Sequence[Ready], ahead: Collection[asyncio.Task[None]]) -> None:
        """One row; or several with the same words, each with an outcome of its own."""
        if ahead:
            await asyncio.wait(ahead, timeout=self.in_order)
        going = [one for one in await asyncio.gather(*map(self._sets_out, lot)) if one is not None]
        await asyncio.gather(*(self._go(lots, some) for lots, some in calls(going, self.platforms)))

    async def _sets_out(self, ready: Ready) -> Going | None:
        """None: it rests, or cannot be done."""
        row, platform = ready.row, ready.row.platform or ""
        try:
            platform, what = self._deed(ready)
            what = await self._linked(platform, row, what)
            if rests := await self._rests(row, platform, what):
                await self._rest(ready, platform, *rests)
                return None
        except Exception as error:
            await self._not_done(ready, platform, error)
            return None
        return Going(ready, platform, what)

    async def _go(self, lots: Lots | None, some: Sequence[Going]) -> None:
        """One call."""
        try:
            outcomes: Sequence[Done | Exception] = await self._told(lots, some) if lots else [await self._alone(some[0])]
        except Exception as error:
            outcomes = [error] * len(some)
        await asyncio.gather(*(self._note(one, outcome) for one, outcome in zip(some, outcomes, strict=True)))

    async def _alone(self, one: Going) -> Done:
        row = one.ready.row
        return await self._do(one.platform, one.what, f"{row.key}:{row.wanted}" if row.kind == "card" and row.message_id else row.key)

    async def _told(self, lots: Lots, some: Sequence[Going]) -> list[Outcome]:
        first = some[0].what
        assert isinstance(first, Send)
        people = {one.ready.row.key: one.what.person for one in some if isinstance(one.what, Send)}

        async def call() -> Mapping[str, Outcome]:
            found = await lots.tell(first.message, people)
            down = [one for one in found.values() if isinstance(one, PlatformDown)]
            if len(down) == len(found):
                raise down[0]
            return found

        found = await self._asked(some[0].platform, call)
        return [found[one.ready.row.key] for one in some]

    async def _note(self, one: Going, outcome: Done | Exception) -> None:
        if isinstance(outcome, Exception):
            await self._not_done(one.ready, one.platform, outcome)
            return
        row, platform = one.ready.row, one.platform
        try:
            receipt = self._receipt(platform, row, one.what, outcome)
            await self._write(lambda tx: self._done(tx, one.ready, platform, outcome, receipt))
            self._count(platform, "done")
            for state in ("accepted", "delivered"):
                if receipt.get(state):
                    self.metrics.receipts.labels(platform=platform, state=state).inc()
        except Exception as error:
            await self._not_done(one.ready, platform, error)

    async def _not_done(self, ready: Ready, platform: str, error: Exception) -> None:
        row = ready.row
        if isinstance(error, LostRow):
            log.info("a message was somebody else's", extra={"action": "row_lost", "outbox": row.id})
        elif isinstance(error, WillNeverWork):
            text, off = str(error), isinstance(error, SwitchedOff)
            self._count(platform or "-", "never")
            if row.kind in CONVENIENCES or (off and (row.kind == "supersede" or row.message_id is not None)):
                log.warning("a convenience was refused", extra={"action": "deed_refused", "outbox": row.id, "error": text})
                await self._write(lambda tx: self._done(tx, ready, platform, Done()))
                return
            await self._write(lambda tx: self._give_up(tx, ready, error, off=platform if off else ""))
        else:
            await self._try_again(ready, platform, error)

    async def _rests(self, row: OutboxRow, platform: str, what: Deed) -> tuple[datetime, str] | None:
        """(until, why) for what is not urgent: reminders and digests in the minute in which everybody sends (news, the answer to what
        somebody just did, goes at once), all of it when of the platform's month only the part for what is urgent is left, and behind
        others of its line that rest. Nobody is reached less: the ladder goes on."""
        now, calm, month = self.house.now(), row.priority > PRIORITY["escalation"], self.months.get(platform)
        rush = row.priority in OF_THE_CLOCK and platform in self.platforms and self.platforms[platform].can.rush
        limited = month is not None and (calm or isinstance(what, Edit))
        if rush and (later := off_the_hour(now, row.key)):
            return later, "off the full hour"
        if limited and month is not None and await month.low():
            return now + REST, f"{outbox.MONTH}{platform}"
        if isinstance(what, Edit) and month is not None and await month.gathers(row.key):
            return now + GATHER, "several changes together"
        if (rush or limited) and await asyncio.to_thread(self.house.database.read, lambda tx: outbox.line_rests(tx, row)):
            return now, "behind what rests"
        return None

    async def _rest(self, ready: Ready, platform: str, until: datetime, why: str) -> None:
        """In a line beside its own, so that nothing urgent waits behind it; it is looked at again then, and drawn anew."""
        self._count(platform, "rests")
        log.info("a message rests", extra={"action": "message_rests", "platform": platform, "outbox": ready.row.id, "reason": why})

        def work(tx: Transaction) -> None:
            for one in (ready.row, *ready.bundled):
                lane = outbox.RESTS + one.lane.removeprefix(outbox.RESTS)
                OUTBOX.retry(tx, one, until, why, free=True, lane=lane, **(UNSAID if one.kind == "notice" else {}))

        await self._write(work)

    async def _ring(self, ready: Ring) -> None:
        """A louder way. What cannot be done gives place to the next way; only what may still come of it is tried again."""
        row, platform = ready.row, ""
        try:
            platform, what = await self.ringing.deed(ready)
            done = await self._do(platform, what, row.key)
            if done.facts.get("missing"):
                raise Skipped("refused")
            receipt = self._receipt(platform, row, what, done)
            await self._write(lambda tx: self._done(tx, ready, platform, done, receipt))
            self._count(platform, "done")
            self.ringing.done(row)
        except LostRow:
            log.info("a message was somebody else's", extra={"action": "row_lost", "outbox": row.id})
        except Skipped as skipped:
            await self._skip(ready, skipped.reason)
        except WillNeverWork as error:
            await self._skip(ready, "refused", str(error))
        except Exception as error:
            if platform in self.resting():
                await self._write(lambda tx: self.ringing.otherwise(tx, ready))
            else:
                await self._try_again(ready, platform, error)

    async def _skip(self, ready: Ring, reason: str, error: str = "") -> None:
        log.warning("a louder way was skipped", extra={"action": "ring_skipped", "outbox": ready.row.id, "reason": reason, "error": error})
        try:
            await self._write(lambda tx: self.ringing.skipped(tx, ready, reason))
        except LostRow:
            log.info("a message was somebody else's", extra={"action": "row_lost", "outbox": ready.row.id})

    async def _do(self, platform: str, what: Deed, key: str) -> Done:
        can = self.platforms[platform].can
        if isinstance(what, Edit) and not (can.edit or can.anew):
            return Done()
        return await self._asked(platform, lambda: self.platforms[platform].do(what, key))

    async def _asked(self, platform: str, call: Callable[[], Awaitable[T]]) -> T:
        """Unless the platform is known to be down; its circuit learns from what comes of it."""
        circuit = self.circuit(platform)
        if wait := circuit.wait():
            raise PlatformDown(wait, circuit.reason)
        try:
            async with asyncio.timeout(self.deed_limit):
                done = await call()
        except PlatformDown as error:
            await self._failed(platform, str(error), error.after)
            raise
        except TimeoutError:
            await self._failed(platform, f"{platform} does not answer", 0.0)
            raise
        except Rejected:
            self._answers(platform)
            raise
        self._answers(platform)
        return done

    def _answers(self, platform: str) -> None:
        """It says yes or no: it is there."""
        if self.circuit(platform).succeeded():
            log.info("a platform is back", extra={"action": "platform_up", "platform": platform})
            self.metrics.platform_up.labels(platform=platform).set(1)

    async def _failed(self, platform: str, reason: str, after: float) -> None:
        if self.circuit(platform).failed(reason, after):
            log.error("a platform is down", extra={"action": "platform_down", "platform": platform, "error": reason})
            self.metrics.platform_up.labels(platform=platform).set(0)
            await self._write(lambda tx: self.road.platform_down(tx, platform, reason))

    def _give_up(self, tx: Transaction, ready: Ready, refusal: WillNeverWork, *, off: str = "") -> None:
        """`off`: the platform that was switched off; that is one trouble, and said once, however many messages it concerns."""
        error = str(refusal)
        if isinstance(refusal, NoRoom):
            OUTBOX.done(tx, ready.row, self.house.now())
            self.road.roomless(tx, ready.row)
            return
        for one in ready.bundled:
            OUTBOX.bury(tx, one, self.house.now(), error)
        if not OUTBOX.bury(tx, ready.row, self.house.now(), error) or self.road.undelivered(tx, ready.row):
            return
        if off:
            log.error("a row was buried", extra={"action": "row_buried", "queue": "outbox", "row": ready.row.id, "error": error})
            self.road.switched_off(tx, off)
        else:
            buried(tx, self.road, "outbox", ready.row, error)

    async def _try_again(self, ready: Ready, platform: str, error: Exception) -> None:
        """Where the whole platform is down, all that waits for it comes due at one moment, so that the most urgent goes first again."""
        row, asked, now = ready.row, isinstance(error, TryLater), self.house.now()
        unknown = isinstance(error, PlatformDown) or not asked
        wait = timedelta(seconds=error.after) if isinstance(error, TryLater) else backoff(row.attempt)
        self._count(platform or "-", "later")
        if not isinstance(error, Elsewhere):
            log.warning("a message has to wait", extra={"action": "send_failed", "outbox": row.id, "error": type(error).__name__})
        text = str(error) if asked else type(error).__name__
        circuit = self.circuit(platform)
        down = circuit.wait() > 0
        due = circuit.until if down and circuit.until else now + wait

        def work(tx: Transaction) -> None:
            for one in (row, *ready.bundled):
                # It may have arrived: whoever is on another platform by now must not read it there once more.
                stays = {"platform": platform} if platform and one.recipient and unknown else {}
                OUTBOX.retry(tx, one, due, text, free=asked or down or away(error), **stays)  # a platform that is down fails no message
            if down:
                self._around(tx, ready, platform)

        await self._write(work)

    def _around(self, tx: Transaction, ready: Ready, down: str) -> None:
        """The platform is down: who must hear this hears it by the next way that works, once, and is told why.

        The message itself waits on, and comes with its buttons when the platform is back. A regulator's clock goes all ways that work.
        """
        row, message = ready.row, ready.message
        if not row.recipient or message is None or row.priority > PRIORITY["escalation"] or row.kind not in ("notice", "card"):
            return
        if row.message_id is not None:
            return
        drill = row.incident is not None and self.road.reader(tx).practised(row.incident)
        closed = {down, *(TELEPHONES if drill else ())}
        others = [way for way in self.ways(row.recipient) if way[0] not in closed and not self.circuit(way[0]).open]
        once = row.priority != PRIORITY["clock"]
        if once and outbox.written(tx, [f"{row.key}:around:{platform}" for platform, _ in others]):
            return  # by what is their second way now, or was when they were elsewhere
        for platform, _ in others[:1] if once else others:
            why = self.house.words.say("house.around", platform=self.house.words.say(f"platform.{down}"))
            outbox.enqueue_to_person(
                tx,
                key=f"{row.key}:around:{platform}",
                platform=platform,
                person=row.recipient,
                said=plain(Outgoing(f"{message.text}\n{why}")),
                incident=row.incident,
                priority=row.priority,
                now=self.house.now(),
            )

    def _count(self, platform: str, result: str) -> None:
        self.metrics.deliveries.labels(platform=platform, result=result).inc()

    def _deed(self, ready: Ready) -> tuple[str, Deed]:
        """(platform, deed) for a row that has something to do."""
        row, message = ready.row, ready.message
        assert message is not None, "what says nothing is done when it is claimed"
        platform = row.platform or ""
        if platform not in ("", *self.platforms):
            return self._elsewhere(row, message, platform)
        if row.kind in SILENT:
            if not platform or (row.kind == "room" and not self.platforms[platform].can.create_room):
                platform = self._room_maker()
            return platform, self._silent(row, platform)
        message = replace(message, mentions=tuple(one for person in message.mentions if (one := self._identity(platform, person))))
        if row.kind == "supersede":
            return platform, Edit(row.chat or "", row.about["message_id"], message, superseded=row.superseded)
        if row.message_id is not None:
            return platform, Edit(row.chat or "", row.message_id, message)
        if row.chat:
            return platform, Send(message, chat=row.chat)
        if row.kind == "secret" and platform:  # where it was asked for, and nowhere else
            return platform, Send(message, person=row.about["to"])
        name, person = self._way(row, platform)
        return name, Send(message, person=person)

    def _way(self, row: OutboxRow, platform: str) -> tuple[str, str]:
        """(platform, id there): how the row's reader is reached."""
        ways = [way for way in self.ways(row.recipient or "") if platform in ("", way[0])]
        if row.about.get("notice") in ELSEWHERE:
            ways.sort(key=lambda way: way[0] == row.about["values"]["platform"])
        if not ways:
            raise WillNeverWork(f"no messenger reaches {row.recipient}")
        return ways[0]

    def _elsewhere(self, row: OutboxRow, message: Outgoing, off: str) -> tuple[str, Deed]:
        """The row's platform has been switched off since: a person is reached by another way, a room is made where one can be made."""
        if row.kind == "room":
            platform = self._room_maker()
            return platform, self._silent(row, platform)
        ways = self.ways(row.recipient) if row.recipient and row.kind not in ("secret", "supersede", *SILENT) else ()
        if not ways:
            raise SwitchedOff(off)
        platform, person = ways[0]
        mentions = tuple(one for name in message.mentions if (one := self._identity(platform, name)))
        return platform, Send(replace(message, mentions=mentions), person=person)

    def _handed(self, platform: str, what: Deed) -> Deed:
        """Files stay with us: where they cannot be shown, the first one's page is linked."""
        if not isinstance(what, Send | Edit) or not what.message.files or self.platforms[platform].can.ours:
            return what
        message, first = what.message, what.message.files[0]
        link = Link(first.name, f"{self.house.public_url}/papers/{first.id}")
        card = replace(message.card, link=link) if message.card else None
        return replace(what, message=replace(message, card=card, link=None if card else link, files=()))

    async def _linked(self, platform: str, row: OutboxRow, what: Deed) -> Deed:
        what = self._handed(platform, what)
        apart = self.platforms[platform].can.links and row.recipient
        if not apart or not isinstance(what, Send | Edit) or what.message.card is None:
            return what
        card = await asyncio.to_thread(self.linked, platform, apart, what.message.card, asked=bool(row.about.get("form")))
        return replace(what, message=replace(what.message, card=card))

    def linked(self, platform: str, person: str, card: Card, *, asked: bool = False) -> Card:
        """With pages of their own for what this one reader cannot do by a tap there. `asked`: a form that they wanted to fill in."""
        can = self.platforms[platform].can
        if not can.links:
            return card

        def page(button: Button) -> Button:
            apart = can.unsigned and command_of(button.command).four_eyes
            wanted = not can.cards or apart or (asked and not can.form and bool(button.form))
            return replace(button, url=self._forms.make_form_link(person, button)) if wanted else button

        return replace(card, buttons=tuple(map(page, card.buttons)), menu=tuple(map(page, card.menu)))

    def _silent(self, row: OutboxRow, platform: str) -> Deed:
        """A deed without words."""
        if row.kind == "pin":
            return Pin(row.chat or "", row.about["message_id"])
        people = tuple(one for person in row.about["members"] if (one := self._identity(platform, person)))
        return Invite(row.chat or "", people) if row.kind == "invite" else CreateRoom(row.about["name"], people)

    def _stands_first(self, row: OutboxRow, platform: str | None, done: Done) -> bool:
        """The incident's own card came into a group just now: it belongs to the top of it."""
        pins = platform is not None and platform in self.platforms and self.platforms[platform].can.pin
        return pins and row.about.get("card") == "incident" and row.message_id is None and bool(row.chat and done.facts.get("message_id"))

    def _room_maker(self) -> str:
        """Where a room is made that was asked for from no messenger."""
        found = next((name for name, platform in self.platforms.items() if platform.can.create_room), None)
        if found is None:
            raise NoRoom("no messenger that is on can make a room")
        return found

    def _identity(self, platform: str, person: str) -> str:
        """The person's id on the platform; empty where they have none."""
        return next((identity for name, identity in self.ways(person) if name == platform), "")

    def _receipt(self, platform: str, row: OutboxRow, what: Deed, done: Done) -> Mapping[str, Any]:
        """What is known from now on of a new message: accepted; delivered only where Done means that. Empty when it is an older one."""
        new = isinstance(what, Send) or (isinstance(what, Edit) and done.facts.get("message_id") not in (None, what.message_id))
        if not new:
            return {}
        now, can = self.house.now(), self.platforms[platform].can
        known = "delivered" if can.receipts else "accepted" if can.tells else None
        told = {"receipt": known if row.recipient else None, "delivered": now if can.receipts else None, "read": None}
        return {"accepted": now, **told}

    def _done(self, tx: Transaction, ready: Ready, platform: str | None, done: Done, receipt: Mapping[str, Any] = NOTHING) -> None:
        """Note what was done, in the commit that ends the claim; facts that a record cares about become an event of their own."""
        now, row = self.house.now(), ready.row
        where = {"platform": platform, "chat": done.facts.get("chat"), "message_id": done.facts.get("message_id"), **receipt}
        for one in ready.bundled:
            OUTBOX.done(tx, one, now, **where)
        shown = fingerprint(ready.message) if row.kind == "card" and ready.message is not None else row.said_hash
        shown = None if ready.repeated else shown
        if not outbox.noted(
            tx, row, now, platform=platform, facts=done.facts, said_hash=shown, again=ready.repeated, receipt=receipt
        ):  # fmt: skip
            raise LostRow(f"outbox row {row.id} is somebody else's now")
        if self._stands_first(row, platform, done):
            about, key, chat = {"message_id": done.facts["message_id"]}, f"pin:{row.key}", done.facts.get("chat") or row.chat
            outbox.enqueue_deed(tx, key=key, kind="pin", about=about, incident=row.incident or "", now=now, platform=platform, chat=chat)
        if row.kind == "room":
            values = {"platform": platform, "chat": done.facts["chat"]}
            payload = {"request": "room.created", "actor": "delivery", "incident": row.incident, "values": values}
            inbox.store(tx, self.house.cipher, platform="gengfu", event_id=row.key, lane=f"gengfu:{row.incident}", payload=payload, now=now)
        if row.about.get("notice") in outbox.REMINDERS and ready.message is not None:
            said = [one for one in (row, *ready.bundled) if not one.superseded]
            bundles.supersede(tx, [one.ref or "" for one in said], now, by=said)
