"""What a question to approvers is about, in a few words: who is reminded of one at night has no card before their eyes."""

from handlers.core.look import Look
from handlers.core.statement_view import next_step, step_of
from workflows.core.approval import Approval, State


def what(look: Look, approval: Approval) -> str:
    """Its kind, and of which text and step, task, report or rumour."""
    kind = look.say(f"approval.kind.{approval.kind}")
    if approval.kind == "statement":
        return look.say("approval.of", kind=kind, what=step_of(look, approval))
    if approval.kind == "task":
        task = look.reader.task(approval.subject)
        return look.say("approval.of", kind=kind, what=f"{task.ref} {task.title}")
    own = approval.subject not in ("", approval.incident)
    return look.say("approval.of", kind=kind, what=approval.subject) if own else kind


def comes_next(look: Look, approval: Approval) -> str:
    """Of a statement's step that was agreed to: whose turn it is now."""
    agreed = approval.kind == "statement" and approval.state in (State.APPROVED, State.ORAL)
    return next_step(look, look.reader.statement(approval.subject)) if agreed else ""
