"""What a handler has in its hands: the unit of work, who asks, and the words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from handlers.core.message import Message, Reply
from handlers.core.wording import Words
from storage.mapping import Record
from storage.unit_of_work import UnitOfWork
from storage.views.reader import Reader
from workflows.core.approval import Approval, approvers_of
from workflows.core.channels import Reach, by_messenger
from workflows.core.errors import BadWords, NotAllowed, NotFound, RuleBroken
from workflows.core.people import Organization
from workflows.core.response import Response
from workflows.core.speaking import may_speak
from workflows.enquiry import Enquiry
from workflows.incident import Incident
from workflows.rumour import Rumour
from workflows.statement import Statement
from workflows.task import Task
from workflows.tip import Tip

R = TypeVar("R", bound=Record)
_REF = re.compile("[A-Z][0-9]+")
#: What a card may be about, besides an incident, from which the incident is known.
_OF_INCIDENT: Mapping[str, type[Task | Approval | Statement | Enquiry | Rumour]] = {
    "T": Task,
    "A": Approval,
    "S": Statement,
    "Q": Enquiry,
    "M": Rumour,
}


@dataclass(frozen=True, slots=True)
class Context:
    """`subject` is the ref that the answered or clicked card is about; `reader` sees what this person may see ·
    `deaf`: in this chat of a platform the bot speaks and hears nothing · `mute`: in this one it only answers."""

    uow: UnitOfWork
    reader: Reader
    person: str
    message: Message
    words: Words
    zone: ZoneInfo
    subject: str | None = None
    reach: Reach = by_messenger
    deaf: Callable[[str, str], bool] = lambda platform, chat: False
    mute: Callable[[str, str], bool] = lambda platform, chat: False

    @property
    def now(self) -> datetime:
        return self.uow.now

    @property
    def organization(self) -> Organization:
        return self.uow.organization

    def say(self, key: str, /, ref: str | None = None, **values: object) -> Reply:
        """An answer from the catalogs."""
        return Reply(self.words.say(key, now=self.now, **values), ref=ref)

    def name(self, person: str | None) -> str:
        """A person as people call them; ids of people who have left stay as they are."""
        found = self.organization.people.get(person or "")
        return found.name if found else person or self.words.say("word.nobody")

    def group_name(self, group: str) -> str:
        found = self.organization.groups[group]
        return found.name_en or found.name if self.words.locale == "en" else found.name

    def response(self, incident: Incident) -> Response:
        """The response of the incident's level now, under the plan it was opened with, and its quiet hours by today's calendar."""
        return self.uow.plan_of(incident).observed(incident.response_level, self.now, self.zone, provisional=incident.provisional)

    def incident(self, ref: str | None, *, anywhere: bool = False) -> Incident:
        """The incident asked about: by ref, by the card answered, or by the chat; locked. `anywhere`: see `Reader.sees`."""
        found = ref or self._subject_incident() or self.uow.incident_in(self.message.platform, self.message.chat) or self._only_one()
        if found is None:
            raise BadWords("house.which_incident")
        incident = self.uow.load(Incident, found)
        if not self.reader.sees(incident, anywhere=anywhere):
            raise NotFound("house.not_found", ref=found)
        self._fresh(incident)
        return incident

    def task(self, ref: str | None) -> tuple[Task, Incident]:
        return self.item(Task, ref, "T", "house.which_task")

    def approval(self, ref: str | None) -> tuple[Approval, Incident]:
        return self.item(Approval, ref, "A", "house.which_approval")

    def check_proven(self, incident: Incident, act: str) -> None:
        """Refuse what the plan wants a fresh one-time code for, when it comes from the web without one."""
        if not self.message.proven and act in self.response(incident).step_up:
            raise NotAllowed("login.step_up")

    def tip(self, ref: str | None) -> Tip:
        found = ref or (self.subject if self.subject and self.subject.startswith("N") else None)
        if found is None:
            raise BadWords("house.which_tip")
        tip = self.uow.load(Tip, found)
        self._fresh(tip)
        return tip

    def item(self, kind: type[R], ref: str | None, letter: str, missing: str) -> tuple[R, Incident]:
        found = ref or (self.subject if self.subject and self.subject.startswith(letter) else None)
        if found is None:
            raise BadWords(missing)
        record = self.uow.load(kind, found)
        incident = self.uow.incident_of(record)
        if not (self.reader.sees(incident) or self._asked(record)):
            raise NotFound("house.not_found", ref=found)
        self._fresh(record)
        return record, incident

    def _asked(self, record: Record) -> bool:
        """Whoever the plan names may decide or answer, and sees the question, also in a restricted incident."""
        if isinstance(record, Enquiry):
            return may_speak(self.person, self.organization, record.owner)
        return isinstance(record, Approval) and self.person in (*approvers_of(record, self.organization), record.decided_by)

    def _subject_incident(self) -> str | None:
        if self.subject is None:
            return None
        if self.subject.startswith("I"):
            return self.subject.split("/")[0]
        kind: type[Task | Approval | Statement | Enquiry | Rumour] | None = _OF_INCIDENT.get(self.subject[0])
        return self.uow.load(kind, self.subject).incident if kind else None

    def _only_one(self) -> str | None:
        """In a direct chat, the only incident that is not closed."""
        found = self.reader.unclosed(2) if self.message.chat_kind == "direct" else []
        return found[0].ref if len(found) == 1 else None

    def _fresh(self, record: Record) -> None:
        """A button of an old card does nothing but say who was faster."""
        version = self.message.version
        if version is None or version >= record.touched or not self._names(record.ref):
            return
        act = self.reader.last_act(record.ref)
        if act is not None:
            actor = self.words.say(f"actor.{act.actor}") if self.words.has(f"actor.{act.actor}") else self.name(act.actor)
            raise RuleBroken("house.stale", by=actor, at=act.at, verb=self.words.say(f"verb.{act.verb}"))

    def _names(self, ref: str) -> bool:
        """Whether the clicked button's command names this record first: its version is that record's and no other's."""
        return ref == next((word for word in self.message.text.split() if _REF.fullmatch(word)), None)
