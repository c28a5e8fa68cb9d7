"""A template of what the firm says, as the plan has it, and the words of a text that rules look at."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workflows.core.facts import FactBook

#: What an incident fills by itself: the name in a template, in both languages of the plan's texts, to the fact it stands for.
INCIDENT: Mapping[str, str] = {
    **{"编号": "number", "标题": "title", "类型": "type", "系统": "system", "地点": "place", "发生时间": "occurred", "获知时间": "known"},
    **{"恢复时间": "recovered", "公司": "firm", "现在": "now"},
    **{name: name for name in ("number", "title", "type", "system", "place", "occurred", "known", "recovered", "firm", "now")},
}
#: The kinds of a field that the author is asked for. `cause`: the incident's cause once it is confirmed, until then what the plan allows.
#: `next`: when the public is promised to hear more, kept as RFC 3339; publishing the text starts a timer.
KINDS = ("text", "number", "time", "next", "channel", "phone", "cause")
NEXT = "next"
CAUSE, CAUSE_CONFIRMED = "cause", "cause_confirmed"
#: Who writes what the firm says, where a template names no other groups.
DRAFTERS = ("opinion",)

_FIELD = re.compile(r"\{([^{}\n]*)\}")
#: Numbers of published weaknesses: whoever reads one knows where to attack (CSRC Order 218, Art. 24).
_WEAKNESS = re.compile(r"(?:CVE-\d{4}-\d{4,}|CNVD-(?:[CO]-)?\d{4}-\d{3,}|CNNVD-\d{6}-\d{3,})", re.IGNORECASE)

#: What the screen left of somebody's mobile or ID number: nobody's number goes out, not even in part.
_MASKED = re.compile(r"\d{3}\*{4,11}\d{3}[\dX]")


@dataclass(frozen=True, slots=True)
class Template:
    """`fields`: what the author is asked for, name -> kind; `text`: with `{name}` where a field goes · `drafters`: groups that write it ·
    `internal`: never published."""

    title: str
    fields: Mapping[str, str]
    text: str
    drafters: tuple[str, ...] = DRAFTERS
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """What the plan says of every text: phrases that none may hold, and what may be said of a cause that is not confirmed."""

    banned: tuple[str, ...] = ("绝对安全", "零损失", "已全部赔付")
    cause_open: tuple[str, ...] = ("正在核查", "正在调查")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a template. `by`: its author fills it, or the incident: by one of its own facts, or one of the plan's · `key`: as what."""

    name: str
    by: Literal["author", "incident", "fact"]
    key: str


def slots(template: Template, facts: FactBook) -> tuple[Slot, ...]:
    """The places of a template, each name once. What the author is asked for comes before a fact of the same name."""
    return tuple(slot for name in dict.fromkeys(blanks(template.text)) if (slot := _slot(name, template, facts)))


def _slot(name: str, template: Template, facts: FactBook) -> Slot | None:
    if name in template.fields:
        return Slot(name, "author", name)
    if own := INCIDENT.get(name.casefold()):
        return Slot(name, "incident", own)
    spec = facts.find(name)
    return Slot(name, "fact", spec.key) if spec else None


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with every field that has a value; what has none stays a blank."""
    return _FIELD.sub(lambda found: values.get(found.group(1).strip()) or found.group(), text)


def blanks(text: str) -> tuple[str, ...]:
    """The names of the fields that nothing fills."""
    return tuple(name.strip() for name in _FIELD.findall(text))


def banned(text: str, wording: Wording) -> tuple[str, ...]:
    """The phrases of the plan's list that stand in the text, also when something was put between their characters."""
    return tuple(phrase for phrase in wording.banned if says(text, phrase))


def says(text: str, phrase: str) -> bool:
    """Whether `phrase` stands in `text`, also when something was put between its characters."""
    return _bare(phrase) in _bare(text)


def weaknesses(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_WEAKNESS.findall(text)))


def masked(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_MASKED.findall(text)))


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if not char.isspace() and unicodedata.category(char) != "Cf")
