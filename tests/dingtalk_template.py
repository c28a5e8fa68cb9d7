"""The card template that an administrator imports into DingTalk's card builder, made from the fields that the adapter fills.

python -m tests.dingtalk_template       writes docs/guide/dingtalk-card.json anew; tests/platforms/test_dingtalk_template.py holds it to
the adapter. Its shape is that of the exports in open-dingtalk/dingtalk-card-examples (schema 3.0.0).
"""

import json
import sys
from pathlib import Path
from typing import Any

from bot.platforms.dingtalk.dialect import BODIES, BUTTONS, HINT, LINKS, MENU, variables

FILE = Path(__file__).parents[1] / "docs" / "guide" / "dingtalk-card.json"
Json = dict[str, Any]
_MEANT = {
    "title": "标题", "tone": "颜色:plain info good warning danger", "drill": "演练标记", "note": "末行", "chat": "所在会话,随按钮回传",
    HINT: "点按钮的人自己看到的回答(私有变量)",
}  # fmt: skip
_COMPONENTS = ("BaseText", "Tag", "DividerBlock", "ButtonList", "Card")
_LONG = 100


def template() -> Json:
    children = [
        _text("title", bold=True, size="large"),
        _tag("drill"),
        *(_text(f"body{n}") for n in range(1, BODIES + 1)),
        _text("note", color="gray"),
        _text(HINT, color="blue"),
        *(_buttons(f"b{n}", color={"variable": f"b{n}_style"}) for n in range(1, BUTTONS + 1)),
        *(_buttons(f"l{n}", url=True) for n in range(1, LINKS + 1)),
        *(_buttons(f"m{n}") for n in range(1, MENU + 1)),
    ]
    tree = {"componentName": "Card", "id": "gengfu", "props": {"enableClickEvent": False}, "title": "更夫", "children": children}
    used = [{"package": "@ali/dxComponent", "version": "1.0.0", "exportName": one, "componentName": one} for one in _COMPONENTS]
    editor = {
        "schemaVersion": "3.0.0",
        "schema": {"version": "1.0.0", "componentsMap": used, "componentsTree": [tree], "i18n": {}},
        "mockData": {"cardData": dict.fromkeys(variables(), ""), "cardPrivateData": {HINT: ""}, "localData": {}},
        "editVersion": 0,
        "variableList": [*(_variable(name) for name in variables()), _variable(HINT, private=True)],
        "formList": [],
        "expList": [],
        "localList": [],
        "extension": {"extendType": "NORMAL", "fileTypeList": []},
    }
    return {"editorData": json.dumps(editor, ensure_ascii=False, separators=(",", ":")), "type": "standard", "mode": "card"}


def _variable(name: str, *, private: bool = False) -> Json:
    meant = _MEANT.get(name, "正文" if name.startswith("body") else "按钮" if name[0] in "bm" else "链接")
    return {"name": name, "private": private, "type": "string", "id": name, "description": meant, "editorVarType": "variables"}


def _component(name: str, id_: str, title: str, props: Json) -> Json:
    return {
        "componentName": name, "id": id_, "props": props, "title": title, "hidden": False, "isLocked": False, "condition": True,
        "conditionGroup": "",
    }  # fmt: skip


def _said(variable: str) -> Json:
    return {"type": "dynamicString", "content": f"${{{variable}}}", "i18n": False}


def _when(variable: str) -> Json:
    """Shown only where there is something to show."""
    asked = {"variable": variable, "variableType": "global", "type": "variable", "op": "isNotEmpty", "value": "", "valueType": "fixed"}
    return {"type": "dynamicVisible", "value": True, "valueType": "condition", "condition": {"op": "and", "conditions": [asked]}}


def _number(value: int) -> Json:
    return {"type": "dynamicNumber", "valueType": "fixed", "value": value, "variable": "", "variableType": "global"}


def _text(variable: str, *, bold: bool = False, size: str = "middle", color: str = "black") -> Json:
    props = {
        "text": _said(variable), "maxLine": _number(_LONG), "marginLeft": 12, "marginRight": 12, "marginTop": 6, "marginBottom": 0,
        "visible": _when(variable), "fontColorType": "Standard", "color": color, "gravity": "left", "fontSizeType": "Standard",
        "size": size, "bold": bold,
    }  # fmt: skip
    return _component("BaseText", f"text_{variable}", "基础文本", props)


def _tag(variable: str) -> Json:
    color = {"type": "dynamicSelect", "valueType": "fixed", "value": "blue", "variable": "", "variableType": "global"}
    return _component(
        "Tag", f"tag_{variable}", "标签", {"text": _said(variable), "color": color, "tagStyle": "hollow", "visible": _when(variable)}
    )


def _buttons(name: str, *, url: bool = False, color: Json | None = None) -> Json:
    styled = {"type": "dynamicSelect", "valueType": "variable", "value": "gray", "variableType": "global", **(color or {})}
    plain = {"type": "dynamicSelect", "valueType": "fixed", "value": "gray", "variable": "", "variableType": "global"}
    button: Json = {
        "$$key": "0", "id": name, "text": _said(f"{name}_text"), "status": "normal", "color": styled if color else plain,
        "visible": _when(f"{name}_text"),
    }  # fmt: skip
    if url:
        link = {"type": "dynamicLink", "value": "", "valueType": "variable", "variable": f"{name}_url", "variableType": "global"}
        button |= {"actionType": "url", "urlType": "all", "url": link}
    else:
        button |= {"actionType": "request", "actionId": {"type": "dynamicString", "content": name, "i18n": False}, "params": _params(name)}
    return _component("ButtonList", f"button_{name}", "按钮", {"buttons": [button], "visible": _when(f"{name}_text")})


def _params(name: str) -> list[Json]:
    sent = (("a", f"{name}_key"), ("c", "chat"))
    return [
        {"type": "variable", "variable": variable, "value": "", "name": key, "variableType": "global", "id": str(number)}
        for number, (key, variable) in enumerate(sent, 1)
    ]


def text() -> str:
    return json.dumps(template(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
