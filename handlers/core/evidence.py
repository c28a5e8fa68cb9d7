"""Files and pictures as evidence: what came with a message is attached to the task or incident that it is about."""

from typing import TypeVar

from handlers.core.context import Context
from storage.files import Attachment
from workflows import incident as incidents
from workflows import task as tasks
from workflows.core.facts import Value
from workflows.incident import Incident
from workflows.task import Task

R = TypeVar("R", Task, Incident)


def attach(context: Context, record: R, about: str = "") -> tuple[R, str]:
    """Attach what came with the message; answers the record as it stands and what to tell (nothing where nothing came)."""
    if not context.message.files:
        return record, ""
    found = [context.uow.attach(upload, record, about) for upload in context.message.files]
    files: list[dict[str, Value]] = [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in found]
    if isinstance(record, Task):
        response = context.response(context.uow.incident_of(record))
        after = context.uow.apply(tasks.attach(record, by=context.person, response=response, files=files))
    else:
        after = context.uow.apply(incidents.attach(record, by=context.person, files=files, about=about))
    return after, context.words.say("file.attached", ref=record.ref, files=context.words.join([_named(context, one) for one in found]))


def _named(context: Context, one: Attachment) -> str:
    return context.words.say("file.one", name=one.name, size=size(one.size))


def size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count} B" if count < 1024 else f"{count / 1024:.0f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def evidence_of(context: Context, ref: str, incident: str) -> str:
    """All evidence of a record in one line; empty when there is none."""
    found = [one for one in context.reader.attachments(incident) if one.record_ref == ref]
    each = [
        context.words.say("file.kept", name=one.name, size=size(one.size), person=context.name(one.by), at=one.at, now=context.now)
        for one in found
    ]
    return context.words.say("file.list", files=context.words.join(each)) if each else ""
