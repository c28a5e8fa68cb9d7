"""The single road: an event is stored, then decided in one transaction, then answered. People, clocks and deliveries all take it."""

import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handlers.core.access import check, house_scope, may, scope_of
from handlers.core.announcing import Announcing
from handlers.core.apart import parted
from handlers.core.audience import WHOLE, audience_in, audience_of
from handlers.core.clockwork import Clockwork
from handlers.core.context import Context
from handlers.core.explain import explain
from handlers.core.forms import command_of
from handlers.core.house import ATTEMPTS, House, LostRow
from handlers.core.labour import Labour
from handlers.core.look import Look
from handlers.core.message import Button, Card, Message, Outgoing, Reply, card_of, plain
from handlers.core.packing import packed, screened, unpacked
from handlers.core.parser import Parsed, Reading, parse
from handlers.core.publishing import Publishing
from handlers.core.registry import ARRIVALS, COMMANDS, REQUESTS, SCREENS, Command
from handlers.core.tokens import fold_value
from storage import audit, inbox, outbox, whereabouts
from storage.database import Transaction, away, part
from storage.inbox import INBOX
from storage.queue import backoff
from storage.tables.queues import InboxRow, OutboxRow
from storage.views.reader import Reader
from workflows.core.errors import BadWords, Conflict, NotAllowed, NotFound, RuleBroken, UserError
from workflows.core.outcome import Notice

log = logging.getLogger(__name__)

_TASK = re.compile("T[0-9]+")
#: How long a person waits for a decision before the answer is 「in hand」 and the outcome follows as a message.
PATIENCE = timedelta(seconds=1.2)
#: What somebody means who sends files and no word.
FILES_ALONE = "/task attach"


class Road(Clockwork, Labour, Publishing, Announcing):
    # Storing

    def store(self, message: Message) -> bool:
        """Keep the event for the worker; False when it was there already."""
        return self.store_soon(message).result()

    def answers_us(self, message: Message) -> bool:
        """Does it reply to something that we said: 「收到」 under a card needs no mention."""
        return bool(message.reply_to) and self.house.database.read(lambda tx: self._spoken_of(tx, message)) is not None

    def store_soon(self, message: Message) -> "Future[bool]":
        """The same for callers that must not wait in a thread."""
        return self.house.database.submit_write(lambda tx: inbox.store(tx, self.house.cipher, **self._event(message)))

    def ask(self, message: Message) -> Reply:
        """Keep the event, already claimed, and decide it at once. A repeat of the same event is answered with what was answered before."""
        row = self.house.database.write(lambda tx: inbox.store_claimed(tx, self.house.cipher, **self._event(message)))
        if row is not None:
            with suppress(LostRow):  # we were slower than the lease, and a worker has decided it
                return self._handle(row, message, waits=self.house.now() + PATIENCE)
        return self.house.database.read(lambda tx: self._answered(tx, message))

    def _event(self, message: Message) -> dict[str, Any]:
        # A click waits for nobody: it carries a version. What a person types in one chat is decided in that order.
        place = f"{message.platform}:{message.chat}:{message.sender}"
        lane = place if message.kind == "text" else f"click:{message.platform}:{message.event_id}"
        named = {"platform": message.platform, "event_id": message.event_id, "lane": lane}
        return {**named, "payload": packed(message), "now": self.house.now()}

    def _answered(self, tx: Transaction, message: Message) -> Reply:
        row = inbox.find(tx, message.platform, message.event_id)
        if row is not None and row.erased is not None:
            return Reply(self.house.words.say("house.long_ago"), error="house.long_ago", refused="RuleBroken")
        if row is None or row.reply is None:
            return Reply(self.house.words.say("house.in_hand"), wait=True)
        reply = Reply(**row.reply)
        return replace(reply, card=self._clicked_card(tx, message, reply))

    # Deciding

    def message_of(self, row: InboxRow) -> Message | None:
        """The message in a row; None for what the house tells itself."""
        return None if row.platform == "gengfu" else unpacked(inbox.payload_of(row, self.house.cipher))

    def person_of(self, message: Message) -> str:
        """The sender's id in the plan; who is not in it is `platform:id`."""
        return self.house.identify(message.platform, message.sender) or f"{message.platform}:{message.sender}"

    def work(self, row: InboxRow, files: tuple[str, ...] = ()) -> None:
        """A worker's path: a stored event (with the files that were fetched for it), a request of a workflow, a fact from a delivery."""
        message = self.message_of(row)
        if message is None:
            payload = inbox.payload_of(row, self.house.cipher)
            self._decide_again(row, lambda tx: self._request(tx, row, payload))
        elif message.kind == "withheld":
            self._decide_again(row, lambda tx: self._withheld(tx, row, message))
        elif message.kind in ARRIVALS:
            self._decide_again(row, lambda tx: self._arrival(tx, row, message))
        else:
            text = message.text or (FILES_ALONE if files else "")
            self._handle(row, replace(message, text=text, files=(*message.files, *files)))

    def _handle(self, row: InboxRow, message: Message, *, waits: datetime | None = None) -> Reply:
        """`waits`: until when somebody waits for the answer; what comes later follows as a message, in the commit that decides it."""
        began = self.house.now()
        try:
            return self._handled(row, message, waits)
        finally:
            self.house.took(self.house.now() - began)

    def _handled(self, row: InboxRow, message: Message, waits: datetime | None) -> Reply:
        person = self.person_of(message)
        line, masked = screened(message)
        try:
            reply = self._decide_again(row, lambda tx: self._decide(tx, row, line, person, masked=masked, waits=waits))
        except UserError as refusal:
            refused = refusal
            reply = self.house.database.write(lambda tx: self._refuse(tx, row, line, person, refused, masked=masked, waits=waits))
        except LostRow:
            raise
        except Exception as error:
            return self._broken(row, line, error)
        if message.kind == "click" and reply is not None:
            decided = reply
            reply = replace(reply, card=self.house.database.read(lambda tx: self._clicked_card(tx, message, decided)))
        return reply or Reply("")

    def _decide_again(self, row: InboxRow, decide: Callable[[Transaction], Reply | None]) -> Reply | None:
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return self.house.database.write(decide)
            except Conflict:
                if not left:
                    raise RuleBroken("house.busy") from None
        raise AssertionError("unreachable")

    def _decide(
        self, tx: Transaction, row: InboxRow, message: Message, person: str, *, masked: bool, waits: datetime | None
    ) -> Reply | None:
        house, now = self.house, self.house.now()
        reading = Reading(house.plans.current, now, house.words.zone, self._mentioned(message))
        spoken = self._spoken_of(tx, message)
        if message.asks:
            return self._ask_form(tx, row, message, person, spoken)
        addressed = message.addressed or message.kind == "click"
        parsed = self._read(message, person, reading, addressed=addressed, reply=spoken is not None)
        if parsed is None:
            self._finish(tx, row, None)
            return None
        check(parsed.command.who, person, house.plans.organization)
        if message.token and parsed.command.four_eyes:
            raise NotAllowed("token.four_eyes")
        if message.unsigned and parsed.command.four_eyes:
            raise NotAllowed("house.unsigned")
        uow = self._unit(tx, person, f"{row.platform}:{row.event_id}")
        room = (message.platform, message.chat) if message.chat_kind == "group" and message.chat else None
        reader = Reader(tx, house.plans, scope_of(person, house.plans.organization, room))
        context = Context(uow, reader, person, message, house.words, house.words.zone, _about(spoken), deaf=house.deaf, mute=house.mute)
        reply = self._apart(tx, row, message, person, parsed.command, parsed.command.run(context, parsed.given))
        reply = self._hinted(reply, masked)
        self._was_here(tx, message, person)
        house.count(parsed.command.name, "done")
        self._answer(tx, row, message, reply, waits)
        return reply

    def _apart(self, tx: Transaction, row: InboxRow, message: Message, person: str, command: Command, reply: Reply) -> Reply:
        """What the room that it was said in is not shown goes to who said it, alone."""
        house = self.house
        shown, alone = parted(audience_in(house.plans.organization, message), command, reply, house.words)
        if alone is not None:
            key, rank = f"alone:{row.platform}:{row.event_id}", outbox.PRIORITY["reply"]
            outbox.enqueue_to_person(
                tx, key=key, platform=message.platform, person=person, said=plain(alone), incident=None, priority=rank, now=house.now()
            )
        return shown

    def _ask_form(self, tx: Transaction, row: InboxRow, message: Message, person: str, spoken: OutboxRow | None) -> Reply:
        """The clicked button asks for more than its platform could show in place: its form goes to the person alone."""
        house = self.house
        whole = Reader(tx, house.plans, house_scope()).said_in(message.platform, message.reply_to or "")
        said = (whole or {}).get("card")
        forms = card_of(said).asking(message.text) if said else []
        if said is None or len(forms) < message.asks:
            raise RuleBroken("house.form_gone")
        button = forms[message.asks - 1]
        check(command_of(button.command).who, person, house.plans.organization)
        self._hand(tx, row, message, person, button, said, spoken.incident if spoken else None)
        reply = Reply(house.words.say("house.form_sent"))
        self._was_here(tx, message, person)
        self._finish(tx, row, reply)
        return reply

    def _hand(
        self, tx: Transaction, row: InboxRow, message: Message, person: str, button: Button, said: Mapping[str, Any], incident: str | None
    ) -> None:
        """One button of a card, to one person alone: with its form, or as a page."""
        card = Card(button.label, note=said["title"], buttons=(replace(button, style="primary"),), drill=said["drill"])
        outbox.enqueue_to_person(
            tx,
            key=f"form:{row.platform}:{row.event_id}",
            platform=message.platform,
            person=person,
            said=plain(Outgoing(f"{said['title']}\n{button.label}", card)),
            about={"form": True},
            incident=incident,
            priority=outbox.PRIORITY["reply"],
            now=self.house.now(),
        )

    def _page_instead(self, tx: Transaction, row: InboxRow, message: Message, person: str) -> None:
        """What may not be decided by a tap on an unsigned road: the way to its page, to the person alone."""
        said = (Reader(tx, self.house.plans, house_scope()).said_in(message.platform, message.reply_to or "") or {}).get("card")
        card = card_of(said) if said else Card("")
        spoken = self._spoken_of(tx, message)
        for button in (*card.buttons, *card.menu):
            if button.command == message.text:
                self._hand(tx, row, message, person, button, said or {}, spoken.incident if spoken else None)
                return

    def _was_here(self, tx: Transaction, message: Message, person: str) -> None:
        """What they sent was accepted: there they are reached. At the end of a decision, whose locks are older."""
        if person in self.house.plans.organization.people:
            whereabouts.note(tx, person, message.platform, self.house.now())

    def _mentioned(self, message: Message) -> dict[str, str]:
        """Folded name -> person id of those whom the platform says were mentioned and the plan knows."""
        found = {fold_value(name): self.house.identify(message.platform, identity) for name, identity in message.mentioned}
        return {name: person for name, person in found.items() if person}

    def _read(self, message: Message, person: str, reading: Reading, *, addressed: bool, reply: bool) -> Parsed | None:
        """What was asked for. Plain words of somebody outside the plan, said one-to-one, are a report: nobody has to learn commands."""
        organization = self.house.plans.organization
        plain = message.kind == "text" and message.chat_kind == "direct" and not message.text.lstrip().startswith(("/", "／", "、"))
        if not plain or person in organization.people:
            return parse(message.text, reading, addressed=addressed, reply=reply, fields=message.fields)
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
        self, tx: Transaction, row: InboxRow, message: Message, person: str, refusal: UserError, *, masked: bool, waits: datetime | None
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
            details={"command": named, "reason": refusal.key, "refs": _refs(message.text), **_by(message)},
            incident=incident,
            via=f"{row.platform}:{row.event_id}",
        )
        if refusal.key == "house.unsigned" and message.kind == "click":
            self._page_instead(tx, row, message, person)
        text, usage = explain(_said_here(refusal, message), house.words, house.plans.current, house.now(), named)
        reply = Reply(text, error=refusal.key, usage=usage, refused=type(refusal).__name__)
        found = COMMANDS.get(named)
        if found and isinstance(refusal, (RuleBroken, NotAllowed)) and may(found.who, person, house.plans.organization):
            reply = self._apart(tx, row, message, person, found, reply)
        reply = self._hinted(reply, masked)
        house.count(named or "-", "refused")
        self._answer(tx, row, message, reply, waits)
        return reply

    def _broken(self, row: InboxRow, message: Message, error: Exception) -> Reply:
        """A bug: the row stays and is tried again; the person gets a number to ask about."""
        code = self.house.new_id()[:4]
        log.exception("a command failed", extra={"action": "command_failed", "code": code, "inbox": row.id, "error": type(error).__name__})
        due = self.house.now() + backoff(row.attempt)
        self.house.database.write(lambda tx: INBOX.retry(tx, row, due, f"{type(error).__name__} {code}", free=away(error)))
        return Reply(self.house.words.say("house.internal", code=code), error="house.internal")

    def _answer(self, tx: Transaction, row: InboxRow, message: Message, reply: Reply, waits: datetime | None) -> None:
        """What was typed is answered in its chat; a click by its own answer, or, when that came too late, by a message."""
        house = self.house
        self._finish(tx, row, reply)
        late = waits is None or house.now() >= waits
        if not reply.text or not message.chat or not (message.kind == "text" or late):
            return
        text = "\n".join(part for part in (reply.text, reply.usage) if part)
        self._reply(tx, message, Outgoing(text, reply.card))

    def _reply(self, tx: Transaction, message: Message, said: Outgoing) -> None:
        outbox.enqueue_reply(
            tx,
            key=f"reply:{message.platform}:{message.event_id}",
            platform=message.platform,
            chat=message.chat,
            said=plain(said),
            incident=None,
            now=self.house.now(),
            reader=self.person_of(message) if message.chat_kind == "direct" else None,
        )

    def answer_later(self, message: Message, reply: Reply) -> None:
        """A click was answered 「in hand」 before it was decided: the outcome follows as a message."""
        self.house.database.write(lambda tx: self._reply(tx, message, Outgoing(reply.text)))

    def say_alone(self, message: Message, reply: Reply) -> None:
        """To the person alone: the answer to a click that is too long for where it would be shown, or that came by an unsigned road."""
        person, now = self.person_of(message), self.house.now()
        key, said = f"reply:{message.platform}:{message.event_id}", plain(Outgoing(reply.text))
        rank = outbox.PRIORITY["reply"]
        self.house.database.write(
            lambda tx: outbox.enqueue_to_person(
                tx, key=key, platform=message.platform, person=person, said=said, incident=None, priority=rank, now=now
            )
        )

    def _finish(self, tx: Transaction, row: InboxRow, reply: Reply | None) -> None:
        kept = None if reply is None else plain(replace(reply, card=None))
        if not inbox.finish(tx, row, self.house.now(), kept):
            raise LostRow(f"inbox row {row.id} is somebody else's now")

    def _arrival(self, tx: Transaction, row: InboxRow, message: Message) -> None:
        """The bot came into a chat, was removed from one, or somebody opened the direct chat with it."""
        house, person = self.house, self.person_of(message)
        reader = Reader(tx, house.plans, scope_of(person, house.plans.organization))
        uow = self._unit(tx, person, f"{row.platform}:{row.event_id}")
        context = Context(uow, reader, person, message, house.words, house.words.zone)
        with part(tx):
            reply = ARRIVALS[message.kind](context)
        self._answer(tx, row, replace(message, kind="text"), reply or Reply(""), None)

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

    # Drawing

    def look(self, reader: Reader, person: str, audience: str = WHOLE) -> Look:
        return Look(reader, self.house.words, self.house.words.zone, self.house.now(), person, audience)

    def draw(self, reader: Reader, row: OutboxRow, *, stands: bool = False) -> Outgoing | None:
        """What an outbox row says now, or None when it no longer matters. `stands`: it was said, and its words are only set anew."""
        house = self.house
        about: Mapping[str, Any] = {**row.about, "stands": stands}
        if row.kind == "secret":
            about = outbox.unsealed(house.cipher, row)
            about = {**about, "values": {**about["values"], "url": house.public_url}}
        try:
            message = SCREENS[about.get("card") or about["notice"]](self._look_of(reader, row), about)
            return message and house.links.onto(message, reader, row, house.words)
        except NotFound:
            return None

    def _look_of(self, reader: Reader, row: OutboxRow) -> Look:
        """People read within their own scope, rooms as the audience that they are."""
        group = row.chat and not row.recipient
        audience = audience_of(reader.organization, row.platform or "", row.chat) if group and row.chat else WHOLE
        return self.look(reader, row.recipient or "", audience)

    def _clicked_card(self, tx: Transaction, message: Message, reply: Reply) -> Card | None:
        """The clicked card as it looks now; of a form that was sent alone, what came of it."""
        row = self._spoken_of(tx, message)
        if row is not None and row.about.get("form") and reply.error is None:
            title, drill = row.said["card"]["title"], row.said["card"]["drill"]
            return Card(title, (("", reply.text),), tone="good", drill=drill)
        if row is None or row.kind != "card":
            return None
        drawn = self.draw(self.reader(tx), row)
        return drawn.card if drawn else None

    def touched(self, message: Message, reply: Reply) -> Card | None:
        """A clicked card that is drawn only once, as it should look now: what was done there cannot be done again. For platforms on which
        a click is answered with a card and nothing else."""
        said = self.house.database.read(
            lambda tx: Reader(tx, self.house.plans, house_scope()).said_in(message.platform, message.reply_to or "")
        )
        if not said or not said.get("card"):
            return None
        card = card_of(said["card"])
        if reply.error is not None or reply.wait or message.asks:
            return card
        left, menu = (tuple(one for one in place if one.command != message.text) for place in (card.buttons, card.menu))
        return replace(card, buttons=left, menu=menu)

    def _withheld(self, tx: Transaction, row: InboxRow, message: Message) -> None:
        """The platform keeps back what was said: who said it is told, once an hour, and the administrators once a day."""
        organization, now, values = self.house.plans.organization, self.house.now(), {"platform": message.platform}
        person, hour = self.person_of(message), int(now.timestamp()) // 3600
        for notice, ref, version in (
            (Notice("house.not_heard", (person,), values, "escalation"), f"unheard:{message.platform}", hour),
            (
                Notice("house.quota_out", organization.with_role("administrator"), values, "escalation"),
                f"quota:{message.platform}", now.toordinal(),
            ),
        ):  # fmt: skip
            outbox.enqueue_notice(tx, notice, ref=ref, version=version, incident="", organization=organization, now=now, watch="")
        self._finish(tx, row, None)

    def _spoken_of(self, tx: Transaction, message: Message) -> OutboxRow | None:
        if not message.reply_to:
            return None
        return Reader(tx, self.house.plans, house_scope()).spoken_of(message.platform, message.reply_to)


def _said_here(refusal: UserError, message: Message) -> UserError:
    """In a group also where else to ask: in the same words whether there is such a record or not."""
    elsewhere = refusal.key == "house.not_found" and message.chat_kind == "group"
    return NotFound("house.not_found_here", **refusal.values) if elsewhere else refusal


def _about(spoken: OutboxRow | None) -> str | None:
    """The record that an answered message is about: the one task it names, if its buttons name one; none when they name several."""
    if spoken is None:
        return None
    card = (spoken.said or {}).get("card") or {}
    buttons = (*card.get("buttons", ()), *card.get("menu", ()))
    named = {word for button in buttons for word in button["command"].split() if _TASK.fullmatch(word)}
    if named:
        return named.pop() if len(named) == 1 else spoken.incident
    return str(spoken.about.get("ref") or "") or spoken.ref


def _by(message: Message) -> dict[str, str]:
    """The token by which it came, for the record."""
    return {"token": message.token} if message.token else {}


def _command_of(message: Message, house: House) -> str | None:
    """The command that was meant, for the record of a refusal that came after parsing."""
    try:
        reading = Reading(house.plans.current, house.now(), house.words.zone)
        found: Parsed | None = parse(message.text, reading, addressed=True, fields=message.fields)
    except BadWords:
        return None
    return found.command.name if found else None


def _refs(text: str) -> list[Any]:
    """Refs that a refused command named: enough to find it again, without keeping what was written."""
    words = (word.strip("，。,.").upper() for word in text.split())
    return [word for word in words if word[:1] in "ITANRW" and word[1:].isdigit() and len(word) < 12]
