"""What was approved leaves the house, by mail, signed webhook or chat: each outlet by itself, to each receiver once (ADR 0019)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeVar

from bot.circuit import Circuit
from bot.metrics import Metrics
from bot.outside.handing import DOUBT, TAKEN, Failed, Gone, Later, Outcome, Places, Sent, ended, of_all, under_way
from bot.outside.hook import Hook
from bot.outside.letters import Letters
from bot.platforms.core.contract import Deed, Done, Platform, PlatformDown, Send, TryLater, Unsure, WillNeverWork
from bot.secret import Secret
from handlers.core.house import House, LostRow
from handlers.core.message import Outgoing
from storage import inbox
from storage.database import Transaction
from storage.outbox import OUTBOX
from storage.queue import backoff
from storage.tables.queues import OutboxRow
from workflows.core.outlet import OutletKind
from workflows.publication import Piece

log = logging.getLogger(__name__)

T = TypeVar("T")
#: How long a receiver may take; well inside the lease.
LIMIT = 30.0
#: How long a stop waits for a letter that is under way, so that what came of it is kept.
LAST_LETTER = 10.0
#: A text that could not leave for so long does not leave unattended any more: somebody orders it again.
GIVES_UP = timedelta(hours=24)
#: Whose server asks for patience while others have the text already is waited for so long; a correction may stand behind it.
GOES_ON = timedelta(minutes=30)
#: The record hears of so many attempts in vain, then only of a new reason.
TOLD = 3
_RESULTS = {
    Sent: ("sent", logging.INFO),
    Failed: ("failed", logging.ERROR),
    Later: ("later", logging.WARNING),
    Gone: ("gone", logging.INFO),
}


@dataclass(frozen=True, slots=True)
class Means:
    """What the house has to publish with. `secrets`: name of a setting -> what a receiver knows us by."""

    letters: Letters | None = None
    hook: Hook | None = None
    secrets: Mapping[str, Secret[str]] = field(default_factory=lambda: MappingProxyType({}))


class Publishing:
    """`piece`: what a publication says, or None when it is no longer to be sent · `do`: a deed on a platform, under a key."""

    def __init__(
        self,
        house: House,
        piece: Callable[[str], Piece | None],
        platforms: Mapping[str, Platform],
        do: Callable[[str, Deed, str], Awaitable[Done]],
        means: Means,
        metrics: Metrics,
    ) -> None:
        self._house = house
        self._piece = piece
        self._platforms = platforms
        self._do = do
        self._means = means
        self._metrics = metrics
        self.circuits: dict[str, Circuit] = {}
        self.limit = LIMIT

    async def go(self, row: OutboxRow) -> None:
        try:
            outlet, outcome = await self._tried(row)
            became = await self._write(lambda tx: self._noted(tx, row, outcome))
            self._count(row, outlet, became)
        except LostRow:
            log.info("a publication was somebody else's", extra={"action": "row_lost", "outbox": row.id})

    def buried(self, tx: Transaction, row: OutboxRow) -> None:
        """Whoever was at it died again and again: its record must know, also what may have left."""
        left = under_way(row.about)
        log.error("a publication was given up", extra={"action": "publication_failed", "outbox": row.id, "error": row.error})
        self._told(tx, row, left if isinstance(left, Sent | Failed) else Failed(row.error or ""))
        row.about = ended(row.about)

    async def close(self) -> None:
        if self._means.hook is not None:
            await self._means.hook.close()

    # One attempt

    async def _tried(self, row: OutboxRow) -> tuple[str, Outcome]:
        try:
            piece = await asyncio.to_thread(self._piece, row.about["publication"])
        except Exception as error:
            log.exception("a publication cannot be read", extra={"action": "publication_later", "outbox": row.id})
            return "-", Later(type(error).__name__, 0.0)
        if piece is None:
            return "-", under_way(row.about)
        outlet, circuit = piece.outlet.name, self.circuit(piece.outlet.name)
        if sha256(piece.text).hexdigest() != piece.sha256:
            return outlet, Failed("these are not the bytes that were approved")
        if wait := circuit.wait():
            return outlet, Later(circuit.reason, wait, asked=False)
        return outlet, await self._handed(row, piece)

    async def _handed(self, row: OutboxRow, piece: Piece) -> Outcome:
        outlet = piece.outlet.name
        try:
            outcome = await self._by_kind(row, piece)
        except LostRow:
            raise
        except (PlatformDown, TimeoutError) as error:
            down = error if isinstance(error, PlatformDown) else PlatformDown(0.0, f"{outlet} does not answer")
            self._failed(outlet, str(down), down.after)
            return Later(str(down), max(down.after, self.circuit(outlet).wait()))
        except TryLater as error:
            outcome = Later(str(error), error.after)
        except WillNeverWork as error:
            outcome = Failed(str(error))
        except Exception as error:
            log.exception("a publication stumbled", extra={"action": "publication_later", "outbox": row.id, "outlet": outlet})
            return Later(type(error).__name__, 0.0)
        self._answers(outlet)
        return outcome

    async def _by_kind(self, row: OutboxRow, piece: Piece) -> Outcome:
        match piece.outlet.kind:
            case OutletKind.WEBHOOK:
                async with asyncio.timeout(self.limit):
                    return await self._posted(piece)
            case OutletKind.MAIL:
                return await self._mailed(row, piece)
            case OutletKind.CHAT:
                return await self._said(row, piece)
            case OutletKind.MANUAL:
                raise WillNeverWork("it is posted by hand there")

    async def _posted(self, piece: Piece) -> Outcome:
        hook, secret = self._means.hook, self._means.secrets.get(piece.outlet.secret)
        if hook is None or secret is None:
            raise PlatformDown(300.0, f"{piece.outlet.secret} is not set: the receiver could not know that it is us")
        return Sent(await hook.post(piece, secret.reveal()))

    async def _mailed(self, row: OutboxRow, piece: Piece) -> Outcome:
        letters, addresses = self._means.letters, piece.outlet.to
        if letters is None:
            raise PlatformDown(300.0, "mail is not on: set SMTP_URL and SMTP_FROM")
        places = Places(self._house, row, letters.message_id(piece))
        later: TryLater | None = None
        for address in addresses:
            if not await asyncio.to_thread(self._stands, row, piece, places):
                return of_all(addresses, places.known, letters.message_id(piece), "no longer to be sent")
            try:
                await _to_its_end(partial(letters.hand_over, piece, address, places))
            except TryLater as error:
                later = error
                if isinstance(error, PlatformDown):
                    break
        if later and not (TAKEN in places.known.values() and self._tried_for(row) > GOES_ON):
            raise later
        return of_all(addresses, places.known, letters.message_id(piece), str(later))

    def _stands(self, row: OutboxRow, piece: Piece, places: Places) -> bool:
        """Whether it is still to be sent, once some have it: a yes that is taken back stops the rest."""
        if not places.known:
            return True
        now = self._piece(row.about["publication"])
        return now is not None and now.sha256 == piece.sha256

    async def _said(self, row: OutboxRow, piece: Piece) -> Outcome:
        """Where a platform knows a repeat, it may be asked again; elsewhere it is as with mail."""
        platform, chat = piece.outlet.platform, piece.outlet.chat
        if platform not in self._platforms:
            raise PlatformDown(300.0, f"{platform} is switched off: what is published there waits")
        what, place = Send(Outgoing(piece.text.decode()), chat=chat), f"{platform}:{chat}"
        if self._platforms[platform].can.idempotent:
            return Sent((await self._do(platform, what, piece.key)).facts.get("message_id", ""))
        places = Places(self._house, row, "")
        if await asyncio.to_thread(places.open, place):
            await asyncio.to_thread(places.begin, place)
            try:
                done = await self._do(platform, what, piece.key)
            except Unsure:
                await asyncio.to_thread(places.end, place, DOUBT)
            except (TryLater, WillNeverWork):
                await asyncio.to_thread(places.end, place, "")
                raise
            else:
                return Sent(done.facts.get("message_id", ""))
        return of_all((place,), places.known, "")

    # What became of it

    def _noted(self, tx: Transaction, row: OutboxRow, outcome: Outcome) -> Outcome:
        """In the commit that ends the claim; the record hears of it by an event of its own."""
        now = self._house.now()
        if isinstance(outcome, Later) and self._tried_for(row) > GIVES_UP:
            outcome = Failed(outcome.reason)
        if isinstance(outcome, Later):
            self._wait(tx, row, outcome, now)
            return outcome
        self._told(tx, row, outcome)
        accepted = now if isinstance(outcome, Sent) else None
        if not OUTBOX.done(tx, row, now, about=ended(row.about), accepted=accepted):
            raise LostRow(f"outbox row {row.id} is somebody else's now")
        return outcome

    def _told(self, tx: Transaction, row: OutboxRow, outcome: Outcome) -> None:
        match outcome:
            case Sent(receipt):
                self._tell(tx, row, "publication.published", {"receipt": receipt, "at": self._house.now().isoformat()})
            case Failed(reason):
                self._tell(tx, row, "publication.failed", {"reason": reason, "final": True})

    def _wait(self, tx: Transaction, row: OutboxRow, outcome: Later, now: datetime) -> None:
        """The record hears of the first attempts, then of what is new."""
        tries, told = row.about.get("tries", 0) + outcome.asked, list(row.about.get("told", []))
        if outcome.asked and (tries <= TOLD or outcome.reason not in told):
            self._tell(tx, row, "publication.failed", {"reason": outcome.reason, "final": False})
            told = [*told, outcome.reason][-10:]
        pause = max(outcome.after, backoff(tries).total_seconds() if outcome.asked else 0.0)
        about = {"since": now.isoformat(), **row.about, "tries": tries, "told": told}
        if not OUTBOX.retry(tx, row, now + timedelta(seconds=pause), outcome.reason, free=True, about=about):
            raise LostRow(f"outbox row {row.id} is somebody else's now")

    def _tried_for(self, row: OutboxRow) -> timedelta:
        """Since when, in this order of it, it has been in vain."""
        now, since = self._house.now(), row.about.get("since")
        return now - datetime.fromisoformat(since) if since else timedelta(0)

    def _tell(self, tx: Transaction, row: OutboxRow, request: str, values: Mapping[str, Any]) -> None:
        given, event = {"publication": row.about["publication"], **values}, f"{row.key}:{row.fence}"
        payload = {"request": request, "actor": "delivery", "incident": row.incident, "values": given}
        now, lane = self._house.now(), f"gengfu:{row.incident}"
        inbox.store(tx, self._house.cipher, platform="gengfu", event_id=event, lane=lane, payload=payload, now=now)

    def _count(self, row: OutboxRow, outlet: str, outcome: Outcome) -> None:
        result, level = _RESULTS[type(outcome)]
        self._metrics.publications.labels(outlet=outlet, result=result).inc()
        error = outcome.reason if isinstance(outcome, Failed | Later) else None
        more = {
            "action": f"publication_{result}",
            "outbox": row.id,
            "outlet": outlet,
            "publication": row.about["publication"],
            "error": error,
        }
        log.log(level, "what became of a publication", extra=more)

    # Outlets that are away

    def circuit(self, outlet: str) -> Circuit:
        return self.circuits.setdefault(outlet, Circuit(self._house.now))

    def _failed(self, outlet: str, reason: str, after: float) -> None:
        if self.circuit(outlet).failed(reason, after):
            log.error("an outlet is down", extra={"action": "outlet_down", "outlet": outlet, "error": reason})
        self._metrics.outlet_up.labels(outlet=outlet).set(not self.circuit(outlet).open)

    def _answers(self, outlet: str) -> None:
        if self.circuit(outlet).succeeded():
            log.info("an outlet is back", extra={"action": "outlet_up", "outlet": outlet})
        self._metrics.outlet_up.labels(outlet=outlet).set(1)

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self._house.database.submit_write(work))


async def _to_its_end(work: Callable[[], None]) -> None:
    """In a thread; told to stop, we wait a little for it."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_LETTER)
        raise
