"""Which fields of an incident a room is shown: it is shown to whoever sits in it, so the group whose chat it is decides."""

from collections.abc import Mapping
from typing import Final

from handlers.core.message import Message
from workflows.core.people import Organization

#: Everything: to people, each of whom reads within their own scope, and in the rooms of those who run an incident and answer for it.
WHOLE: Final = ""
#: The incident's own room, and any other that is no group's.
OPEN: Final = "open"

#: Group -> the audience in its chats.
GROUPS: Final[Mapping[str, str]] = {
    "lead": "leaders",
    "office": WHOLE,
    "tech": "it",
    "security": "it",
    "recovery": "it",
    "opinion": "opinion",
    "client": "client",
    "fraud": "client",
    "business": "it",
    "fund": "it",
    "legal": WHOLE,
}

#: What every room is shown; the head of a card has also the response level, the number and whether it is a drill.
EVERYWHERE: Final = "title state commander important restricted last next_update"

#: Audience -> what it is shown besides, in the order of the card, then what it can tap. What stands in no line is shown to WHOLE only.
SHOWN: Final[Mapping[str, frozenset[str]]] = {
    audience: frozenset((EVERYWHERE + " " + fields).split())
    for audience, fields in {
        OPEN: "grade grades regraded tasks pending statements oral clock waived type system place missing next override doors watch"
        " fill move grading update task_list timeline heard handover playbook leave enquiries enquiring rumours",
        "leaders": "grade grades regraded tasks pending statements wording oral clock waived type loss override doors"
        " enquiries enquiry rumours",
        "it": "grades tasks statements clock type system place reporter missing next doors watch fill update task_list playbook"
        " enquiries enquiring rumours",
        "opinion": "grade grades regraded statements wording type loss grading drafting update enquiries enquiry enquiring rumours",
        "client": "type loss update enquiring",
    }.items()
}

#: News, mentions and refusals that tell of a field -> that field; all others are for every room.
TELLS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("incident.graded", "incident.measured", "incident.lowered", "incident.downgraded"), "grade"),
    **dict.fromkeys(("incident.merged", "incident.false_alarm", "incident.absorbed"), "doors"),
    **dict.fromkeys(("incident.reported_again", "incident.alerted"), "system"),
    "task.mention": "next",
    "report.mention": "clock",
    "approval.denied": "oral",
    "approval.pending": "pending",
    "incident.close_missing": "task_list",
    **dict.fromkeys(("statement.banned", "statement.blank", "statement.cause", "statement.masked"), "wording"),
}


def audience_of(organization: Organization, platform: str, chat: str) -> str:
    """Who reads along in a group chat."""
    owner = next((group.id for group in organization.groups.values() if group.chats.get(platform) == chat), None)
    return OPEN if owner is None else GROUPS[owner]


def audience_in(organization: Organization, message: Message) -> str:
    """Who reads along where it was said; one-to-one nobody."""
    return audience_of(organization, message.platform, message.chat) if message.chat_kind == "group" else WHOLE


def shows(audience: str, field: str) -> bool:
    return audience == WHOLE or field in SHOWN[audience]


def tells(audience: str, notice: str) -> bool:
    """Whether a room hears this notice in full."""
    return notice not in TELLS or shows(audience, TELLS[notice])
