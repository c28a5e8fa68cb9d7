"""The card template that we ship has every field that the adapter fills, shows each, and sends back what the adapter reads."""

import json
from typing import Any

from bot.platforms.dingtalk.dialect import HINT, draw_card, variables
from handlers.core.message import Button, Card, Link
from tests.dingtalk_template import FILE, text
from tests.platforms.test_dingtalk_contract import LABELS
from tests.simulators.dingtalk import OURS


def _editor() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.loads(FILE.read_text("utf-8"))["editorData"])
    return found


def test_the_file_is_made_from_the_adapter() -> None:
    assert FILE.read_text("utf-8") == text(), "python -m tests.dingtalk_template"


def test_every_field_that_is_filled_is_in_it_and_no_other() -> None:
    declared = {one["name"]: one["private"] for one in _editor()["variableList"]}
    assert declared == {**dict.fromkeys(variables(), False), HINT: True}
    card = Card("x", (("a", "b"),), "n", tuple(Button("b", f"/task claim T{n}", n) for n in range(9)), link=Link("l", "https://g.example"))
    assert set(draw_card(card, LABELS, "c").params or {}) == set(variables())


def test_every_variable_is_shown_or_sent_back() -> None:
    tree = json.dumps(_editor()["schema"]["componentsTree"])
    for name in (*variables(), HINT):
        if name != "tone":
            assert f"${{{name}}}" in tree or f'"variable": "{name}"' in tree, name


def test_buttons_send_their_key_and_their_chat() -> None:
    blocks = [block for block in _editor()["schema"]["componentsTree"][0]["children"] if block["componentName"] == "ButtonList"]
    sent = {
        button["id"]: {one["name"]: one["variable"] for one in button["params"]}
        for block in blocks
        for button in block["props"]["buttons"]
        if button["actionType"] == "request"
    }
    assert sent == {one.id: dict(one.params) for one in OURS.presses if one.params}
    assert len(sent) == 16


def test_the_stand_ins_template_is_the_same() -> None:
    assert set(variables()) | {HINT} == OURS.variables
