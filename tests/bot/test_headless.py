"""The headless demo: a whole incident, in both languages, whose closing figures are those of the database."""

import itertools
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlmodel import col, func, select

from bot.config import demo_settings
from bot.headless import Ending, perform, play
from bot.headless_paper import box, padded, said, width, wrapped
from bot.headless_scenarios import Script, Taps, Types, Until, load, names
from bot.headless_stage import Clock, Loud, OffScript
from bot.platforms.console import Console
from bot.platforms.core.contract import Deed, Edit
from handlers.core.message import Button, Card
from handlers.core.wording import Words
from storage.database import Database
from storage.tables.audit import AuditRow
from storage.tables.queues import WAITING, OutboxRow, TimerRow
from storage.tables.records import ApprovalRow, IncidentRow, TaskRow
from tests.make import START
from tests.world import make_world
from workflows.core.errors import BadConfig
from workflows.incident import State

ROOT = Path(__file__).parents[2]


def test_the_incident_is_played_to_its_end_and_the_figures_are_those_of_the_database(tmp_path: Path) -> None:
    shown: list[str] = []
    ending = perform(load("trading-outage"), demo_settings(tmp_path, {"GENGFU_LOCALE": "zh"}), shown.append)
    assert ending.good
    assert ending.incident.state is State.CLOSED
    text, words, counts = "\n".join(shown), Words.load("zh"), dict(ending.trail.counts)
    table = _tells_a_story(text, words)
    assert words.say("headless.verified", rows=counts["rows"], seals=counts["seals"]) in table
    for shown_figure in (ending.figures.reminders, ending.figures.escalations, ending.figures.tasks_closed, ending.said):
        assert f" {shown_figure}" in table
    _agrees_with_the_database(ending, tmp_path / "var/demo.db")


def counted(connection: Connection, column: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(select(column, func.count()).group_by(column))}


def _tells_a_story(text: str, words: Words) -> str:
    """Its closing table."""
    table = text[text.rindex("═") :]
    figures = (
        "to_open",
        "to_grade",
        "to_claim",
        "reminders",
        "escalations",
        "lateness",
        "refusals",
        "tasks_closed",
        "messages",
        "closed_after",
    )
    for name in figures:
        assert words.say(f"headless.figure.{name}") in table
    assert text.count("╭─") >= 5, "the incident's card, a person's, a reminder's and both questions to leaders are drawn in full"
    assert words.say("button.approve") in text
    return table


def _agrees_with_the_database(ending: Ending, path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    try:
        with database.engine.connect() as connection:
            verbs = counted(connection, col(AuditRow.verb))
            states = counted(connection, col(TaskRow.state))
            incident = connection.execute(select(IncidentRow.opened_at, IncidentRow.graded_at, IncidentRow.closed_at)).one()
            first = connection.execute(select(func.min(col(TaskRow.claimed_at)))).scalar_one()
            # Several reminders said as one message share its id.
            message = func.count(func.distinct(col(OutboxRow.message_id)))
            sent = select(message).where(col(OutboxRow.message_id).is_not(None), col(OutboxRow.kind) != "supersede")
            messages = connection.execute(sent).scalar_one()
            people = connection.execute(select(TaskRow.done_by, TaskRow.verified_by)).all()
            running = connection.execute(select(func.count()).where(col(TimerRow.status) == WAITING)).scalar_one()
            decided = set(connection.execute(select(ApprovalRow.state)).scalars())
    finally:
        database.close()
    figures = ending.figures
    assert (figures.reminders, figures.escalations) == (verbs["reminded"], verbs["escalated"])
    assert figures.reminders > 5
    assert figures.escalations > 5
    assert figures.refusals == verbs["refused"] == 2
    assert states == {"closed": figures.tasks_closed}
    assert figures.to_grade == incident.graded_at - incident.opened_at
    assert figures.to_claim == first - incident.opened_at
    assert incident.closed_at - incident.opened_at > timedelta(hours=1)
    assert ending.said == messages
    assert all(done != verified for done, verified in people), "nobody verified their own work"
    assert running == 0, "a closed incident leaves no clock running"
    assert decided == {"approved"}
    assert len(ending.late) >= figures.reminders + figures.escalations, "each was a timer that fired"
    assert max(ending.late) < 30, "no timer was leapt over"
    assert dict(ending.trail.counts)["rows"] == sum(verbs.values())


def test_the_command_line_plays_it_in_the_configured_language(tmp_path: Path) -> None:
    environ = {**os.environ, "GENGFU_LOCALE": "en", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", "-m", "bot", "demo", "--headless", "--scenario", "trading-outage"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "trail verified: " in _tells_a_story(done.stdout, Words.load("en"))
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"


def test_a_scenario_is_not_silently_ignored_by_the_demo_in_the_browser() -> None:
    command = [sys.executable, "-m", "bot", "demo", "--scenario", "trading-outage"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "gengfu demo --headless --scenario" in done.stderr


def test_an_unknown_scenario_names_those_that_there_are() -> None:
    with pytest.raises(BadConfig, match="trading-outage"):
        play("no-such", print)


@pytest.mark.parametrize("name", names())
def test_every_scenario_speaks_both_languages_and_moves_forward(name: str) -> None:
    script = load(name)
    assert script.title.keys() == {"zh", "en"}
    for step in script.steps:
        texts = [step.text] if hasattr(step, "text") else [step.answer] if isinstance(step, Taps) and step.answer else []
        assert all(text.keys() == {"zh", "en"} for text in texts), step
    leaps = [step.at for step in script.steps if isinstance(step, Until)]
    nights = sum(later < earlier for earlier, later in itertools.pairwise(leaps))
    assert nights <= 1, "a time that has passed means tomorrow: more than one night is a slip of the pen"


def test_what_is_not_in_the_script_ends_the_play(tmp_path: Path) -> None:
    script = load("trading-outage")
    wrong = Types("ma.chao", {"zh": "/事件 归档 I9", "en": "/incident close I9"}, "", "")
    short = Script(script.name, script.title, script.zone, script.start, (wrong,))
    with pytest.raises(OffScript, match=r"access\.group"):
        perform(short, demo_settings(tmp_path), lambda line: None)


def test_an_incident_that_stays_open_is_no_good_ending(tmp_path: Path) -> None:
    script = load("trading-outage")
    short = Script(script.name, script.title, script.zone, script.start, script.steps[:2])
    shown: list[str] = []
    ending = perform(short, demo_settings(tmp_path), shown.append)
    assert ending.trail.ok
    assert not ending.good
    assert shown[-1] == Words.load("zh").say("headless.done_bad")


def test_a_card_that_would_look_the_same_is_not_sent_again(tmp_path: Path) -> None:
    world = make_world(Database(f"sqlite:///{tmp_path / 'a.db'}"))
    deeds: list[Deed] = []
    try:
        world.says("li.na", "/事件 上报 类型=系统故障 行情中断")
        (console,) = world.worker.sender.platforms.values()
        assert isinstance(console, Console)
        world.worker.sender.platforms = {"console": Loud(console, lambda deed, key: deeds.append(deed))}
        world.says("li.na", "/事件 进展 I1 正在切换")
    finally:
        world.database.close()
    (edited,) = [deed.chat for deed in deeds if isinstance(deed, Edit)]
    assert edited.startswith("g:"), "the incident's card tells the news, nobody's own does"


def test_the_clock_runs_and_leaps_but_never_back() -> None:
    clock = Clock(START)
    clock.leap(START + timedelta(hours=1))
    after = clock()
    assert after >= START + timedelta(hours=1)
    clock.leap(START)
    assert clock() >= after


def test_paper_counts_chinese_signs_twice() -> None:
    assert width("更夫 ok") == 7
    assert padded("更夫", 6) == "更夫  "
    assert wrapped("一二三四", 4) == ["一二", "三四"]
    assert wrapped("one two three", 9) == ["one two", "three"]
    assert said("09:41 x:", "a\nb") == ["09:41 x: a", "      b"]
    card = Card("标题", (("", "一行"), ("名", "值")), "注", (Button("认领", "/task claim T1"),))
    drawn = box(card)
    assert {width(line) for line in drawn} == {width(drawn[0])}
    assert all(text in "".join(drawn) for text in ("标题", "一行", "名 值", "注", "[认领]"))
    assert json.dumps(drawn)
