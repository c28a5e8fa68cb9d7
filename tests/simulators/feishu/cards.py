"""A card, JSON 2.0: whether Feishu would build it, and what a person would see and could do.

Rules beyond the single components: "card-json-v2-structure", "form-container", "column-set" and the 230099 table of "Send message".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.simulators.core.shape import must
from tests.simulators.feishu.fields import CARD, COMPONENTS, GONE_IN_2

Json = dict[str, Any]
MOST_ELEMENTS = 200
DEEPEST = 5
_MENTION = re.compile(r"<at\s+(?:id|user_id|email)=[\"']?([^\s>\"']*)[\"']?\s*>")


def check_card(card: Any) -> None:
    """Raises Unfit with the inner code that the documentation names."""
    must(isinstance(card, dict), "", "parse card json err, please check whether the card json is correct")
    must(card.get("schema") == "2.0", "ROOT", "this stand-in takes cards of schema 2.0 only")
    CARD(card, "ROOT")
    must(card.get("config", {}).get("update_multi", True), "ROOT -> config", "update_multi: cards of schema V2 are shared cards")
    body = card.get("body")
    if body is not None:
        must(isinstance(body["elements"], list), "ROOT -> body", "elements: a list is expected")
        for place, element in enumerate(body["elements"]):
            _check(element, f"ROOT -> body -> elements -> [{place}]", depth=0, form=False)
    _unique(card, "name", "the name of a component must be unique in the card")
    _unique(card, "element_id", "element_id must be unique in the card")
    count = sum(1 for one in things(card) if "tag" in one)
    must(count <= MOST_ELEMENTS, "", f"element exceeds the limit, count: {count}", 11310)


def _check(element: Any, path: str, *, depth: int, form: bool) -> None:
    must(isinstance(element, dict) and isinstance(element.get("tag"), str), path, "a component needs a tag")
    tag = element["tag"]
    path = f"{path}(tag: {tag})"
    must(tag not in GONE_IN_2, path, f"cards of schema V2 no longer support this capability; ErrorValue: unsupported tag {tag}", 200861)
    must(tag in COMPONENTS, path, f"unsupported tag {tag}")
    must(tag != "form" or depth == 0, path, "form is only supported at the root")
    must(depth <= 2 * DEEPEST, path, "components are nested too deep")
    component = COMPONENTS[tag]
    component.check(element, path)
    _rules(element, path, form=form, asks=component.asks)
    for name in component.holds:
        inner = element.get(name, [])
        must(isinstance(inner, list), path, f"{name}: a list is expected")
        for place, one in enumerate(inner):
            must(
                (isinstance(one, dict) and one.get("tag") == "column") == (name == "columns"), path, "columns, and only they, hold columns"
            )
            _check(one, f"{path} -> {name} -> [{place}]", depth=depth + 1, form=form or tag == "form")


def _rules(element: Json, path: str, *, form: bool, asks: bool) -> None:
    tag = element["tag"]
    if asks or tag == "button":
        must(not form or bool(element.get("name")), path, "name is required inside a form")
        must(form or "required" not in element, path, "required is only for components inside a form")
        must(form or not asks or bool(element.get("behaviors")), path, "behaviors is required outside of a form")
    if tag == "button":
        must(form == ("form_action_type" in element), path, "form_action_type belongs to every button inside a form, and only there")
        submits = element.get("form_action_type") == "submit"
        must(form or bool(element.get("behaviors")), path, "behaviors is required")
        must(submits or not form or element.get("form_action_type") == "reset", path, "form_action_type")
    if tag == "form":
        inner = [one for one in things(element["elements"]) if one.get("tag") == "button"]
        must(any(one.get("form_action_type") == "submit" for one in inner), path, "a form needs a button that submits it")
    if tag in ("select_static", "multi_select_static"):
        values = [option["value"] for option in element.get("options", ())]
        must(len(values) == len(set(values)), path, "the values of options must differ")
        initial = element.get("initial_option", "")
        must(not initial or initial in values, path, f"initial_option {initial!r} is no option")
        must(element.get("initial_index", 0) <= len(values), path, "initial_index")
    if tag.startswith("picker_") or tag == "date_picker":
        initial = any(name.startswith("initial_") for name in element)
        must(initial or "placeholder" in element, path, "placeholder is required where there is no initial value")


def _unique(card: Json, name: str, message: str) -> None:
    seen: set[str] = set()
    for one in things(card):
        if "tag" in one and isinstance(value := one.get(name), str):
            must(value not in seen, "", f"{message}; ErrorValue: {value}")
            seen.add(value)


def things(value: Any) -> Iterator[Json]:
    """Every object inside, the outer ones first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from things(inner)


def mentioned(card: Json) -> set[str]:
    """The ids in `<at>` of markdown, and of person components."""
    texts = [one["content"] for one in things(card) if one.get("tag") in ("markdown", "lark_md")]
    return {found for text in texts for found in _MENTION.findall(text)} | {
        one["user_id"] for one in things(card) if one.get("tag") == "person"
    }


def images(card: Json) -> set[str]:
    return {one["img_key"] for one in things(card) if one.get("tag") in ("img", "custom_icon") and "img_key" in one}


@dataclass(frozen=True)
class Form:
    name: str
    json: Json

    @property
    def fields(self) -> dict[str, Json]:
        return {one["name"]: one for one in things(self.json["elements"]) if one.get("tag") in COMPONENTS and COMPONENTS[one["tag"]].asks}

    @property
    def submit(self) -> Json:
        return next(one for one in things(self.json["elements"]) if one.get("form_action_type") == "submit")


@dataclass(frozen=True)
class Card:
    """What a person sees of a card."""

    json: Json

    @property
    def _elements(self) -> list[Json]:
        found: list[Json] = self.json.get("body", {}).get("elements", [])
        return found

    @property
    def title(self) -> str:
        return str(self.json.get("header", {}).get("title", {}).get("content", ""))

    @property
    def tags(self) -> list[str]:
        return [tag["text"]["content"] for tag in self.json.get("header", {}).get("text_tag_list", ())]

    @property
    def text(self) -> str:
        """Title and running text, a line each; what stands on buttons and inside fields is not in it."""
        lines = [self.title]
        for one in things(self._elements):
            if one.get("tag") == "div" and "text" in one:
                lines.append(str(one["text"]["content"]))
            elif one.get("tag") == "markdown":
                lines.append(str(one["content"]))
        return "\n".join(lines)

    @property
    def buttons(self) -> list[str]:
        """Labels, also of those inside forms; not of those that only open an address."""
        return [str(one["text"]["content"]) for one in things(self._elements) if one.get("tag") == "button" and not _opens(one)]

    @property
    def links(self) -> dict[str, str]:
        """Label -> address of the buttons that open one."""
        return {str(one["text"]["content"]): _opens(one) for one in things(self._elements) if one.get("tag") == "button" and _opens(one)}

    @property
    def forms(self) -> dict[str, Form]:
        return {one["name"]: Form(one["name"], one) for one in self._elements if one.get("tag") == "form"}

    @property
    def selects(self) -> list[Json]:
        """Drop-downs outside of forms."""
        within = [one for form in self.forms.values() for one in things(form.json)]
        return [one for one in things(self._elements) if one.get("tag") == "select_static" and one not in within]

    def button(self, label: str) -> Json:
        """The one button with this label outside of forms."""
        within = [one for form in self.forms.values() for one in things(form.json)]
        all_of_them = [one for one in things(self._elements) if one.get("tag") == "button" and one not in within and not _opens(one)]
        found = [one for one in all_of_them if one["text"]["content"] == label]
        assert len(found) == 1, f"{len(found)} buttons {label!r}; there are {[one['text']['content'] for one in all_of_them]}"
        assert not found[0].get("disabled"), f"{label!r} is disabled"
        return found[0]


def _opens(button: Json) -> str:
    return next((str(one["default_url"]) for one in button.get("behaviors", ()) if one["type"] == "open_url"), "")


__all__ = ["Card", "Form", "check_card", "images", "mentioned", "things"]
