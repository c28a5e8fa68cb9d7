"""From outbox rows to words: whether a row still matters is asked, and the words are found and kept, in the transaction that claims it."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers.core import acts
from handlers.core.message import Card, Outgoing, card_of, files_of, link_of, plain
from handlers.core.road import Road
from storage import budget, bundles, outbox
from storage.database import Transaction, canonical, part
from storage.outbox import OUTBOX
from storage.postings import KIND as PUBLISH
from storage.queue import backoff
from storage.rings import KIND as RING
from storage.tables.queues import OutboxRow
from storage.views.reader import Reader

log = logging.getLogger(__name__)

#: Deeds without words.
SILENT = ("room", "invite", "pin")


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed outbox row (and the reminders bundled with it), drawn and ready to go; None = it no longer matters.

    `repeated`: a new card that was handed out before. Where it arrived then, the platform knows its key and shows the older words.
    """

    row: OutboxRow
    bundled: tuple[OutboxRow, ...]
    message: Outgoing | None
    repeated: bool = False

    @property
    def nothing_new(self) -> bool:
        """It no longer matters, was said before its note got lost, or is a card that stands in its chat as it would be drawn now."""
        row, message = self.row, self.message
        if message is None:
            return True
        if row.kind == "card":
            return row.message_id is not None and row.said_hash == fingerprint(message)
        return row.kind == "notice" and row.message_id is not None


@dataclass(frozen=True, slots=True)
class Posting(Ready):
    """A publication that is due. What it says is asked for right before it goes (`bot.publishing`)."""


class Drawing:
    """`ring` draws what is louder than a message."""

    def __init__(self, road: Road, ring: Callable[[Transaction, Reader, OutboxRow], Ready]) -> None:
        self._road = road
        self._ring = ring

    def prepared(self, tx: Transaction, reader: Reader, row: OutboxRow) -> Ready | None:
        """A row that cannot be drawn waits by itself, and is buried in the end: it must not hold up the others of its lot."""
        now = self._road.house.now()
        try:
            with part(tx):
                if row.kind == RING:
                    return self._ring(tx, reader, row)
                if row.kind == PUBLISH:
                    return Posting(row, (), Outgoing(""))
                if budget.postponed(tx, row, now):
                    return None
                first, *others = bundles.led((row, *bundles.bundle(tx, row, now)))
                bundled = tuple(others)
                repeated = row.kind == "card" and row.message_id is None and row.said is not None
                return Ready(first, bundled, self._drawn(tx, reader, first, bundled), repeated)
        except Exception as error:
            log.exception("a message cannot be drawn", extra={"action": "draw_failed", "outbox": row.id, "error": type(error).__name__})
            OUTBOX.retry(tx, row, now + backoff(row.attempt), type(error).__name__)
            return None

    def _drawn(self, tx: Transaction, reader: Reader, row: OutboxRow, bundled: tuple[OutboxRow, ...]) -> Outgoing | None:
        if row.kind == "supersede":
            return self._without_the_replaced(tx, reader, row)
        if row.kind == "reply" or (row.kind == "notice" and row.said is not None):
            return outgoing(row.said)  # a retry says the same words
        if row.kind in SILENT:
            return Outgoing("")
        if row.kind == "secret":  # its words are not kept
            return self._road.draw(reader, row)
        found = _once([(one, self._road.draw(reader, one)) for one in self._fresh(tx, (row, *bundled))])
        for one, words in found:
            one.superseded = one.superseded or (one.kind == "notice" and words is None)  # what was said of it before goes on standing
        message = self._together(found)
        row.said = None if message is None else plain(message)
        if row.kind != "card":  # a card's is noted when it stands in its chat
            row.said_hash = None if message is None else fingerprint(message)
            for one in bundled:
                one.said_hash = row.said_hash  # a retry takes the same ones along
        return message

    def _fresh(self, tx: Transaction, rows: tuple[OutboxRow, ...]) -> list[OutboxRow]:
        """Of what had to wait for its reader's next hour, each item's newest word only."""
        old = budget.outdated(tx, rows) if rows[0].lane.endswith(f":{outbox.OVER}") else set()
        for row in rows:
            row.superseded = row.superseded or row.id in old
        return [row for row in rows if row.id not in old]

    def _without_the_replaced(self, tx: Transaction, reader: Reader, row: OutboxRow) -> Outgoing:
        """What the message still reminds of; once that is nothing, the old words, marked as replaced. It mentions nobody once more."""
        rest = bundles.standing(tx, row.platform, row.about["message_id"])
        message = self._together([(one, self._road.draw(reader, one, stands=True)) for one in rest])
        row.superseded = message is None
        return replace(message or outgoing(row.said), mentions=())

    def _together(self, messages: Iterable[tuple[OutboxRow, Outgoing | None]]) -> Outgoing | None:
        """Several reminders for one reader as one message 「你有 3 项」."""
        found = [(row, message) for row, message in messages if message is not None]
        drawn = [message for _, message in found]
        if len(drawn) < 2:
            return drawn[0] if drawn else None
        words, kinds = self._road.house.words, [row.about.get("notice") in outbox.CLOCKS for row, _ in found]
        over = found[0][0].lane.endswith(f":{outbox.OVER}")
        key = "digest.over" if over else "reminder.bundle_clocks" if all(kinds) else "reminder.bundle"
        head = words.say(key, count=len(drawn), most=budget.MOST)
        cards = [m.card for m in drawn if m.card]
        lines = tuple(("", m.text) for m in drawn)
        seen = acts.seen_all(words, (b for card in cards for b in card.buttons))
        first = tuple(b for card in cards for b in card.buttons[:2])
        buttons = (*first[:9], seen) if seen else first[:10]
        links = {m.card.link if m.card else m.link for m in drawn}
        card = Card(head, lines, "", buttons, "danger" if any(kinds) else "warning", any(c.drill for c in cards))
        card = replace(card, link=links.pop() if len(links) == 1 else None)  # of one incident: one way there
        mentions = tuple(dict.fromkeys(person for m in drawn for person in m.mentions))
        return Outgoing("\n".join([head, *(m.text for m in drawn)]), card, mentions)


def _once(found: list[tuple[OutboxRow, Outgoing | None]]) -> list[tuple[OutboxRow, Outgoing | None]]:
    """News of a clock names what is due and by when: a reminder of the same clock in the same message would say it again."""
    news = {row.ref for row, words in found if words is not None and _of_clock(row) not in (None, *outbox.CLOCK_REPEATS)}
    return [(row, None if row.ref in news and _of_clock(row) in outbox.CLOCK_REPEATS else words) for row, words in found]


def _of_clock(row: OutboxRow) -> str | None:
    kind = row.about.get("notice")
    return kind if kind in outbox.CLOCKS else None


def outgoing(said: Mapping[str, Any]) -> Outgoing:
    """An Outgoing from what was kept with its row."""
    card = said.get("card")
    return Outgoing(said["text"], card_of(card) if card else None, tuple(said.get("mentions") or ()), link_of(said), files_of(said))


def fingerprint(message: Outgoing) -> str:
    return hashlib.sha256(canonical(plain(message)).encode()).hexdigest()
