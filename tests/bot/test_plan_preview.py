"""`gengfu plan preview` tells what would happen: what the running road says, and nothing else."""

import shutil
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import col, select

from bot.config import Settings, demo_settings
from bot.plan_preview import Wanted, play, scores_for
from bot.preview_cli import Asked, preview_command
from handlers.core.wording import Locale
from storage.database import Database
from storage.plan import load_plan
from storage.tables.audit import AuditRow
from storage.tables.queues import DONE, OutboxRow
from tests.ready import with_schema
from tests.world import SMALL_PLAN, World, make_world
from workflows.core.errors import BadConfig
from workflows.core.rubric import ResponseLevel

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 9, 30, 16, 0, tzinfo=ZONE)
KNOWN = ("type=system_failure", "level=l2")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_settings(tmp_path)


def told(settings: Settings, *incident: str, at: str = "2026-09-30 16:00", silent: tuple[str, ...] | None = None, span: str) -> list[str]:
    lines: list[str] = []
    assert preview_command(SAMPLE, settings, Asked(incident, at, silent, span), AT, lines.append) == 0
    return lines


def test_a_night_without_anybody_at_level_2(settings: Settings) -> None:
    lines = told(settings, *KNOWN, span="PT55M")
    assert lines[:2] == ["预演:系统故障,二级响应,2026-09-30 16:00 由李娜上报,往后看 55分", "假定:没有任何人回应。"]
    first = next(line for line in lines if "【第1次提醒】T1 " in line)
    assert first.startswith("16:02 → 李娜 · 私信 · ")
    assert "16:04 → 李娜、孙洁 · 加急 · T1" in lines
    assert any(line.startswith("16:30 ⏰ 截止:R4 交易所首报,报 上交所、深交所、北交所(待判断;本项目默认时限,据二手资料)") for line in lines)
    assert "16:40 → 应急办(综合协调组)群 · 群消息 · 2 项要处理 (R4 T1)" in lines, "T1 has come to the end of its ladder"
    assert any("R4" in line and line.endswith(" ……以后每 5分 一次,直到判断要不要报") for line in lines)
    times = [line[:5] for line in takewhile(lambda line: not line.startswith("──"), lines[3:])]
    assert times == sorted(times)


def test_at_level_4_the_night_is_quiet(settings: Settings) -> None:
    """The holiday that follows, too: what is lighter waits for the first day that is worked."""
    lines = told(settings, "type=system_failure", "level=l4", at="2026-09-30 18:30", span="PT3H")
    assert "四级响应" in lines[0]
    reminders = [line for line in lines if "次提醒】" in line and "T" in line]
    assert reminders
    assert all(line < "19:01" for line in reminders)


def test_who_is_not_silent_acts_at_once(settings: Settings) -> None:
    lines = told(settings, *KNOWN, silent=("李娜",), span="PT15M")
    assert lines[1] == "假定:李娜 一直不回应;其余的人一得知就认领、办完、核实、批准、报送。"
    assert any("何磊 说 T3 " in line and line.startswith("16:00 → ") for line in lines)
    assert not any("T3" in line and "次提醒" in line for line in lines)


def test_it_says_what_the_running_house_says(settings: Settings, database: Database) -> None:
    """The same incident, twice: in a house that runs, and in the preview."""
    world = make_world(database, start=AT)
    world.settle()
    world.says("li.na", "/incident open type=system_failure 预演")
    scores = scores_for(world.plans.current.rubric, world.incident().facts, ResponseLevel.L3)
    assert scores
    world.says("li.na", f"/incident grade I1 {' '.join(f'{key}={score}' for key, score in scores.items())} reason=预演")
    world.passes(hours=3)
    rows = database.read(lambda tx: list(tx.exec(select(OutboxRow).where(OutboxRow.status == DONE, OutboxRow.kind == "notice"))))
    lived = {(row.finished, _thing(row.key)) for row in rows if row.said}

    wanted = Wanted((("type", "system_failure"), ("level", "l3")), AT, None, timedelta(hours=3))
    future, _ = play(SMALL_PLAN, settings, wanted)
    played = {(one.at, _thing(one.key)) for one in future.heard if not one.key.startswith(("reply:", "card:", "digest:"))}
    assert len(played) > 20
    assert played == lived


def test_it_says_who_hears_a_late_clock_again(settings: Settings, database: Database) -> None:
    """Every five minutes the doer and the control group, the leaders each half hour: as the running house does."""
    world = make_world(database, start=AT, plan=SAMPLE)
    world.settle()
    world.says("li.na", "/incident open type=system_failure 预演")
    world.passes(minutes=100)
    rows = database.read(lambda tx: list(tx.exec(select(OutboxRow).where(OutboxRow.status == DONE, OutboxRow.kind == "notice"))))
    lived = {(row.finished, _thing(row.key)) for row in rows if row.said and ":report." in row.key}

    future, _ = play(SAMPLE, settings, Wanted((("type", "system_failure"),), AT, None, timedelta(minutes=100)))
    played = {(one.at, _thing(one.key)) for one in future.heard if ":report." in one.key and one.way in ("card", "chat")}
    assert any(":report.phones:" in key for _, key in played)
    assert played == lived


def _thing(key: str) -> str:
    """What is said to whom; a room that was made has another id in each house."""
    return key.rpartition(":g:")[0] or key


def test_nothing_stays_behind(settings: Settings, tmp_path: Path) -> None:
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    told(settings, "type=system_failure", span="PT1M")
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("incident", "at", "silent", "span", "says"),
    [
        (("type",), "", None, "PT1H", "KEY=VALUE"),
        (("type=nonsense",), "", None, "PT1H", "nonsense"),
        (("type=system_failure", "level=l9"), "", None, "PT1H", "l4, l3, l2, l1"),
        (("type=system_failure", "level=l4", "csrc_grade=major"), "", None, "PT1H", "leads to l2"),
        (("type=system_failure", "bogus=1"), "", None, "PT1H", "bogus"),
        (KNOWN, "tomorrow", None, "PT1H", "--at tomorrow"),
        (KNOWN, "", ("nobody",), "PT1H", "--silent nobody"),
        (KNOWN, "", None, "soon", "--for soon"),
        (KNOWN, "", None, "P15D", "--for P15D"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    settings: Settings, incident: tuple[str, ...], at: str, silent: tuple[str, ...] | None, span: str, says: str
) -> None:
    with pytest.raises(BadConfig) as caught:
        preview_command(SAMPLE, settings, Asked(incident, at, silent, span), AT, print)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_full_width_is_read(settings: Settings) -> None:
    lines = told(settings, "type＝system_failure", at="２０２６-09-30 16：00", span="ＰＴ１M")
    assert "2026-09-30 16:00" in lines[0]


def test_a_plan_that_is_not_sound_is_told_its_findings(settings: Settings, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "broken"))
    (folder / "response.toml").write_text("[l4]\n", encoding="utf-8")
    lines: list[str] = []
    assert preview_command(folder, settings, Asked(KNOWN, "", None, "PT1H"), AT, lines.append) == 1
    assert "response.toml" in lines[0]


def test_scores_lead_to_each_level() -> None:
    rubric = load_plan(SAMPLE).rubric
    assert [scores_for(rubric, {}, level) is not None for level in ResponseLevel] == [True] * 4
    assert scores_for(rubric, {"csrc_grade": "extreme"}, ResponseLevel.L4) is None


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_both_languages(tmp_path: Path, locale: Locale) -> None:
    settings = demo_settings(tmp_path, {"GENGFU_LOCALE": locale})
    lines = told(settings, *KNOWN, span="PT6M")
    assert any(("buzz" if locale == "en" else "加急") in line for line in lines)


# ---- a live incident


def live_house(settings: Settings) -> World:
    """A house in which something is going on, in the configured database, on the sample plan."""
    database = Database(settings.database_url.reveal())
    with_schema(database)
    world = make_world(database, plan=SAMPLE)
    world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
    world.says("li.na", "/定级 I1 证监会=较大")
    world.passes(minutes=30)
    return world


def future_of(settings: Settings, world: World, ref: str, span: str, silent: tuple[str, ...] | None = None) -> list[str]:
    lines: list[str] = []
    asked = Asked((), "", silent, span, ref)
    assert preview_command(SAMPLE, settings, asked, world.clock(), lines.append) == 0
    return lines


def words_to_come(world: World, minutes: int) -> list[tuple[datetime, str]]:
    """(when, ref) of what the clock really says about tasks in the next minutes, when nobody does anything."""
    begins = world.clock()
    world.passes(minutes=minutes)
    spoken = select(AuditRow).where(AuditRow.at > begins, AuditRow.actor == "clock", col(AuditRow.verb).in_(("reminded", "escalated")))
    rows = world.database.read(lambda tx: [(row.at, row.record_ref) for row in tx.exec(spoken)])
    return sorted(row for row in rows if row[1].startswith("T"))


def test_a_live_incident_is_told_as_it_then_goes_on_and_is_left_as_it_is(settings: Settings) -> None:
    world = live_house(settings)
    before = world.everything()
    lines = future_of(settings, world, "i1", "PT40M")
    assert world.everything() == before
    assert lines[0].startswith("预演:I1 行情中断(系统故障,")
    assert not [line for line in lines if "上报" in line and "I1 行情中断" in line and "个人任务卡" in line], (
        "what stands is not said again"
    )
    coming = words_to_come(world, 40)
    assert coming
    zone = ZoneInfo("Asia/Shanghai")
    for at, ref in coming:
        shown = [line for line in lines if line.startswith(f"{at.astimezone(zone):%H:%M}") and ref in line]
        repeated = [line for line in lines if ref in line and "以后每" in line and line[:5] <= f"{at.astimezone(zone):%H:%M}"]
        together = [line for line in lines if line.startswith(f"{at.astimezone(zone):%H:%M}") and "项" in line]
        assert shown or repeated or together, (at, ref, lines)
    world.database.close()


def test_of_a_live_incident_who_has_received_it_is_not_told_it_again(settings: Settings) -> None:
    world = live_house(settings)
    ref = world.by_code("failure.impact").ref
    world.says("luo.ming", f"/认领 {ref}")

    def told_to_luo() -> list[str]:
        lines = future_of(settings, world, "I1", "PT31M")
        return [line[:5] for line in lines if f"】{ref} " in line and "罗明" in line.split("】")[0]]

    assert told_to_luo() == ["14:50", "15:00"]
    assert world.says("luo.ming", f"/收到 {ref}").error is None
    assert told_to_luo() == ["15:00"], "not before its time has come"
    world.database.close()


def test_of_a_live_incident_only_what_there_is(settings: Settings) -> None:
    world = live_house(settings)
    for ref, incident, at, part in (
        ("I9", (), "", "no such incident"),
        ("I1", KNOWN, "", "--incident"),
        ("I1", (), "2026-09-30 16:00", "--at"),
    ):
        with pytest.raises(BadConfig, match=part):
            preview_command(SAMPLE, settings, Asked(incident, at, None, "PT1H", ref), world.clock(), print)
    with pytest.raises(BadConfig, match="--ref I1"):
        preview_command(SAMPLE, settings, Asked((), "", None, "PT1H"), world.clock(), print)
    assert world.says("li.na", "/事件 限制 I1").error is None
    with pytest.raises(BadConfig, match="restricted"):
        future_of(settings, world, "I1", "PT1H")
    world.database.close()
