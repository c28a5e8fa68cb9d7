"""Why something was given up, in the reader's words.

Platforms and queues keep their reasons in English, as the log has them; they are the sentences of `[reason]` in the English catalog, and
lead to the other language. A test holds every sentence that is thrown against them.
"""

import re
from functools import cache

from handlers.core.wording import Ours, Words

_PLATFORMS = {"Feishu": "feishu", "DingTalk": "dingtalk", "WeCom": "wecom"}
_CODE = re.compile(r"(.+?) \(code ([^:()]+): ?(.*)\)", re.DOTALL)
#: The kind of an exception nobody foresaw, and the number under which the log has it.
_BUG = re.compile(r"[A-Z]\w*(?: [0-9a-f]{4})?")


def reason(words: Words, error: str) -> str:
    """What was kept with a row, as people read it; what nobody has a sentence for stays as it is."""
    if (told := known(words, error)) is not None:
        return told
    if (coded := _CODE.fullmatch(error)) and (head := known(words, coded[1])) is not None:
        return words.say("because.with_code", reason=Ours(head), code=coded[2], said=coded[3])
    return words.say("because.bug", name=error) if _BUG.fullmatch(error) else words.show(error)


def parts(words: Words, text: str) -> str:
    """What became of several places, each part by itself: `receipt · 2/3 · who: why`, `who: why; who: why`."""
    if (whole := known(words, text)) is not None:
        return whole
    found = re.split("( · |; )", text)
    return "".join(one if place % 2 else _of_one(words, one) for place, one in enumerate(found))


def _of_one(words: Words, text: str) -> str:
    who, colon, why = text.partition(": ")
    said = known(words, why) if colon else None
    return known(words, text) or (words.show(text) if said is None else f"{words.show(who)}{colon}{said}")


def known(words: Words, error: str) -> str | None:
    """The sentence for it, where there is one."""
    found = ((name, pattern.fullmatch(error)) for name, pattern in _patterns())
    name, match = next(((name, match) for name, match in found if match), ("", None))
    values = {key: _named(words, value) for key, value in match.groupdict().items()} if match else {}
    return words.say(f"reason.{name}", **values) if match else None


def _named(words: Words, value: str) -> str:
    """A platform by its name, as the message calls it or as the settings do."""
    name = f"platform.{_PLATFORMS.get(value, value)}"
    return words.say(name) if words.has(name) else value


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Those that leave least open first."""
    sentences = Words.load("en").sentences
    told = [(key.removeprefix("reason."), text) for key, text in sentences.items() if key.startswith("reason.")]
    closed = sorted(told, key=lambda one: -len(re.sub(r"{\w+}", "", one[1])))
    return tuple((key, re.compile(_pattern(text), re.DOTALL)) for key, text in closed)


def _pattern(text: str) -> str:
    return "".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(re.split(r"{(\w+)}", text)))
