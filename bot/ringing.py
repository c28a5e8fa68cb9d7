"""The louder ways of a rung: asked again whether they still matter, budgeted, and where one cannot be used, the next one instead."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.drawing import Ready
from bot.forms import FormDoor
from bot.metrics import Metrics
from bot.platforms.core.contract import Deed, Page, Platform, Send
from bot.platforms.sms import call_id
from handlers.core.house import LostRow
from handlers.core.message import Outgoing
from handlers.core.road import Road
from handlers.ringing import ring_text
from storage import audit, inbox, rings
from storage.database import Transaction
from storage.form_links import FormLinks
from storage.outbox import OUTBOX
from storage.shelf import DatabaseShelf
from storage.tables.queues import OutboxRow
from storage.views.reader import Reader

log = logging.getLogger(__name__)

#: Calls to one person. Who is called without end takes the receiver off.
CALLS = ((3, timedelta(minutes=15)), (8, timedelta(days=1)))
#: What reaches a telephone outside the house: never from a drill.
OUTSIDE = ("sms", "call")
#: The way of a rung -> how a messenger of a person's own can do it, about a message that stands there.
_PAGE: Mapping[str, Literal["app", "sms", "phone"]] = {"urgent": "app", "sms": "sms", "call": "phone"}
#: What is no messenger: nobody is buzzed there.
_PLAIN = ("mail", "sms")

Ways = Callable[[str], Sequence[tuple[str, str]]]


class Skipped(Exception):
    """This way cannot be used; `reason` is a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Ring(Ready):
    """`about`: where the direct message stands that this is louder than · `drill`: of an incident that is only practised."""

    about: tuple[str, str] | None = None
    drill: bool = False


class Ringing:
    """`resting`: platforms that are not asked at the moment."""

    def __init__(
        self, road: Road, platforms: Mapping[str, Platform], ways: Ways, metrics: Metrics, resting: Callable[[], Collection[str]]
    ) -> None:
        self._road = road
        self._house = house = road.house
        self._platforms = platforms
        self._ways = ways
        self._metrics = metrics
        self._resting = resting
        self._shelf = DatabaseShelf(house.database, "rings", house.now)
        self._forms = FormDoor(FormLinks(house.database, house.cipher, house.now), house.cipher, house.public_url, house.now)

    def reach(self, person: str) -> frozenset[str]:
        """The ways in which this person can be reached now."""
        down = self._resting()
        on = [name for name, _ in self._ways(person)]
        found = {"card", "mention"} if on else set()
        for name in on:
            if name not in down:
                found |= {"sms": {"sms", "call"}, "mail": {"mail"}}.get(name) or {
                    f"{way}:card" for way, page in _PAGE.items() if page in self._platforms[name].can.page
                }
        return frozenset(found)

    # Words

    def ready(self, tx: Transaction, reader: Reader, row: OutboxRow) -> Ring:
        """With its words, or without any when it no longer matters. They are not kept: a link opens what it leads to."""
        now = self._house.now()
        rows = (row, *rings.bundle(tx, row, now))
        due = [(one, drawn) for one in rows if (drawn := self._still(tx, reader, one, now)) is not None]
        if not due:
            return Ring(row, rows[1:], None)
        person, by, first = row.recipient or "", row.about["by"], due[0][0]
        incident = reader.incident(first.incident or "")
        look = self._road.look(reader, person)
        link = lambda button: self._forms.make_form_link(person, button, tx=tx)  # noqa: E731
        text = ring_text(look, by, incident, [one.about for one, _ in due], [drawn for _, drawn in due], link, self._house.public_url)
        if by in OUTSIDE:
            for one, _ in due:
                one.message_id = call_id(row.key)  # known before it is handed in: the answer may be faster than our note
        return Ring(row, rows[1:], Outgoing(text), about=rings.message_of(tx, first), drill=incident.drill)

    def _still(self, tx: Transaction, reader: Reader, row: OutboxRow, now: datetime) -> Outgoing | None:
        why, drawn = "", None
        if now > datetime.fromisoformat(row.about["ends"]):
            why = "late"
        elif rings.answered(tx, row):
            why = "answered"
        elif (drawn := self._road.draw(reader, row)) is None:
            why = "stale"
        if why:
            self._count(row, why)
        return drawn

    # Deeds

    async def deed(self, ready: Ring) -> tuple[str, Deed]:
        """(platform, deed), or Skipped."""
        row = ready.row
        by, down = row.about["by"], self._resting()
        if ready.drill and by in OUTSIDE:
            raise Skipped("drill")
        found = list(self._deeds(ready))
        if not found:
            raise Skipped("no_way")
        open_ = [(platform, what) for platform, what in found if platform not in down]
        if not open_:
            raise Skipped("down")
        if by == "call" and not await asyncio.to_thread(self._affords, row):
            raise Skipped("budget")
        return open_[0]

    def _deeds(self, ready: Ring) -> Iterator[tuple[str, Deed]]:
        """All that would do, the best first: the gateway, then the messenger itself, about the message that stands there."""
        row, by, message = ready.row, ready.row.about["by"], ready.message or Outgoing("")
        ways = self._ways(row.recipient or "")
        for platform, identity in ways:
            if platform == by and platform in _PLAIN:
                yield platform, Send(message, person=identity)
            elif platform == "sms" and by == "call":
                yield platform, Page("", (identity,), "phone", message.text)
        page = _PAGE.get(by)
        for platform, identity in ways if ready.about and page else ():
            if ready.about and page and platform == ready.about[0] not in _PLAIN and page in self._platforms[platform].can.page:
                yield platform, Page(ready.about[1], (identity,), page, message.text)

    def _affords(self, row: OutboxRow) -> bool:
        """Within the person's budget of calls. A call that is tried again was counted before."""
        counted = f"counted:{row.id}"
        if self._shelf.get(counted) is not None:
            return True
        if not all(self._shelf.spend(f"calls:{row.recipient}:{most}", most, window) for most, window in CALLS):
            return False
        self._shelf.put(counted, "1", self._house.now() + timedelta(hours=1))
        return True

    # What became of it

    def done(self, row: OutboxRow) -> None:
        self._count(row, "done")

    def skipped(self, tx: Transaction, ready: Ready, reason: str) -> None:
        """The next way instead, at once; where there is none and nobody of the rung was reached, the house hears of it."""
        now = self._house.now()
        for row in (*ready.bundled, ready.row):
            if not rings.skip(tx, row, reason, now):
                raise LostRow(f"outbox row {row.id} is somebody else's now")
            self._count(row, reason)
            details = {"ref": row.ref, "by": row.about["by"], "reason": reason}
            via, whom = f"outbox:{row.id}", row.recipient or ""
            audit.append_personal(tx, whom, at=now, actor="delivery", verb="ring_skipped", details=details, incident=row.incident, via=via)
            if rings.unreached(tx, row):
                self._unreached(tx, row, now)

    def otherwise(self, tx: Transaction, ready: Ring) -> None:
        """The platform has just turned out to be down: asked again at once, by what is left."""
        for row in (ready.row, *ready.bundled):
            OUTBOX.retry(tx, row, self._house.now(), "down", free=True)

    def _unreached(self, tx: Transaction, row: OutboxRow, now: datetime) -> None:
        kind = {"T": "task.unreached", "R": "report.unreached"}.get(row.about["ref"][0])
        if kind is None:  # of an enquiry the next rung hears soon enough
            return
        values = {"ref": row.about["ref"], "version": row.about["version"], "timer": row.about["values"].get("timer", "clock")}
        payload = {"request": kind, "actor": "clock", "incident": row.incident, "values": values}
        event, lane = f"unreached:{row.about['ref']}:{row.about['version']}", f"gengfu:{row.incident}"
        inbox.store(tx, self._house.cipher, platform="gengfu", event_id=event, lane=lane, payload=payload, now=now)

    def _count(self, row: OutboxRow, result: str) -> None:
        self._metrics.rings.labels(by=row.about["by"], result=result).inc()
