"""One incident on three messengers as a page to read: a room on WeCom, a room on Feishu, the leaders on DingTalk.

python -m tests.three_page        writes docs/transcripts/three-messengers.md anew; tests/platforms/test_three_messengers.py holds the bot
to it, word for word
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests import dingtalk_page, feishu_page, wecom_page
from tests.simulators.feishu.state import Chat as FeishuChat
from tests.simulators.feishu.tenant import open_id
from tests.simulators.wecom.state import Chat as WecomChat
from tests.simulators.wecom.tenant import userid
from tests.three_firm import ACCOUNTS, Three, firm_on_three

PAGE = Path(__file__).parents[1] / "docs" / "transcripts" / "three-messengers.md"
#: Whose screens the page shows, on all three messengers; the others' tasks and reminders are left out.
SHOWN = {"li.na": "李娜", "wang.qiang": "王强", "zhao.min": "赵敏", "lin.yue": "林岳", "zhou.heng": "周衡"}
NAMES = {"wecom": "企业微信", "feishu": "飞书", "dingtalk": "钉钉"}
Platform = Literal["wecom", "feishu", "dingtalk"]
#: Where they talk before it begins.
USUALLY: Mapping[str, Platform] = {"lin.yue": "dingtalk", "zhou.heng": "dingtalk", "wang.qiang": "feishu", "zhao.min": "wecom"}


def rooms(three: Three) -> tuple[WecomChat, FeishuChat]:
    """Made by people, with the bot inside: all of the firm's in the one, its technicians and the commander in the other."""
    everybody = [userid(person) for person in three.parts.plans.organization.people]
    technicians = [open_id(person) for person in ("li.na", "chen.bo", "wang.qiang", "zhao.min", "ma.chao")]
    wecom = three.wecom.sim.add_group("总部应急群", everybody, chat_id="wrHead")
    return wecom, three.feishu.sim.add_chat("信息技术应急群", technicians, chat_id="oc_tech")


class Scribe:
    def __init__(self, three: Three) -> None:
        self.three = three
        self.lines: list[str] = []
        self._seen: dict[str, str] = {}
        self._dingtalk = dingtalk_page.Scribe(three.dingtalk)

    def heading(self, text: str) -> None:
        self.lines += ["", f"## {text}", ""]

    def says(self, person: str, where: Platform | WecomChat | FeishuChat, text: str) -> None:
        """One-to-one, or in a room."""
        name = NAMES[where] if isinstance(where, str) else NAMES["wecom" if isinstance(where, WecomChat) else "feishu"]
        self._act(person, f"{name}{'私聊' if isinstance(where, str) else '群里@'}更夫:`{text}`", lambda: self._say(person, where, text))

    def _say(self, person: str, where: Platform | WecomChat | FeishuChat, text: str) -> None:
        if isinstance(where, WecomChat):
            self.three.wecom.says(person, text, where)
        elif isinstance(where, FeishuChat):
            self.three.feishu.says(person, text, where)
        else:
            self.three.on(where).says(person, text)

    def taps(self, person: str, platform: Platform, label: str, part: str) -> None:
        def tap() -> None:
            click = self.three.on(platform).taps(person, label, part)
            assert not click.problem, click.problem

        self._act(person, f"{NAMES[platform]}里点 [{label}]", tap)

    def passes(self, **span: float) -> None:
        self.three.wecom.passes(**span)
        self.lines.append(f"- *{self._clock()}*")
        self._news()

    def _act(self, person: str, what: str, act: Callable[[], None]) -> None:
        self.three.clock.push(seconds=1)  # nobody does two things in one millisecond, by which callbacks are told apart
        self.lines.append(f"- **{self._clock()} {SHOWN[person]}** {what}")
        act()
        self.three.settle()
        self._news()

    def _clock(self) -> str:
        return self.three.clock().astimezone(self.three.parts.words.zone).strftime("%H:%M")

    def _news(self) -> None:
        """What is new in the rooms and on the screens shown, one line each; of a card that changed, what is new on it.

        What comes at one moment has no order."""
        news: dict[str, list[str]] = {}
        for place, message, look in self._looks():
            before, self._seen[message] = self._seen.get(message), look
            if before != look:
                line = look if before is None else _changes(before, look)
                news.setdefault(place, []).append(f"  - {place}{'' if before is None else '(卡片更新)'}:{line}")
        for place in sorted(news, key=_order):
            self.lines += sorted(news[place])

    def _looks(self) -> Iterator[tuple[str, str, str]]:
        """(where, message, how it looks) of all that the bot said there."""
        ours = ("app", "robot", self.three.feishu.sim.state.app_id)
        for one in self.three.wecom.sim.state.chats.values():
            place = _place("wecom", one.kind == "group", one.members)
            yield from ((place, m.id, wecom_page.shown(m)) for m in one.messages if place and m.sender in ours)
        for two in self.three.feishu.sim.state.chats.values():
            place = _place("feishu", two.kind == "group", two.members)
            yield from ((place, m.id, feishu_page.shown(m)) for m in two.messages if place and m.sender in ours)
        for last in self.three.dingtalk.sim.state.chats.values():
            place = _place("dingtalk", last.kind == "group", last.members)
            yield from ((place, m.id, self._dingtalk.look(m)) for m in last.messages if place and m.sender in ours)


def _place(platform: Platform, group: bool, members: Iterable[str]) -> str:
    if group:
        return f"{NAMES[platform]}群"
    inside = {*members}
    return next((f"{name}·{NAMES[platform]}" for person, name in SHOWN.items() if ACCOUNTS[platform](person) in inside), "")


def _order(place: str) -> tuple[int, str]:
    """The rooms, then the people."""
    return 0 if "群" in place else 1 + [*SHOWN.values()].index(place.split("·")[0]), place


def _changes(before: str, look: str) -> str:
    """What is new on a card, and which buttons it lost; or, nothing being new, what it lost."""
    old, now = _parts(before), _parts(look)
    new, gone = [part for part in now if part not in old], [part for part in old if part not in now]
    lost = [part for part in gone if part.startswith("[") or not new]
    return look[: look.find("】") + 1] + " / ".join([*new, *(["不再有:" + "、".join(lost)] if lost else [])])


def _parts(look: str) -> list[str]:
    return re.split(r" / | (?=\[|更多:)", look[look.find("】") + 1 :])


def play(three: Three) -> str:
    scribe = Scribe(three)
    wecom, feishu = rooms(three)
    scribe.lines = [
        "# 一起事件,三个平台",
        "",
        "总部在企业微信(自建应用加智能机器人),信息技术在飞书,领导在钉钉;每个人在三个平台上都有账号,更夫当作同一个人。",
        "企业微信的卡片:群里的只在有人点时更新,应用发的不点只能更新一次;飞书、钉钉的卡片随时更新。",
    ]
    scribe.heading("各人在自己常用的平台上")
    for person, where in USUALLY.items():
        scribe.says(person, where, "/我的")
    scribe.heading("在企业微信群里上报,飞书群关联到同一事件")
    scribe.says("li.na", wecom, "/事件 上报 类型=系统故障 系统=行情 行情中断")
    scribe.says("wang.qiang", feishu, "/事件 绑定 I1")
    scribe.heading("定级:两个群各读到一次")
    scribe.says("li.na", wecom, "/定级 I1 证监会=较大")
    scribe.heading("飞书里认领,企业微信的卡片跟着变")
    scribe.taps("wang.qiang", "feishu", "认领 T6", "我的任务")
    scribe.heading("进展:不论在哪个群里说,两个群各读到一次")
    scribe.says("li.na", wecom, "/事件 进展 I1 影响三家营业部,约三千名客户")
    scribe.says("wang.qiang", feishu, "/事件 进展 已切换备用链路,观察五分钟")
    scribe.heading("企业微信里点启动,领导在钉钉上批,两个群各读到一次")
    scribe.taps("li.na", "wecom", "启动预案", "INC-")
    scribe.taps("lin.yue", "dingtalk", "同意", "启动预案")
    scribe.taps("li.na", "wecom", "全部任务", "INC-")
    scribe.heading("催办找得到人:最后在哪个平台,就到哪个平台")
    scribe.says("wang.qiang", "dingtalk", "/我的")
    scribe.passes(minutes=6)
    scribe.heading("钉钉上完成,企业微信里核实")
    scribe.says("wang.qiang", "dingtalk", "/完成 T6 备用链路稳定")
    scribe.taps("zhao.min", "wecom", "核实 T6", "T6")
    scribe.heading("飞书群里恢复,企业微信群里提请结束,领导在钉钉上批")
    scribe.says("li.na", feishu, "/事件 恢复")
    scribe.says("li.na", wecom, "/事件 结束 I1")
    scribe.taps("lin.yue", "dingtalk", "同意", "应急结束")
    return "\n".join(scribe.lines) + "\n"


@contextmanager
def played(folder: Path) -> Iterator[tuple[Three, str]]:
    """The firm when all is over, and what the page says."""
    with firm_on_three(folder) as three:
        three.dingtalk.sim.add_person("nobody", "旁观者")
        told = play(three)
        three.at_peace()
        yield three, told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, played(Path(made)) as (_, written):
        PAGE.write_text(written, encoding="utf-8")
        sys.stdout.write(f"{PAGE}\n")
