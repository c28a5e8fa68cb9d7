"""Buttons of a task, as every card shows them."""

from collections.abc import Iterable
from typing import Literal

from handlers.core import forms
from handlers.core.look import Look
from handlers.core.message import Button, Field
from handlers.core.wording import Words
from workflows.task import Task

Style = Literal["plain", "primary", "danger"]

SEEN = "/task seen"
#: Bytes of a button's command.
LONGEST = 100


def claim(look: Look, task: Task) -> Button:
    return _act(look.say("button.claim", ref=task.ref), task, "claim", style="primary")


def progress(look: Look, task: Task, style: Style = "plain") -> Button:
    return _act(look.say("button.progress", ref=task.ref), task, "progress", forms.question(look.say("ask.progress")), style)


def done(look: Look, task: Task, style: Style = "plain") -> Button:
    return _act(look.say("button.done", ref=task.ref), task, "done", forms.question(look.say("ask.done")), style)


def check(look: Look, task: Task) -> list[Button]:
    reject = _act(look.say("button.reject", ref=task.ref), task, "reject", forms.question(look.say("ask.reason")))
    return [_act(look.say("button.verify", ref=task.ref), task, "verify", style="primary"), reject]


def assign(look: Look, task: Task) -> Button:
    return _act(look.say("button.assign", ref=task.ref), task, "assign", forms.assigning(look, task))


def block(look: Look, task: Task) -> Button:
    return _act(look.say("button.block", ref=task.ref), task, "block", forms.blocking(look, task))


def attach(look: Look, task: Task) -> Button:
    return Button(look.say("button.attach", ref=task.ref), f"/task attach {task.ref}", None, files=True)


def snooze(look: Look, task: Task) -> list[Button]:
    """Nothing where the level allows no rest."""
    form = forms.snoozing(look, task)
    return [_act(look.say("button.snooze", ref=task.ref), task, "snooze", form)] if form else []


def seen(look: Look, task: Task) -> Button:
    """Whatever has become of it meanwhile: a person may always say that they have read."""
    return Button(look.say("button.seen", ref=task.ref), f"{SEEN} {task.ref}")


def seen_all(words: Words, buttons: Iterable[Button]) -> Button | None:
    """One 收到 for all that several cards say, as far as a button holds."""
    refs: list[str] = []
    for button in buttons:
        name, _, ref = button.command.rpartition(" ")
        if name == SEEN and len(f"{SEEN} {' '.join((*refs, ref))}") <= LONGEST:
            refs.append(ref)
    return Button(words.say("button.seen_all", count=len(refs)), f"{SEEN} {' '.join(refs)}") if len(refs) > 1 else None


def rare(look: Look, task: Task) -> list[Button]:
    """What an owner does now and then: evidence, cannot go on, let it rest."""
    return [attach(look, task), block(look, task), *snooze(look, task)]


def _act(label: str, task: Task, verb: str, form: tuple[Field, ...] = (), style: Style = "plain") -> Button:
    return Button(label, f"/task {verb} {task.ref}", task.touched, style, form)
