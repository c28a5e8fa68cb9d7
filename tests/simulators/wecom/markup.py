"""The XML of callbacks and passive replies: text in CDATA, numbers bare, a list as repeated elements."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

#: How a JSON field is called in XML where taking its words apart does not say it.
_NAMES = {"KeyName": "keyname"}
#: Of a card: elements that are lists, however many there are.
_LISTS = ("ActionList", "HorizontalContentList", "JumpList", "ButtonList", "OptionList", "VerticalContentList", "SelectList")
_NUMBERS = ("DescColor", "Type", "Style", "Mode")
_FLAGS = ("Disable", "IsChecked")


def written(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inside = "".join(written(inner, one) for inner, one in value.items())
    elif isinstance(value, list):
        return "".join(written(name, one) for one in value)
    else:
        inside = str(value) if isinstance(value, int) else f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
    return f"<{name}>{inside}</{name}>"


def parsed(text: str) -> Element:
    """Raises ValueError. A DOCTYPE is refused before anything is made of it."""
    if "<!DOCTYPE" in text.upper():
        raise ValueError("a DOCTYPE")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"no XML: {error}") from None
    if root.tag != "xml":
        raise ValueError(f"its root is {root.tag}")
    return root


def fields(root: Element) -> dict[str, str]:
    """Of an envelope or a message: every element once."""
    names = [one.tag for one in root]
    if len(names) != len(set(names)):
        raise ValueError("an element twice")
    return {one.tag: one.text or "" for one in root}


def card_of(element: Element) -> Any:
    """A TemplateCard as the JSON of the same card."""
    if element.tag in _NUMBERS:
        return int(element.text or "0")
    if element.tag in _FLAGS:
        return {"true": True, "1": True, "false": False, "0": False}[(element.text or "").strip()]
    if len(element) == 0:
        return element.text or ""
    found: dict[str, Any] = {}
    for one in element:
        name, value = _snake(one.tag), card_of(one)
        if one.tag in _LISTS:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise ValueError(f"{one.tag} twice")
        else:
            found[name] = value
    return found


def _snake(name: str) -> str:
    return _NAMES.get(name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
