"""员工提醒: "say nothing outside, the spokesperson answers", to everybody of the plan and to the staff's chats; who has read it is counted.

sent ──remind──> reminded     (once, those who have not read it; never louder than that)
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from workflows.core.facts import Value
from workflows.core.machine import Machine
from workflows.core.outcome import Event, Notice, Outcome, Timer


class CircularState(StrEnum):
    SENT = "sent"
    REMINDED = "reminded"


State = CircularState
TIMER = "unread"

MACHINE = Machine("circular", State.SENT, {(State.SENT, "remind"): State.REMINDED})


@dataclass(frozen=True, slots=True)
class Circular:
    """`speaker`: whom it names · `people`: of the plan, each of whom is asked to say 已阅 · `chats`: (as `platform:chat`) of the staff."""

    ref: str
    incident: str
    plan: str
    state: State
    speaker: str
    sent_by: str
    sent_at: datetime
    remind_at: datetime
    people: tuple[str, ...]
    chats: tuple[str, ...] = ()
    version: int = 0
    touched: int = 0


def send(circular: Circular) -> Outcome[Circular]:
    details: dict[str, Value] = {"by": circular.sent_by, "people": len(circular.people), "chats": len(circular.chats)}
    staff = (Notice("circular", ("staff",), urgency="assignment"),) if circular.chats else ()
    told = (Notice("circular", circular.people, urgency="assignment"), *staff)
    count = Notice("circular.count", (circular.sent_by,), urgency="reply", card=True)
    return Outcome(circular, Event("circular_sent", details), (Timer(TIMER, circular.remind_at),), (*told, count))


def remind(circular: Circular, *, unread: tuple[str, ...]) -> Outcome[Circular]:
    """The clock: once more to those who have not read it, and to nobody else."""
    state = MACHINE.after(circular.state, "remind")
    told = (Notice("circular", unread, urgency="reminder"),) if unread else ()
    event = Event("circular_again", {"people": len(unread), "of": len(circular.people)})
    return Outcome(replace(circular, state=state), event, (Timer(TIMER, None),), told)
