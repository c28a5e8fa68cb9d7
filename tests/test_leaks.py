"""Client data that people type, and what hostile text could do: looked for in every table, byte, log line and message that comes out."""

import io
import logging
import re
import shutil
import sqlite3
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot import logs
from handlers.core.screen import screen
from handlers.core.wording import _unseen, clean
from storage.database import Database
from tests.world import World, acts_on, make_world

#: Numbers that no clock and no sample person has.
MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True).filter(lambda number: len(set(number)) > 4 and "0000" not in number)
WEIGHTS = [2 ** (17 - place) % 11 for place in range(17)]
WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
GAPS = st.sampled_from(["", "", " ", "-", "　", "·", ".", "\u200b", "\u00ad", "\t", " - ", "\x07", "\u2800", "\n"])


@st.composite
def residents(draw: st.DrawFn) -> str:
    place, born = draw(st.integers(110000, 659000)), draw(st.dates(date(1930, 1, 1), date(2020, 1, 1)))
    body = f"{place}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, body, strict=True)) % 11]


@dataclass(frozen=True)
class Typed:
    """A number, and how somebody typed it."""

    number: str
    text: str


@st.composite
def typed(draw: st.DrawFn) -> Typed:
    number = draw(MOBILES | residents())
    gap = draw(GAPS)
    sizes = [3, 4, 4] if len(number) == 11 else [6, 8, 4]
    parts, rest = [], number
    for size in sizes:
        parts.append(rest[:size])
        rest = rest[size:]
    text = gap.join(parts)
    if draw(st.booleans()):
        text = text.translate(WIDE)
    before, after = draw(st.sampled_from([("", ""), ("电话", ""), ("客户 ", " 投诉"), ("(", ")"), ("手机:", ",请回电"), ("x", "y")]))
    return Typed(number, f"{before}{text}{after}")


#: Every place where a person can type, as (who, line); `{}` is what they typed.
LINES = (
    ("ma.chao", "/incident open {}"),
    ("ma.chao", "/incident open 系统={} 地点={} 行情中断"),
    ("ma.chao", "/incident open 报告人={} 损失={}"),
    ("ma.chao", "/事件 上报 标题里 {} 还有字"),
    ("wang.qiang", "/incident fact I1 系统={}"),
    ("wang.qiang", "/incident fact I1 报告人={} 地点={}"),
    ("li.na", "/incident grade I1 影响范围=3 理由={}"),
    ("li.na", "/incident grade I1 阅读={}"),
    ("li.na", "/incident update I1 {}"),
    ("li.na", "/incident take I1 {}"),
    ("li.na", "/incident handover I1 sun.jie 备注={}"),
    ("li.na", "/incident activate I1 {}"),
    ("li.na", "/incident end I1 {}"),
    ("li.na", "/incident show {}"),
    ("wang.qiang", "/task claim T1"),
    ("wang.qiang", "/task claim {}"),
    ("wang.qiang", "/task progress T1 {}"),
    ("wang.qiang", "/task block T1 需要={} {}"),
    ("wang.qiang", "/task snooze T1 10m {}"),
    ("wang.qiang", "/task add I1 时限={} {}"),
    ("wang.qiang", "/task add I1 {}"),
    ("wang.qiang", "/task done T1 {}"),
    ("zhao.min", "/task reject T1 {}"),
    ("li.na", "/task cancel T2 {}"),
    ("zhou.heng", "/return A1 {}"),
    ("zhou.heng", "/approve A1 {}"),
    ("zhou.heng", "/incident close I1 强制={}"),
    ("zhou.heng", "/incident reopen I1 {}"),
    ("guo.ping", "/help {}"),
    ("guo.ping", "/who {}"),
    ("guo.ping", "/{} open"),
    ("guo.ping", "/incident {}"),
    ("guo.ping", "{}"),
    ("guo.ping", "@更夫 {}"),
    ("nobody", "{}"),
    ("nobody", "/incident open {}"),
)


@contextmanager
def firm() -> Iterator[tuple[World, Path, io.StringIO]]:
    """A firm at work in a folder of its own, with everything logged that could be."""
    folder, stream, root = Path(tempfile.mkdtemp(prefix="gengfu-")), io.StringIO(), logging.getLogger()
    handlers, level, levels = list(root.handlers), root.level, {name: logging.getLogger(name).level for name in logs.QUIET}
    database = Database(f"sqlite:///{folder / 'gengfu.db'}")
    try:
        logs.setup("DEBUG", stream)
        yield make_world(database), folder, stream
    finally:
        database.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        shutil.rmtree(folder)


def pass_time(world: World, minutes: int) -> None:
    for _ in range(minutes // 10):
        world.clock.pass_time(minutes=10)
        world.settle()


def everything(world: World, folder: Path, stream: io.StringIO) -> Iterator[tuple[str, str]]:
    """(place, text) of all that the house holds or has let out."""
    for room in sorted({room.id for person in world.plans.organization.people for room in world.rooms.rooms_of(person)}):
        person = next(p for p in world.plans.organization.people if room in {r.id for r in world.rooms.rooms_of(p)})
        for line in world.lines(room, person):
            yield f"message in {room}", f"{line.text}\n{line.body}"
    yield from (("log", line) for line in stream.getvalue().splitlines())
    path = folder / "gengfu.db"
    for file in sorted(folder.iterdir()):
        yield f"bytes of {file.name}", file.read_bytes().decode("utf-8", "replace")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for name, value in zip(columns, row, strict=True):
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    yield f"{table}.{name}", text
    connection.close()
    yield "bytes after the checkpoint", path.read_bytes().decode("utf-8", "replace")


_DROPPED = re.compile(r"(?:\\[nrt]|\\u[0-9a-f]{4}|[\W_])+")


def bare(text: str) -> str:
    """Digits and letters alone, narrow: however a number was parted, here it is whole."""
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text)).upper()


def assert_nowhere(found: Iterator[tuple[str, str]], numbers: list[Typed]) -> None:
    for place, text in found:
        # Megabytes of digits would hold any number if they were run together: bytes are searched as they stand.
        narrow = text if place.startswith("bytes") else bare(text)
        for one in numbers:
            assert one.text not in text, f"{one!r} in {place}"
            assert one.number not in narrow, f"{one!r} in {place}"


calm = settings(
    deadline=None,
    max_examples=3,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@calm
@given(st.lists(typed(), min_size=len(LINES), max_size=len(LINES)), st.lists(st.booleans(), min_size=len(LINES), max_size=len(LINES)))
def test_a_number_typed_anywhere_is_found_nowhere(numbers: list[Typed], in_groups: list[bool]) -> None:
    with firm() as (world, folder, stream):
        world.says("ma.chao", "/incident open 类型=系统故障 行情中断")
        ours = {
            person: next(room.id for room in world.rooms.rooms_of(person) if room.kind == "group")
            for person, _ in LINES
            if person != "nobody"
        }
        for (person, line), one, in_group in zip(LINES, numbers, in_groups, strict=True):
            text = line.replace("{}", one.text)
            if person == "nobody":
                world.road.ask(world.message(person, text, "somewhere"))
                continue
            reply = world.says(person, text, ours[person] if in_group else None)
            assert_nowhere(iter([("the answer", f"{reply.text}\n{reply.usage}")]), numbers)
        _answer_clicks_and_cards(world, numbers)
        pass_time(world, minutes=40)
        assert world.tasks(), "something has happened"
        assert_nowhere(everything(world, folder, stream), numbers)


def _answer_clicks_and_cards(world: World, numbers: list[Typed]) -> None:
    """The question of a button, and a reply to a card."""
    for number, (person, label) in enumerate((("li.na", "通报进展"), ("wang.qiang", "进展"), ("wang.qiang", "完成"))):
        asks = [
            (line, button) for _, line in world.seen_by(person) for button in acts_on(line) if label in button["label"] and button["form"]
        ]
        for line, button in asks[-1:]:
            world.taps(person, button["label"], numbers[number].text, line=line)
            world.says(person, f"进展 {numbers[number + 3].text}", reply_to=line.id)
            world.says(person, numbers[number + 6].text, reply_to=line.id)


def test_what_the_reader_never_sees_does_not_part_a_number() -> None:
    """What the screen takes for one number and what people would read as one: whatever the words drop, the screen sees through."""
    gone = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000 and (_unseen(chr(code)) or chr(code).isspace())]
    assert len(gone) > 300
    assert [hex(ord(char)) for char in gone if not screen(f"139{char}1234{char}5678").found] == []
    assert clean("139\x0712345678") == "13912345678", "this is why"


def test_names_and_phones_of_people_are_in_no_log() -> None:
    with firm() as (world, _, stream):
        world.says("ma.chao", "/incident open 类型=系统故障 行情中断")
        world.says("li.na", "/incident grade I1 证监会=较大")
        world.says("guo.ping", "/who 技术组")
        world.says("guo.ping", "/task claim T1")
        pass_time(world, minutes=120)
        world.says("guo.ping", "/incident close I1")
        said = stream.getvalue()
        people = world.plans.organization.people.values()
        assert [
            p.id for p in people if p.name in said or (p.phone and bare(p.phone)[-11:] in bare(said)) or (p.email and p.email in said)
        ] == []


def test_a_failure_logs_neither_names_nor_what_was_typed() -> None:
    """Even an error that quotes the text it stumbled over."""
    with firm() as (world, _, stream):
        stumble: Callable[[str], None] = logging.getLogger("gengfu.road").exception
        try:
            raise ValueError("李娜 说 13912345678")
        except ValueError:
            stumble("a command failed")
        said = stream.getvalue()
        assert "ValueError" in said
        assert "李娜" not in said
        assert "13912345678" not in said
        assert world.road is not None


HOSTILE = st.lists(
    st.sampled_from(
        [
            "@所有人",
            "<at user_id=all>",
            "<@U1>",
            "[点我](http://evil.top)",
            "https://evil.top/x",
            "www.evil.com",
            "**粗**",
            "`rm -rf`",
            "# 标题",
            "> 引用",
            "{incident}",
            "{0}",
            "%s",
            "&lt;b&gt;",
            "<script>alert(1)</script>",
            "\u202e反",
            "\u200b",
            "~~划~~",
            "__线__",
            "行情",
            "'\"",
            "|a|b|",
            "\\",
        ]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)

#: Our own line under a refusal: its brackets are ours.
USAGE = re.compile(r"(?m)^用法:.*$")
#: What a messenger could act upon, none of which we write ourselves.
LIVE_MARKUP = re.compile(r"[@<>`\[\]~]|\*\*|://|(?i:www\.)|evil\.(?:top|com)|[\u200b\u202e]|&(?=#?\w{1,32};)|(?m:^ *#+ )")


@calm
@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_words_come_out_harmless(title: str, progress: str, reason: str) -> None:
    """As title, system, progress, reasons and update: in chats, cards, reminders, answers and the timeline."""
    with firm() as (world, _, _):
        answers = [
            world.says("ma.chao", f"/incident open 类型=系统故障 {title}"),
            world.says("wang.qiang", f"/incident fact I1 系统={reason}"),
            world.says("wang.qiang", "/task claim T1"),
            world.says("wang.qiang", f"/task add I1 {title}"),
            world.says("wang.qiang", f"/task progress T1 {progress}"),
            world.says("wang.qiang", f"/task block T1 {reason}"),
            world.says("li.na", f"/incident update I1 {progress}"),
            world.says("li.na", f"/incident end I1 {reason}"),
            world.says("guo.ping", f"/incident {progress}"),
            world.says("guo.ping", f"/task claim {reason}"),
            world.says("li.na", f"/incident activate I1 {reason}"),
            world.says("zhou.heng", f"/return A1 {reason}"),
        ]
        pass_time(world, minutes=50)
        answers += [
            world.says("guo.ping", "/incident timeline I1"),
            world.says("guo.ping", "/task list I1"),
            world.says("li.na", "/task mine"),
        ]
        assert [answer.error for answer in answers if answer.error == "house.internal"] == []
        shown = [("an answer", answer.text) for answer in answers]
        for person in ("li.na", "wang.qiang", "zhou.heng", "guo.ping", "ma.chao"):
            for room, line in world.seen_by(person):
                if not line.author:
                    shown += [(room, text) for text in _texts(line.text, line.body)]
        assert len(shown) > 30
        for place, text in shown:
            found = LIVE_MARKUP.search(USAGE.sub("", text))
            assert found is None, f"{found!r} in {place}: {text!r}"


def _texts(text: str, body: Any) -> Iterator[str]:
    """What people read of a message: not the commands behind its buttons, which are ours."""
    yield text
    card = (body or {}).get("card") or {}
    yield from (str(card.get(name, "")) for name in ("title", "note"))
    for name, value in card.get("lines", []):
        yield from (name, value)
    for button in (*card.get("buttons", []), *card.get("menu", [])):
        yield button["label"]
        for field in button["form"]:
            yield from (field["label"], field["hint"], field["value"], *(label for _, label in field["options"]))
