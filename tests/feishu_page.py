"""The main job on Feishu as a page to read: who says, taps and fills in what, and what they and the incident's group then see.

python -m tests.feishu_page       writes docs/transcripts/feishu/main-job.md anew; tests/platforms/test_feishu_main_job.py holds both
roads (callbacks and the long connection) to it, word for word
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.feishu_firm import Firm, Mode, firm_on_feishu
from tests.simulators.feishu import Click
from tests.simulators.feishu.state import Chat, Message
from tests.simulators.feishu.tenant import open_id

PAGE = Path(__file__).parents[1] / "docs" / "transcripts" / "feishu" / "main-job.md"
#: Whose screens the page shows; the others' tasks and reminders are left out.
SHOWN = {"li.na": "李娜", "wang.qiang": "王强", "zhao.min": "赵敏", "lin.yue": "林岳"}


class Scribe:
    """`shown`: whose screens the page shows, by person · `brief`: of a card that changed, only the lines that are new."""

    def __init__(self, firm: Firm, shown: Mapping[str, str] = SHOWN, *, brief: bool = False) -> None:
        self.firm = firm
        self.lines: list[str] = []
        self._shown = shown
        self._brief = brief
        self._seen: dict[str, str] = {}

    def heading(self, text: str) -> None:
        self.lines += ["", f"## {text}", ""]

    def says(self, person: str, text: str, chat: Chat | None = None, **how: object) -> None:
        self._act(person, f"{'在群里@更夫' if chat else '私聊更夫'}:`{text}`", lambda: self.firm.says(person, text, chat, **how))

    def taps(self, person: str, label: str, part: str = "") -> None:
        self._act(person, f"点 [{label}]", lambda: self.firm.taps(person, label, part))

    def picks(self, person: str, label: str, part: str = "") -> None:
        self._act(person, f"在「更多」里选 [{label}]", lambda: self.firm.picks(person, label, part))

    def submits(self, person: str, label: str, part: str = "", **values: str) -> None:
        given = "、".join(f"{name}={value}" for name, value in values.items())
        self._act(person, f"填表 {given},点 [{label}]", lambda: self.firm.submits(person, label, part, **values))

    def sends_file(self, person: str, name: str, content: bytes) -> None:
        def send() -> str:
            self.firm.player(person).sends_file("", name, content)
            self.firm.settle()
            return ""

        self._act(person, f"在私聊里发来文件 `{name}`", send)

    def passes(self, **span: float) -> None:
        self.firm.passes(**span)
        self.lines.append(f"- *{self._clock()}*")
        self._news()

    def _act(self, person: str, what: str, act: Callable[[], str | Click]) -> None:
        self.lines.append(f"- **{self._clock()} {self.firm.sim.state.people[open_id(person)].name}** {what}")
        said = len(self.firm.sim.direct(open_id(person)).messages)
        done = act()
        if isinstance(done, Click):
            assert not done.problem, (done.problem, done.why)
            self.lines.append(f"  - 提示:{_flat(done.toast)}")
        elif person not in self._shown:  # of somebody else's screen only the answer
            answers = [one for one in self.firm.sim.direct(open_id(person)).messages[said:] if one.sender == self.firm.sim.state.app_id]
            self.lines += [f"  - {self.firm.sim.state.people[open_id(person)].name}:{shown(one)}" for one in answers[:1]]
        self._news()

    def _clock(self) -> str:
        return self.firm.sim.clock().astimezone(self.firm.parts.words.zone).strftime("%H:%M")

    def _news(self) -> None:
        """What is new or looks different in the groups and on the screens shown; one line each."""
        groups = [chat for chat in self.firm.sim.state.chats.values() if chat.kind == "group"]
        for chat in [*groups, *(self.firm.sim.direct(open_id(person)) for person in self._shown)]:
            for message in chat.messages:
                before = self._seen.get(message.id)
                if message.sender == self.firm.sim.state.app_id and before != message.content:
                    self._seen[message.id] = message.content
                    if look := self._look(message, before):
                        self.lines.append(f"  - {self._whose(chat, groups)}{'' if before is None else '(卡片更新)'}:{look}")

    def _whose(self, chat: Chat, groups: list[Chat]) -> str:
        if chat.kind == "group":
            return "群" if len(groups) == 1 else f"群「{chat.name}」"
        return next(name for person, name in self._shown.items() if open_id(person) in chat.members)

    def _look(self, message: Message, before: str | None) -> str:
        if not self._brief or before is None or message.kind != "interactive":
            return shown(message)
        old, now = _parts(Message("", "", message.kind, before, "", message.at)), _parts(message)
        new, gone = [part for part in now if part not in old], [part for part in old if part not in now]
        changes = [*new, *([f"不再有:{'、'.join(gone)}"] if gone and not new else [])]
        return f"【{message.card.title}】{' / '.join(changes)}" if changes else ""


def shown(message: Message) -> str:
    if message.kind != "interactive":
        return _flat(message.text)
    lines, acts = _parts(message), _acts(message)
    return f"【{message.card.title}】{' / '.join(lines[: len(lines) - len(acts)])}{''.join(f' {act}' for act in acts)}"


def _parts(message: Message) -> list[str]:
    """Lines, buttons and menus of a card."""
    card = message.card
    lines = [line for line in card.text.removeprefix(card.title).strip().split("\n") if line]
    return [*lines, *_acts(message)]


def _acts(message: Message) -> list[str]:
    card = message.card
    more = [f"更多:{'、'.join(option['text']['content'] for option in menu['options'])}" for menu in card.selects]
    return [*(f"[{label}]" for label in card.buttons), *(f"[{label} ↗]" for label in card.links), *more]


def _flat(text: str) -> str:
    return " / ".join(line for line in text.split("\n") if line)


def play(firm: Firm) -> str:
    scribe = Scribe(firm)
    scribe.lines = ["# 飞书上的一起行情中断", "", "同一份记录分别走事件回调与长连接两条路,逐字相同。"]
    scribe.heading("值班员在私聊里打一行字,群、卡片、任务一起到位")
    scribe.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    scribe.heading("定级:卡片上点开表单,只填知道的")
    scribe.taps("li.na", "定级…", "INC-")
    scribe.submits("li.na", "定级", "", csrc_grade="较大")
    scribe.heading("认领、进展、完成、核实,都在各自的卡片上")
    scribe.taps("wang.qiang", "认领 T6")
    scribe.submits("wang.qiang", "进展 T6", "我的任务", text="已切换备用链路,观察五分钟")
    scribe.submits("wang.qiang", "完成 T6", "我的任务", text="备用链路稳定")
    scribe.taps("zhao.min", "核实 T6")
    scribe.heading("启动预案:领导先退回,再一键同意")
    scribe.taps("li.na", "启动预案", "INC-")
    scribe.submits("lin.yue", "退回", "启动预案", text="先说清影响范围")
    scribe.says("li.na", "/事件 进展 I1 影响三家营业部,约三千名客户", firm.room("INC-"))
    scribe.taps("li.na", "启动预案", "INC-")
    scribe.taps("lin.yue", "同意", "启动预案")
    scribe.heading("没人认领,更夫来催;旧卡片上再点,什么也不会发生")
    scribe.passes(minutes=6)
    scribe.says("li.na", "/任务 指派 T1", firm.room("INC-"), mention=[open_id("zhao.min")])
    scribe.heading("恢复、结束、归档:没做完的不能归档")
    scribe.says("li.na", "/事件 恢复", firm.room("INC-"))
    scribe.says("li.na", "/事件 结束", firm.room("INC-"))
    scribe.taps("lin.yue", "同意", "应急结束")
    scribe.says("li.na", "/事件 归档", firm.room("INC-"))
    return "\n".join(scribe.lines) + "\n"


def page(folder: Path, mode: Mode) -> str:
    with firm_on_feishu(folder, mode) as firm:
        told = play(firm)
        assert firm.sim.oddities == []
        return told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(Path(folder), "http"), encoding="utf-8")
        sys.stdout.write(f"{PAGE}\n")
