"""Every reason that a platform or a queue gives has its sentence in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.platforms.dingtalk import calls as dingtalk
from bot.platforms.feishu import calls as feishu
from bot.platforms.wecom import calls as wecom
from bot.sender import SwitchedOff
from handlers.core.reasons import parts, reason
from tests import ready

ROOT = Path(__file__).parents[3]
#: What is shown to administrators when it is raised, and which of its arguments says why.
RAISED = {"WillNeverWork": 0, "Rejected": 0, "PlatformDown": 1, "Unsure": 1, "Failed": 0}
CHINESE = re.compile("[\u4e00-\u9fff]")


def told(node: ast.expr) -> str | None:
    """A sentence as it is written, with a value in each gap; None for what is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = [part.value if isinstance(part, ast.Constant) else "x1" for part in node.values]
    text = "".join(map(str, parts))
    return None if text.replace("x1", "").strip(" ():") == "" else text


def thrown() -> Iterator[str]:
    own = (ROOT / "bot" / name for name in ("sender.py", "publishing.py", "outside/hook.py", "outside/letters.py", "outside/handing.py"))
    for path in (*(ROOT / "bot" / "platforms").rglob("*.py"), *own):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                place = RAISED[node.func.id]
                if len(node.args) > place and (text := told(node.args[place])):
                    yield text
    for table in (feishu.STOP, feishu.NEVER, wecom.STOP, wecom.NEVER, dingtalk.STOP, dingtalk.NEVER):
        yield from (str(text) for text in table.values())
    yield str(SwitchedOff("feishu"))
    yield "feishu does not answer"
    yield "its holder never came back"


THROWN = sorted(set(thrown()))


def test_there_are_many() -> None:
    assert len(THROWN) > 90


@pytest.mark.parametrize("text", THROWN)
def test_what_is_thrown_is_said_in_both_languages(text: str) -> None:
    zh, en = reason(ready.words("zh"), text), reason(ready.words("en"), text)
    assert CHINESE.search(zh), zh
    assert not re.search(r"\b(the|is|not|and)\b", zh), "no English sentence is left in it"
    assert en.casefold() == text.casefold(), "in English it is what the log has"
    assert set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", zh)) == set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", text)), "the settings that it names"


def test_with_the_platforms_own_code_and_words() -> None:
    zh, en = ready.words("zh"), ready.words("en")
    known = "the bot is not in this group: add it again (code 230002: Bot can NOT be out of the chat (x).)"
    assert reason(zh, known) == "机器人不在这个群里:请重新添加(代码 230002:Bot can NOT be out of the chat (x).)"
    assert reason(en, known) == known
    assert reason(zh, "WeCom refused (code 7: no)") == "企业微信拒绝了(代码 7:no)"
    assert reason(zh, "feishu does not answer") == "飞书没有应答"
    assert reason(zh, "OperationalError 3f2a") == "程序出错(OperationalError 3f2a),日志里有详情"


def test_what_nobody_foresaw_is_shown_as_it_is_and_inert() -> None:
    assert reason(ready.words("zh"), 'something new <at user_id="all">') == 'something new ＜at user_id="all"＞'
    assert "＜at" in reason(ready.words("zh"), "the console has no chat <at>")


def test_what_became_of_several_places_is_said_of_each() -> None:
    zh, en = ready.words("zh"), ready.words("en")
    told = "<7f@firm.example> · 2/3 · b@agency.example: the address is refused (550: no such user)"
    assert parts(zh, told) == "＜7f＠firm.example＞ · 2/3 · b＠agency.example: 地址被拒(550: no such user)"
    assert parts(zh, "a@x.example: no longer to be sent; b@x.example: 55 x") == "a＠x.example: 已不应再发; b＠x．example: 55 x"
    assert parts(zh, "the receiver has trouble (503)") == "接收方故障(503)"
    assert parts(en, "the receiver has trouble (503)") == "the receiver has trouble (503)"
    assert parts(zh, "OK") == "OK", "a receipt, and no bug"
    doubt = "nobody knows whether a@x.example, b@x.example got it: look for <7f@firm.example> in the mail server's log"
    assert parts(zh, doubt).startswith("无法确定 a＠x.example, b＠x.example 是否收到:请在邮件服务器日志里查 ＜7f＠firm.example＞")
