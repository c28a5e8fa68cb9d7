"""The single road: an event is stored, then decided in one transaction, then answered. People, clocks and deliveries all take it."""

import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers.core.access import check, house_scope, may, scope_of
from handlers.core.context import Context
from handlers.core.explain import explain
from handlers.core.look import Look
from handlers.core.message import Message, Outgoing, Reply
from handlers.core.parser import Parsed, Reading, parse
from handlers.core.registry import COMMANDS, REQUESTS, SCREENS, TIMERS
from handlers.core.screen import screen
from handlers.core.wording import Words
from storage import audit, inbox, outbox
from storage.cipher import Cipher
from storage.database import Database, Transaction, away, part
from storage.inbox import INBOX
from storage.plans import Plans
from storage.queue import backoff
from storage.tables.queues import InboxRow, OutboxRow, QueueRow, TimerRow
from storage.timers import TIMERS as TIMER_QUEUE
from storage.unit_of_work import UnitOfWork
from storage.views.reader import Reader, ReadOnce
from workflows.core.errors import BadWords, Conflict, GengfuError, NotFound, RuleBroken, UserError
from workflows.core.outcome import Notice

log = logging.getLogger(__name__)

_TASK = re.compile("T[0-9]+")
#: How often a decision that lost a race is taken again from the start.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class House:
    """Everything a decision needs; made once by bootstrap. `identify` maps (platform, id there) to a person id, or None."""

    database: Database
    plans: Plans
    cipher: Cipher
    words: Words
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    identify: Callable[[str, str], str | None]
    count: Callable[[str, str], None] = lambda command, result: None
    took: Callable[[timedelta], None] = lambda span: None


class LostRow(GengfuError):
    """The row was claimed by somebody else meanwhile: roll back and let them."""


class Road:
    def __init__(self, house: House) -> None:
        self.house = house

    # Storing

    def store(self, message: Message) -> bool:
        """Keep the event for the worker; False when it was there already."""
        return self.store_soon(message).result()

    def store_soon(self, message: Message) -> "Future[bool]":
        """The same for callers that must not wait in a thread."""
        return self.house.database.submit_write(lambda tx: self._store(tx, message, claimed=False) is not None)

    def ask(self, message: Message) -> Reply:
        """Keep the event, already claimed, and decide it at once. A repeat of the same event is answered with what was answered before."""
        row = self.house.database.write(lambda tx: self._store(tx, message, claimed=True))
        if row is not None:
            with suppress(LostRow):  # we were slower than the lease, and a worker has decided it
                return self._handle(row, message)
        return self.house.database.read(lambda tx: self._answered(tx, message))

    def _store(self, tx: Transaction, message: Message, *, claimed: bool) -> InboxRow | None:
        house = self.house
        # A click waits for nobody: it carries a version. What a person types in one chat is decided in that order.
        lane = (
            f"{message.platform}:{message.chat}:{message.sender}"
            if message.kind == "text"
            else f"click:{message.platform}:{message.event_id}"
        )
        return inbox.store(
            tx,
            house.cipher,
            platform=message.platform,
            event_id=message.event_id,
            lane=lane,
            payload=_packed(message),
            now=house.now(),
            claimed=claimed,
        )

    def _answered(self, tx: Transaction, message: Message) -> Reply:
        row = inbox.find(tx, message.platform, message.event_id)
        if row is None or row.reply is None:
            return Reply(self.house.words.say("house.in_hand"), wait=True)
        return replace(Reply(**row.reply), card=self._clicked_card(tx, message))

    # Deciding

    def work(self, row: InboxRow) -> None:
        """A worker's path: a stored event, a request of a workflow, a fact from a delivery."""
        payload = inbox.payload_of(row, self.house.cipher)
        if row.platform == "gengfu":
            self._decide_again(row, lambda tx: self._request(tx, row, payload))
        else:
            self._handle(row, _unpacked(payload), late=True)

    def _handle(self, row: InboxRow, message: Message, *, late: bool = False) -> Reply:
        began = self.house.now()
        try:
            return self._handled(row, message, late=late)
        finally:
            self.house.took(self.house.now() - began)

    def _handled(self, row: InboxRow, message: Message, *, late: bool) -> Reply:
        person = self.house.identify(message.platform, message.sender) or f"{message.platform}:{message.sender}"
        line, masked = _screened(message)
        try:
            reply = self._decide_again(row, lambda tx: self._decide(tx, row, line, person, masked=masked, late=late))
        except UserError as refusal:
            refused = refusal
            reply = self.house.database.write(lambda tx: self._refuse(tx, row, line, person, refused, masked=masked, late=late))
        except LostRow:
            raise
        except Exception as error:
            return self._broken(row, line, error)
        if message.kind == "click" and reply is not None:
            reply = replace(reply, card=self.house.database.read(lambda tx: self._clicked_card(tx, message)))
        return reply or Reply("")

    def _decide_again(self, row: InboxRow, decide: Callable[[Transaction], Reply | None]) -> Reply | None:
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return self.house.database.write(decide)
            except Conflict:
                if not left:
                    raise RuleBroken("house.busy") from None
        raise AssertionError("unreachable")

    def _decide(self, tx: Transaction, row: InboxRow, message: Message, person: str, *, masked: bool, late: bool) -> Reply | None:
        house, now = self.house, self.house.now()
        reading = Reading(house.plans.current, now, house.words.zone)
        spoken = self._spoken_of(tx, message)
        addressed = message.addressed or message.kind == "click"
        parsed = self._read(message, person, reading, addressed=addressed, reply=spoken is not None)
        if parsed is None:
            self._finish(tx, row, None)
            return None
        check(parsed.command.who, person, house.plans.organization)
        uow = self._unit(tx, person, f"{row.platform}:{row.event_id}")
        reader = Reader(tx, house.plans, scope_of(person, house.plans.organization))
        context = Context(uow, reader, person, message, house.words, house.words.zone, _about(spoken))
        reply = parsed.command.run(context, parsed.given)
        reply = self._hinted(reply, masked)
        house.count(parsed.command.name, "done")
        self._answer(tx, row, message, reply, late=late)
        return reply

    def _read(self, message: Message, person: str, reading: Reading, *, addressed: bool, reply: bool) -> Parsed | None:
        """What was asked for. Plain words of somebody outside the plan, said one-to-one, are a report: nobody has to learn commands."""
        organization = self.house.plans.organization
        plain = message.kind == "text" and message.chat_kind == "direct" and not message.text.lstrip().startswith(("/", "／", "、"))
        if not plain or person in organization.people:
            return parse(_line(message), reading, addressed=addressed, reply=reply)
        try:
            parsed = parse(message.text, reading, addressed=True)
        except BadWords:
            parsed = None
        if parsed is not None and may(parsed.command.who, person, organization):
            return parsed
        report = COMMANDS["incident open"]
        return Parsed(report, report.args(text=message.text.strip()))

    def _hinted(self, reply: Reply, masked: bool) -> Reply:
        """With the hint that client data was masked, whatever became of the command."""
        return replace(reply, text=f"{reply.text}\n{self.house.words.say('house.masked')}") if masked else reply

    def _refuse(
        self, tx: Transaction, row: InboxRow, message: Message, person: str, refusal: UserError, *, masked: bool, late: bool
    ) -> Reply:
        """Every refusal is recorded, in the chain of the person who was refused, with the command and never with what they wrote."""
        house = self.house
        named = str(refusal.values.get("command") or _command_of(message, house) or "")
        incident = self._unit(tx, person, "").incident_in(message.platform, message.chat)
        audit.append_personal(
            tx,
            person,
            at=house.now(),
            actor=person,
            verb="refused",
            details={"command": named, "reason": refusal.key, "refs": _refs(message.text)},
            incident=incident,
            via=f"{row.platform}:{row.event_id}",
        )
        text, usage = explain(refusal, house.words, house.plans.current, house.now(), named)
        reply = self._hinted(Reply(text, error=refusal.key, usage=usage), masked)
        house.count(named or "-", "refused")
        self._answer(tx, row, message, reply, late=late)
        return reply

    def _broken(self, row: InboxRow, message: Message, error: Exception) -> Reply:
        """A bug: the row stays and is tried again; the person gets a number to ask about."""
        code = self.house.new_id()[:4]
        log.exception("a command failed", extra={"action": "command_failed", "code": code, "inbox": row.id, "error": type(error).__name__})
        due = self.house.now() + backoff(row.attempt)
        self.house.database.write(lambda tx: INBOX.retry(tx, row, due, f"{type(error).__name__} {code}", free=away(error)))
        return Reply(self.house.words.say("house.internal", code=code), error="house.internal")

    def _answer(self, tx: Transaction, row: InboxRow, message: Message, reply: Reply, *, late: bool) -> None:
        """What was typed is answered in its chat; a click by its own answer, or, when that came too late, one-to-one."""
        house = self.house
        self._finish(tx, row, reply)
        if not reply.text or not (message.kind == "text" or late):
            return
        text = "\n".join(part for part in (reply.text, reply.usage) if part)
        said = asdict(Outgoing(text, reply.card))
        key = f"reply:{row.platform}:{row.event_id}"
        outbox.enqueue_reply(tx, key=key, platform=message.platform, chat=message.chat, said=said, incident=None, now=house.now())

    def answer_later(self, message: Message, reply: Reply) -> None:
        """A click was answered 「in hand」 before it was decided: the outcome follows as a message."""
        key = f"reply:{message.platform}:{message.event_id}"
        said = asdict(Outgoing(reply.text))
        self.house.database.write(
            lambda tx: outbox.enqueue_reply(
                tx, key=key, platform=message.platform, chat=message.chat, said=said, incident=None, now=self.house.now()
            )
        )

    def _finish(self, tx: Transaction, row: InboxRow, reply: Reply | None) -> None:
        kept = None if reply is None else {**asdict(reply), "card": None}
        if not inbox.finish(tx, row, self.house.now(), kept):
            raise LostRow(f"inbox row {row.id} is somebody else's now")

    def _request(self, tx: Transaction, row: InboxRow, payload: Mapping[str, Any]) -> None:
        actor = str(payload.get("actor", "delivery"))
        uow = self._unit(tx, actor, f"gengfu:{row.event_id}")
        context = self._own_context(tx, uow, actor)
        try:
            with part(tx):
                REQUESTS[str(payload["request"])](context, str(payload["incident"]), payload["values"])
        except UserError as refusal:
            log.info(
                "a request was refused", extra={"action": "request_refused", "request": str(payload["request"]), "reason": refusal.key}
            )
        self._finish(tx, row, None)

    # The clock

    def fire(self, row: TimerRow) -> None:
        """A timer has come: the same transaction as a command, with the clock as actor."""
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                self.house.database.write(lambda tx: self._fire(tx, row))
                return
            except Conflict:
                if not left:
                    raise

    def _fire(self, tx: Transaction, row: TimerRow) -> None:
        uow = self._unit(tx, "clock", f"timer:{row.record_ref}:{row.name}")
        if row.incident:
            uow.lock(row.incident)  # before the timer's own row: a person who acts asks for the two in this order
        if not TIMER_QUEUE.done(tx, row, self.house.now()):
            return  # moved or cancelled since it was claimed: its new time will come
        try:
            with part(tx):
                TIMERS[row.record_ref[0]](self._own_context(tx, uow, "clock"), row.record_ref, row.name, row.due)
        except (RuleBroken, NotFound):
            log.info("a timer no longer applies", extra={"action": "timer_stale", "record": row.record_ref, "timer": row.name})

    # Drawing

    def reader(self, tx: Transaction) -> Reader:
        """For drawing what commits have already decided to send to a person or chat; each record is read once."""
        return ReadOnce(tx, self.house.plans, house_scope())

    def draw(self, reader: Reader, row: OutboxRow) -> Outgoing | None:
        """What an outbox row says now, or None when it no longer matters."""
        house, about = self.house, row.about
        try:
            look = Look(reader, house.words, house.words.zone, house.now(), row.recipient or "")
            return SCREENS[about.get("card") or about["notice"]](look, about)
        except NotFound:
            return None

    def _clicked_card(self, tx: Transaction, message: Message) -> Any:
        """The clicked card as it looks now."""
        row = self._spoken_of(tx, message)
        if row is None or row.kind != "card":
            return None
        drawn = self.draw(self.reader(tx), row)
        return drawn.card if drawn else None

    def alarm(self, tx: Transaction, queue: str, row: QueueRow, error: str) -> None:
        """Something was buried: every administrator hears of it, and again when it was revived and buried again."""
        organization = self.house.plans.organization
        notice = Notice(
            "house.buried", organization.with_role("administrator"), {"queue": queue, "id": row.id, "error": error}, "escalation"
        )
        outbox.enqueue_notice(
            tx, notice, ref=f"{queue}:{row.id}", version=row.fence, incident="", organization=organization, now=self.house.now(), watch=""
        )

    # Small parts

    def _unit(self, tx: Transaction, actor: str, via: str) -> UnitOfWork:
        return UnitOfWork(tx, plans=self.house.plans, cipher=self.house.cipher, now=self.house.now(), actor=actor, via=via)

    def _own_context(self, tx: Transaction, uow: UnitOfWork, actor: str) -> Context:
        message = Message("gengfu", "", "text", "", "direct", actor, "", self.house.now())
        return Context(uow, Reader(tx, self.house.plans, house_scope()), actor, message, self.house.words, self.house.words.zone)

    def _spoken_of(self, tx: Transaction, message: Message) -> OutboxRow | None:
        if not message.reply_to:
            return None
        return Reader(tx, self.house.plans, house_scope()).spoken_of(message.platform, message.reply_to)


def _screened(message: Message) -> tuple[Message, bool]:
    """Client data is masked before anything else sees it."""
    text = screen(_storable(message.text))
    fields = {name: screen(_storable(value)) for name, value in message.fields.items()}
    masked = bool(text.found) or any(f.found for f in fields.values())
    return replace(message, text=text.text, fields={name: f.text for name, f in fields.items()}), masked


def _storable(text: str) -> str:
    """Without what no database can keep (NUL, lone surrogates) and nobody can type."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def _line(message: Message) -> str:
    """A click's command line, with the answer to the button's question as its text."""
    answer = message.fields.get("text", "").strip()
    return f"{message.text} {answer}".rstrip() if answer else message.text


def _about(spoken: OutboxRow | None) -> str | None:
    """The record that an answered message is about: the one task it names, if its buttons name one; none when they name several."""
    if spoken is None:
        return None
    card = (spoken.said or {}).get("card") or {}
    named = {word for button in card.get("buttons", ()) for word in button["command"].split() if _TASK.fullmatch(word)}
    if named:
        return named.pop() if len(named) == 1 else spoken.incident
    return str(spoken.about.get("ref") or "") or spoken.ref


def _command_of(message: Message, house: House) -> str | None:
    """The command that was meant, for the record of a refusal that came after parsing."""
    try:
        found: Parsed | None = parse(_line(message), Reading(house.plans.current, house.now(), house.words.zone), addressed=True)
    except BadWords:
        return None
    return found.command.name if found else None


def _refs(text: str) -> list[Any]:
    """Refs that a refused command named: enough to find it again, without keeping what was written."""
    words = (word.strip("，。,.").upper() for word in text.split())
    return [word for word in words if word[:1] in "ITANR" and word[1:].isdigit() and len(word) < 12]


def _packed(message: Message) -> dict[str, Any]:
    return {**asdict(message), "at": message.at.isoformat()}


def _unpacked(payload: Mapping[str, Any]) -> Message:
    return Message(**{**payload, "at": datetime.fromisoformat(payload["at"]), "files": tuple(payload.get("files", ()))})
