"""有无委托被延误或拒绝? Asked of whoever says that something need not be reported.

深圳证监局 2024-01: twelve clients, seventeen orders and four minutes were a network security event, however small and fast it looked.
"""

import re

from handlers.core.context import Context
from handlers.core.tokens import fold
from workflows.core.agreement import check_reason
from workflows.core.errors import BadWords

#: What may stand between the parts of an answer, as `fold` makes it of either width.
GAP = r"[ \n,、。;:]"
_ANSWER = re.compile(rf"(?:(?:delayed|延误|委托延误)[ ]?=[ ]?)?(?:没有|无|否|no|none|(有|是|yes))(?={GAP}|$){GAP}*")


def answered(delayed: bool | None, text: str, *, of_report: bool = False) -> tuple[bool, str]:
    """Whether orders were delayed or refused, and the reason; BadWords where that was not said."""
    typed = fold(text.strip())
    said = _ANSWER.match(typed.shape) if delayed is None else None
    if delayed is None and not said:
        raise BadWords("report.delayed_unanswered" if of_report else "incident.delayed_unanswered")
    reason = typed.cut(said.end() if said else 0, len(typed.shape))
    check_reason(reason)
    return (delayed if said is None else bool(said.group(1))) is True, reason


def line(context: Context, delayed: bool) -> str:
    """What the second person reads of the answer."""
    return context.words.say("incident.delayed_yes" if delayed else "incident.delayed_no")


def second(context: Context, delayed: bool) -> tuple[str, ...]:
    """Who has to agree where orders were: compliance, or the firm's head where compliance itself asks; else () = whom the plan names."""
    others = [person for person in context.organization.resolve("role:compliance") if person != context.person]
    return (("role:compliance",) if others else ("lead.head",)) if delayed else ()
