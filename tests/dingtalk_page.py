"""The main job on DingTalk as a page to read: who says, taps and fills in what, and what they and the incident's group then see.

python -m tests.dingtalk_page       writes docs/transcripts/dingtalk/main-job.md anew; tests/platforms/test_dingtalk_main_job.py holds both
roads to their pages; with callbacks the acts of four eyes are done on the web
"""

import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from tests.dingtalk_firm import Firm, Mode, firm_on_dingtalk, staff_id
from tests.simulators.dingtalk.deliveries import Click
from tests.simulators.dingtalk.state import Chat, Message

FOLDER = Path(__file__).parents[1] / "docs" / "transcripts" / "dingtalk"
PAGES: Mapping[Mode, Path] = {"stream": FOLDER / "main-job.md", "http": FOLDER / "main-job-http.md"}
#: Whose screens the page shows; the others' tasks and reminders are left out.
SHOWN = {"li.na": "李娜", "wang.qiang": "王强", "zhao.min": "赵敏", "lin.yue": "林岳"}
_BROWSER = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "User-Agent": "Mozilla/5.0", "Accept": "text/html"}
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_SAID = re.compile(r"<p[^>]*>(.*?)</p>", re.DOTALL)


class Browser:
    """A person's own; logged in by the link that the robot sent them, when that is asked for."""

    def __init__(self, firm: Firm, person: str) -> None:
        self._firm = firm
        self._person = person
        self._http = httpx.Client(trust_env=False, follow_redirects=True, headers=_BROWSER)

    def close(self) -> None:
        self._http.close()

    def fills(self, url: str, given: Mapping[str, str]) -> str:
        page = self._http.get(url)
        if page.status_code == 401:
            self._logs_in()
            page = self._http.get(url)
        assert page.status_code == 200, page.text
        answer = self._http.post(
            url, data={**dict(_HIDDEN.findall(page.text)), **given}, headers={"Origin": self._firm.url, "Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 200, answer.text
        return " / ".join(part.strip() for part in _SAID.findall(answer.text))

    def _logs_in(self) -> None:
        self._firm.says(self._person, "/登录")
        link = next(found for said in reversed(self._firm.direct(self._person)) if (found := re.search(r"https?://\S+/login/\S+", said)))
        page = self._http.get(link[0])
        hidden = dict(_HIDDEN.findall(page.text))
        done = self._http.post(link[0], data=hidden, headers={"Origin": self._firm.url, "Sec-Fetch-Site": "same-origin"})
        assert done.status_code == 200, done.text


class Scribe:
    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.lines: list[str] = []
        self._seen: dict[str, str] = {}

    def heading(self, text: str) -> None:
        self.lines += ["", f"## {text}", ""]

    def says(self, person: str, text: str, chat: Chat | None = None, **how: object) -> None:
        self._act(person, f"{'在群里@更夫' if chat else '私聊更夫'}:`{text}`", lambda: self.firm.says(person, text, chat, **how))

    def taps(self, person: str, label: str, part: str = "") -> None:
        self._act(person, f"点 [{label}]", lambda: self.firm.taps(person, label, part))

    def fills(self, person: str, label: str, part: str = "", **values: str) -> None:
        """Follows the link of a card to its page, and fills it in."""
        given = "、".join(f"{name}={value}" for name, value in values.items())

        def act() -> str:
            browser = Browser(self.firm, person)
            try:
                said = browser.fills(self.firm.follows(person, label, part), values)
            finally:
                browser.close()
            self.firm.settle()
            return f"网页:{said}"

        self._act(person, f"点 [{label} ↗],在网页上{'填 ' + given if given else '确认'}", act)

    def passes(self, **span: float) -> None:
        self.firm.passes(**span)
        self.lines.append(f"- *{self._clock()}*")
        self._news()

    def _act(self, person: str, what: str, act: Callable[[], str | Click]) -> None:
        self.firm.sim.clock.push(seconds=1)  # nobody does two things in one millisecond, by which callbacks are told apart
        self.lines.append(f"- **{self._clock()} {self.firm.sim.state.people[staff_id(person)].name}** {what}")
        done = act()
        if isinstance(done, Click):
            assert not done.problem, (done.problem, done.why)
            hint = done.card.private.get(staff_id(person), {}).get("hint", "")
            self.lines += [f"  - 只给本人看:{_flat(hint)}"] if hint else []
        elif done.startswith("网页:"):
            self.lines.append(f"  - {_flat(done)}")
        self._news()

    def _clock(self) -> str:
        return self.firm.sim.clock().astimezone(self.firm.parts.words.zone).strftime("%H:%M")

    def _news(self) -> None:
        """What is new or looks different in the groups and on the screens shown; one line each."""
        groups = [chat for chat in self.firm.sim.state.chats.values() if chat.kind == "group"]
        for chat in [*groups, *(self.firm.sim.direct(staff_id(person)) for person in SHOWN)]:
            for message in chat.messages:
                look, before = self.look(message), self._seen.get(message.id)
                if message.sender == "robot" and before != look:
                    self._seen[message.id] = look
                    self.lines.append(f"  - {self._whose(chat)}{'' if before is None else '(卡片更新)'}:{look}")

    def _whose(self, chat: Chat) -> str:
        return "群" if chat.kind == "group" else next(name for person, name in SHOWN.items() if staff_id(person) in chat.members)

    def look(self, message: Message) -> str:
        """As somebody sees it who tapped nothing."""
        player = self.firm.sim.person("nobody") if message.kind == "card" else self.firm.player("li.na")
        text = player.seen(message)
        if message.kind != "card":
            return _login(_flat(text))
        title, _, rest = text.partition("\n")
        acts = [f"[{label} ↗]" if press.url else f"[{label}]" for label, press in player.presses(message).items()]
        return f"【{title}】{' / '.join([_flat(rest)] if rest else [])}{''.join(f' {act}' for act in acts)}"


def _flat(text: str) -> str:
    return " / ".join(line for line in text.split("\n") if line)


def _login(text: str) -> str:
    return re.sub(r"https?://\S+", "(链接)", text)


def play(firm: Firm, mode: Mode) -> str:
    scribe, taps = Scribe(firm), mode == "stream"
    act = scribe.taps if taps else scribe.fills
    told = "长连接(Stream)" if taps else "HTTP 回调:钉钉不对内容签名,须双人复核的事在网页上做"
    scribe.lines = [f"# 钉钉上的一起行情中断 · {told}"]
    scribe.heading("值班员在私聊里打一行字,群、卡片、任务一起到位")
    scribe.says("li.na", "/事件 上报 类型=系统故障 系统=行情 行情中断")
    scribe.heading("定级:点卡片要一张表,在网页上只填知道的")
    scribe.taps("li.na", "定级…", "INC-")
    scribe.fills("li.na", "定级", "INC-", csrc_grade="larger")
    scribe.heading("认领、进展、完成、核实")
    scribe.taps("wang.qiang", "认领 T6", "我的任务")
    scribe.says("wang.qiang", "/进展 T6 已切换备用链路,观察五分钟")
    scribe.says("wang.qiang", "/完成 T6 备用链路稳定")
    act("zhao.min", "核实 T6", "T6")
    scribe.heading("启动预案:领导先退回,再同意")
    scribe.taps("li.na", "启动预案", "三级响应")
    if not taps:
        scribe.fills("li.na", "启动预案", "三级响应")
    if taps:
        scribe.taps("lin.yue", "退回…", "启动预案")
    scribe.fills("lin.yue", "退回", "启动预案", text="先说清影响范围")
    scribe.says("li.na", "/事件 进展 I1 影响三家营业部,约三千名客户", firm.room("INC-"))
    scribe.taps("li.na", "启动预案", "三级响应")
    if not taps:
        scribe.fills("li.na", "启动预案", "三级响应")
    act("lin.yue", "同意", "启动预案")
    scribe.heading("没人认领,更夫来催;在群里点名指派")
    scribe.passes(minutes=6)
    scribe.says("li.na", "/任务 指派 T1 @赵敏", firm.room("INC-"), mention=[staff_id("zhao.min")])
    if taps:
        scribe.heading("恢复、结束、归档:没做完的不能归档")
        scribe.says("li.na", "/事件 恢复", firm.room("INC-"))
        scribe.says("li.na", "/事件 结束", firm.room("INC-"))
        scribe.taps("lin.yue", "同意", "应急结束")
        scribe.says("li.na", "/事件 归档", firm.room("INC-"))
    return "\n".join(scribe.lines) + "\n"


def page(folder: Path, mode: Mode) -> str:
    with firm_on_dingtalk(folder, mode) as firm:
        firm.sim.add_person("nobody", "旁观者")
        told = play(firm, mode)
        assert firm.sim.oddities == []
        return told


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for mode, file in PAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            file.write_text(page(Path(folder), mode), encoding="utf-8")
        sys.stdout.write(f"{file}\n")
