"""The main job on WeCom as pages to read: who says and taps what, and what they and the incident's group then see.

python -m tests.wecom_page        writes docs/transcripts/wecom/*.md anew; tests/platforms/test_wecom_main_job.py holds the bot to them,
word for word
"""

import html
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from tests.simulators.wecom.deliveries import Click
from tests.simulators.wecom.state import Chat, Message
from tests.simulators.wecom.tenant import userid
from tests.wecom_firm import Firm, Mode, firm_on_wecom

PAGES = Path(__file__).parents[1] / "docs" / "transcripts" / "wecom"
#: Whose screens the pages show; the others' tasks and reminders are left out.
SHOWN = {"li.na": "李娜", "wang.qiang": "王强", "zhao.min": "赵敏", "lin.yue": "林岳"}
HEADS: Mapping[Mode, tuple[str, str]] = {
    "app": ("企业微信:只有自建应用", "群由应用自动建,只收不发;命令、按钮都在与应用的单聊里,要填字的回复命令或打开一次性网页表单。"),
    "robot": ("企业微信:只有智能机器人(长连接)", "群由人手工建、拉进机器人;大家先对机器人说过一句话,它才能私聊。卡片只在有人点时更新。"),
    "both": ("企业微信:自建应用加智能机器人(长连接)", "应用建群、私聊;总指挥手工把机器人加进群并绑定,此后群里也能下命令、点按钮。"),
    "callback": ("企业微信:自建应用加智能机器人(回调)", "机器人只能回答一小时内对它说的话;主动的消息由应用说。"),
}
BROWSER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 wxwork/5.0"}


class Scribe:
    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.lines: list[str] = []
        self._seen: dict[str, str] = {}

    def heading(self, text: str) -> None:
        self.lines += ["", f"## {text}", ""]

    def says(self, person: str, text: str, chat: Chat | None = None) -> None:
        where = "在群里@更夫" if chat else "私聊更夫"
        self._act(person, f"{where}:`{text}`", lambda: self.firm.says(person, text, chat))

    def taps(self, person: str, label: str, part: str = "") -> None:
        self._act(person, f"点 [{label}]", lambda: self.firm.taps(person, label, part))

    def fills_in(self, person: str, label: str, part: str = "", **values: str) -> None:
        """The one-time form behind the newest link with this label."""
        given = "、".join(f"{name}={value}" for name, value in values.items())
        self._act(person, f"打开 [{label} ↗],在网页上填 {given} 并提交", lambda: self._submits(person, label, part, values))

    def _submits(self, person: str, label: str, part: str, values: Mapping[str, str]) -> str:
        with httpx.Client(trust_env=False, headers=BROWSER, timeout=30) as browser:
            url = self.firm.follows(person, label, part)
            page = browser.get(url).text
            hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
            answer = browser.post(
                url, data={**{k: html.unescape(v) for k, v in hidden.items()}, **values}, headers={"Origin": self.firm.url}
            )
        assert answer.status_code == 200, answer.text
        self.firm.settle()
        return ""

    def passes(self, **span: float) -> None:
        self.firm.passes(**span)
        self.lines.append(f"- *{self._clock()}*")
        self._news()

    def does(self, person: str, what: str, act: Callable[[], None]) -> None:
        self.lines.append(f"- **{self._clock()} {SHOWN[person]}** {what}")
        act()
        self._news()

    def _act(self, person: str, what: str, act: Callable[[], str | Click]) -> None:
        self.lines.append(f"- **{self._clock()} {SHOWN[person]}** {what}")
        done = act()
        if isinstance(done, Click):
            assert not done.problem, done.problem
        self._news()

    def _clock(self) -> str:
        return self.firm.clock().astimezone(self.firm.parts.words.zone).strftime("%H:%M")

    def _news(self) -> None:
        """What is new or looks different in the groups and on the screens shown; one line each. What comes at one moment has no order."""
        for name in ("群", *SHOWN.values()):
            chats = [chat for chat in self.firm.sim.state.chats.values() if self._whose(chat) == name]
            said = [message for chat in chats for message in chat.messages if message.sender in ("app", "robot")]
            new = [(message, look) for message in said if self._seen.get(message.id) != (look := shown(message))]
            lines = [f"  - {name}{'(卡片更新)' if message.id in self._seen else ''}:{look}" for message, look in new]
            self._seen |= {message.id: look for message, look in new}
            self.lines += sorted(lines)

    def _whose(self, chat: Chat) -> str:
        if chat.kind in ("app", "robot"):
            return next((name for person, name in SHOWN.items() if userid(person) in chat.members), "")
        return "群"


def shown(message: Message) -> str:
    if message.kind != "template_card":
        return _flat(message.text)
    card = message.card
    lines = [line for line in card.text.split("\n") if line and line not in [b.text for b in card.buttons]]
    acts = [f" [{button.text}{' ↗' if button.url else ''}]" for button in card.buttons]
    menus = [f" {menu.title}:{'、'.join([*menu.options][1:])}" for menu in card.selects]
    return f"【{lines[0]}】{' / '.join(lines[1:])}{''.join(menus)}{''.join(acts)}"


def _flat(text: str) -> str:
    return " / ".join(line for line in text.split("\n") if line)


def play(firm: Firm, mode: Mode) -> str:
    scribe = Scribe(firm)
    title, below = HEADS[mode]
    scribe.lines = [f"# {title}", "", below]
    room = _opens(firm, scribe, mode)
    scribe.heading("定级、认领、完成、核实")
    scribe.says("li.na", "/定级 I1 证监会=较大", room)
    scribe.taps("wang.qiang", "认领 T6")
    scribe.says("wang.qiang", "/进展 T6 已切换备用链路,观察五分钟")
    scribe.taps("wang.qiang", "完成 T6", "我的任务")
    scribe.fills_in("wang.qiang", "完成", "完成", text="备用链路稳定")
    scribe.taps("zhao.min", "核实 T6")
    scribe.heading("启动预案:领导先退回,再一键同意")
    scribe.says("li.na", "/事件 启动 I1", room)
    scribe.says("lin.yue", "/退回 A1 先说清影响范围")
    scribe.says("li.na", "/事件 进展 I1 影响三家营业部,约三千名客户", room)
    scribe.says("li.na", "/事件 启动 I1", room)
    scribe.taps("lin.yue", "同意", "启动预案")
    scribe.heading("没人认领,更夫来催")
    scribe.passes(minutes=6)
    scribe.heading("恢复、结束、归档:没做完的不能归档")
    scribe.says("li.na", "/事件 恢复 I1", room)
    scribe.says("li.na", "/事件 结束 I1", room)
    scribe.taps("lin.yue", "同意", "应急结束")
    scribe.says("li.na", "/事件 归档 I1", room)
    return "\n".join(scribe.lines) + "\n"


def _opens(firm: Firm, scribe: Scribe, mode: Mode) -> Chat | None:
    """The incident and its group; None where one cannot speak in it."""
    people = [userid(person) for person in firm.parts.plans.organization.people]
    if mode == "robot":
        for person in firm.parts.plans.organization.people:
            firm.says(person, "你好")
        scribe._news()
        scribe.lines = scribe.lines[:3]
        room = firm.sim.add_group("应急指挥", people, chat_id="wrCommand")
        scribe.heading("值班员在群里打一行字,卡片、任务一起到位")
        scribe.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断", room)
        return room
    scribe.heading("值班员在私聊里打一行字,群、卡片、任务一起到位")
    scribe.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    if mode == "app":
        return None
    if mode == "callback":
        group = firm.sim.add_group("技术群", people, chat_id="wrTech")
        scribe.heading("在别的群里问机器人,它当场回答")
        scribe.says("wang.qiang", "/事件 列表", group)
        return None
    room = firm.room("INC-")
    scribe.heading("总指挥把机器人加进群")
    scribe.does("li.na", "在群设置里把智能机器人加进群", lambda: firm.player("li.na").adds_robot(room.id))
    scribe.says("li.na", "/事件 绑定 I1", room)
    return room


def page(folder: Path, mode: Mode) -> str:
    with firm_on_wecom(folder, mode) as firm:
        told = play(firm, mode)
        assert firm.sim.oddities == []
        assert firm.sim.dropped == []
        return told


if __name__ == "__main__":
    PAGES.mkdir(parents=True, exist_ok=True)
    for mode in HEADS:
        with tempfile.TemporaryDirectory() as folder:
            (PAGES / f"{mode}.md").write_text(page(Path(folder), mode), encoding="utf-8")
            sys.stdout.write(f"{PAGES / mode}.md\n")
