"""The sample plan's obligations, the facts they hang on, and its calendar, read here independently of the loader."""

import tomllib
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from storage.plan import load_plan
from workflows.core.conditions import Known, answer
from workflows.core.obligation import Obligation
from workflows.core.rubric import EventGrade, OpinionLevel

DATA = Path(__file__).parents[1] / "data"
SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
PLAN = load_plan(SAMPLE)
DEADLINES = yaml.safe_load((DATA / "domain" / "deadlines.yaml").read_text(encoding="utf-8"))["deadlines"]

#: They arrive with the parts that need them.
LATER = {"complaint_first_contact", "complaint_reply", "complaint_close", "pi_request_reply", "drill_report_file", "annual_security_report"}
GRADES = {"一般": "general", "较大": "larger", "重大": "major", "特别重大": "extreme"}
LEVELS = {"轻度": "mild", "中度": "moderate", "严重": "severe", "特别严重": "extreme"}
CLOSING = {"csrc_summary", "cac_summary", "internal_summary"}


def whole(line: dict[str, Any]) -> dict[str, Any]:
    """An ASCII comma inside a text ends a YAML flow scalar: what follows arrives as a key without value and belongs to the text before."""
    found: dict[str, Any] = {}
    for key, value in line.items():
        if value is None:
            last = next(reversed(found))
            found[last] = f"{found[last]},{key}"
        else:
            found[key] = value
    return found


def yaml_duties() -> Iterator[dict[str, Any]]:
    yield from (whole(line) for line in DEADLINES["obligations"] if line["id"] not in LATER)


def rows(given: Any) -> dict[str, int]:
    """Figures by grade code; a single one is for all, none is not asked for."""
    if not isinstance(given, dict):
        return {} if given is None else {"any": given}
    return {(GRADES | LEVELS)[name]: figure for name, figure in given.items() if figure is not None}


def wanted_when(when: dict[str, Any]) -> dict[str, str | bool]:
    found: dict[str, str | bool] = {}
    for name, value in when.items():
        if name == "always":
            assert when == {"always": True}
        elif value == "no_until_compliance_finds_so":
            found[name] = False
        else:
            found[name] = (GRADES | LEVELS)[value] if isinstance(value, str) else value
    return found


def expected(line: dict[str, Any]) -> dict[str, Any]:
    until, minutes = line.get("until"), timedelta(minutes=1)
    return {
        "id": line["id"],
        "name": line["name"],
        "clock": line["clock"].removesuffix("_at"),
        "to": tuple(line["to"]),
        "binding": line["binding"],
        "confidence": line["confidence"],
        "basis": line["basis"],
        "doer": DEADLINES["doers"].get(line["id"], DEADLINES["doers"]["default"]),
        "when": wanted_when(line["when"]),
        "calendar": line["calendar"],
        "keyed_by": DEADLINES["keyed_by"].get(line["id"], DEADLINES["keyed_by"]["default"]),
        "within": {row: figure * minutes for row, figure in rows(line.get("within_minutes")).items()},
        "within_days": rows(line.get("within_days")),
        "every": {row: figure * minutes for row, figure in rows(line.get("every_minutes")).items()},
        "until": until.removesuffix("_at") if until else None,
        "channels": tuple(line.get("channels", ())),
        "law_word": line.get("law_word", ""),
        "also_on": line.get("also_on", ""),
        "partial_ok": line.get("partial_ok", ""),
        "steps": tuple(line.get("steps", ())),
        "closing": line["id"] in CLOSING,
    }


#: What the sample plan says besides, of which the YAML knows nothing: words for readers, a form, what is asked of a call, and the clock of
#: what follows a first part.
WORDS = ("name_en", "to_en", "basis_en", "check", "check_en", "paper", "phone", "complete_within")


def stated(duty: Obligation) -> dict[str, Any]:
    return {name: getattr(duty, name) for name in duty.__slots__ if name not in WORDS}


def test_the_obligations_are_those_of_the_yaml_in_its_order_but_for_those_of_later_parts() -> None:
    assert list(PLAN.obligations) == [line["id"] for line in yaml_duties()]
    assert {line["id"] for line in DEADLINES["obligations"]} == {*PLAN.obligations, *LATER}
    assert len(PLAN.obligations) == 17


@pytest.mark.parametrize("line", [*yaml_duties()], ids=lambda line: line["id"])
def test_each_obligation_says_what_the_yaml_says(line: dict[str, Any]) -> None:
    known = {"id", "name", "when", "clock", "calendar", "within_minutes", "within_days", "every_minutes", "until", "also_on", "to"}
    assert set(line) <= known | {"binding", "confidence", "basis", "channels", "partial_ok", "law_word", "steps"}
    assert stated(PLAN.obligations[line["id"]]) == expected(line)


def test_the_closing_reports_are_kept_apart_with_their_own_clocks_readers_and_doers() -> None:
    closing = {duty.id: (duty.clock, duty.calendar, duty.within_days["any"]) for duty in PLAN.obligations.values() if duty.closing}
    assert closing == {
        "csrc_summary": ("recovered", "working_days", 5),
        "cac_summary": ("ended", "calendar_days", 30),
        "internal_summary": ("ended", "working_days", 5),
    }
    assert len({PLAN.obligations[name].to for name in closing}) == 3
    lines = {line.obligation: line.group for line in PLAN.playbooks["common"].lines}
    assert [lines[name] for name in closing] == ["legal", "security", "office"]


def test_every_obligation_is_told_in_english_and_every_line_names_one_that_exists() -> None:
    assert all(duty.name_en.isascii() and duty.name_en for duty in PLAN.obligations.values())
    named = {line.obligation for playbook in PLAN.playbooks.values() for line in playbook.lines if line.obligation}
    assert named <= set(PLAN.obligations)


def test_what_the_law_gives_no_figure_for_does_not_claim_one() -> None:
    for duty in PLAN.obligations.values():
        assert not (duty.law_word and duty.binding == "law"), duty.id
        assert not (duty.binding == "law" and duty.confidence == "unverified"), duty.id


# facts


def opened_as(type_code: str, **facts: Any) -> Known:
    """An incident of the type at its first minute, at a firm that is not critical infrastructure, with these facts stated since."""
    specs = PLAN.facts.specs.values()
    started = {spec.key: spec.default_by_type.get(type_code, spec.default) for spec in specs}
    firm = {"cii": False, "listed": False, "pbc_field": False}
    subtypes = tuple(PLAN.playbooks[type_code].subtypes)
    return Known(started | facts, None, None, OpinionLevel.MODERATE, True, None, subtypes, frozenset({"opened", "known"}), firm)


ALWAYS_OPEN = {"csrc_first_phone", "csrc_first_written", "csrc_progress", "csrc_summary", "cac_first", "cac_summary"}
SYSTEMS = {"exchange_first", "clearing_first", "investor_notice", "pi_authority", "pi_individuals", "temp_report"}


@pytest.mark.parametrize(
    ("of", "due", "asked"),
    [
        ("cyber_attack", {"police"}, SYSTEMS),
        ("system_failure", set(), SYSTEMS),
        ("data_leak", {"pi_authority", "pi_individuals"}, {"police", "temp_report"}),
        ("financial_fraud", {"police"}, {"pi_authority", "pi_individuals", "temp_report"}),
        ("public_opinion", set(), set()),
        ("compliance_risk", set(), {"police", "pi_authority", "pi_individuals", "temp_report"}),
        ("supplier_failure", set(), SYSTEMS),
    ],
)
def test_what_is_due_and_what_is_asked_at_the_first_minute(of: str, due: set[str], asked: set[str]) -> None:
    answers = {duty.id: answer(duty.when, opened_as(of)) for duty in PLAN.obligations.values()}
    assert {name for name, found in answers.items() if found == "yes"} == due | {"internal_summary", "public_first_response"}
    assert {name for name, found in answers.items() if found == "open"} == asked | ALWAYS_OPEN


def test_the_notice_to_persons_ends_only_when_compliance_finds_harm_avoided() -> None:
    duty = PLAN.obligations["pi_individuals"]
    assert answer(duty.when, opened_as("data_leak")) == "yes"
    assert answer(duty.when, opened_as("data_leak", harm_fully_avoided=True)) == "no"
    assert answer(PLAN.obligations["pi_authority"].when, opened_as("data_leak", harm_fully_avoided=True)) == "yes"
    assert PLAN.facts.specs["harm_fully_avoided"].set_by == ("legal",)


@pytest.mark.parametrize(("cii", "first"), [(False, "cac_first"), (True, "cac_first_cii")])
def test_one_first_report_to_the_cac_by_what_the_firm_is(cii: bool, first: str) -> None:
    known = opened_as("cyber_attack")
    judged = Known(
        known.facts,
        None,
        EventGrade.LARGER,
        known.opinion_level,
        True,
        None,
        (),
        known.clocks,
        {"cii": cii, "listed": False, "pbc_field": False},
    )
    answers = {name: answer(PLAN.obligations[name].when, judged) for name in ("cac_first", "cac_first_cii")}
    assert answers == {name: "yes" if name == first else "no" for name in answers}


def test_every_fact_that_ends_a_clock_takes_a_second_person() -> None:
    hung_on = {name.removesuffix("_at_least") for duty in PLAN.obligations.values() for name in duty.when}
    asked = hung_on & set(PLAN.facts.specs)
    guarded = {spec.key for spec in PLAN.facts.specs.values() if spec.removes_clock}
    assert guarded == asked | {"csrc_grade"}  # is_network_incident follows it
    assert all(PLAN.facts.specs[key].set_by for key in guarded)


def test_no_fact_that_grading_measures_starts_with_a_value() -> None:
    for spec in PLAN.facts.specs.values():
        assert not spec.grade or (spec.default is None and not spec.default_by_type), spec.key


@pytest.mark.parametrize("word", ["影响结算", "涉嫌犯罪", "个人信息", "避免危害", "重大影响", "人行业务", "影响委托", "聚集"])
def test_the_facts_behind_the_duties_have_words_to_type(word: str) -> None:
    assert PLAN.facts.find(word) is not None


# calendar

PACKAGES = tomllib.loads((DATA / "calendar_packages.toml").read_text(encoding="utf-8"))


def works(day: date) -> bool:
    year = PLAN.calendar.years[day.year]
    return day in year.workdays or (day.weekday() < 5 and day not in year.holidays)


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_days_are_those_of_the_packages(year: int) -> None:
    mine, theirs = PLAN.calendar.years[year], PACKAGES[str(year)]
    assert sorted(mine.holidays) == theirs["holidays"]
    assert sorted(mine.workdays) == theirs["workdays"]
    assert sorted(mine.closures) == theirs["closures"]


def test_the_calendar_has_two_years_with_the_notices_of_the_state_council_and_the_exchanges() -> None:
    assert list(PLAN.calendar.years) == [2025, 2026]
    for number, year in PLAN.calendar.years.items():
        council, exchanges = year.sources
        assert council.startswith(f"国务院办公厅关于{number}年部分节假日安排的通知(国办发明电〔{number - 1}〕")
        assert f"证券交易所关于{number}年部分节假日休市安排的通知" in exchanges


def test_six_weekend_days_of_2026_are_worked_and_not_traded() -> None:
    days = {date(2026, *day) for day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))}
    assert PLAN.calendar.years[2026].workdays == days
    assert all(works(day) and day.weekday() >= 5 for day in days)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 2, 11), date(2026, 2, 25)),
        (date(2026, 2, 13), date(2026, 2, 27)),
        (date(2026, 9, 17), date(2026, 9, 23)),
        (date(2026, 9, 30), date(2026, 10, 13)),
        (date(2026, 11, 21), date(2026, 11, 27)),
    ],
)
def test_five_working_days_by_these_days_end_as_the_domain_study_says(start: date, end: date) -> None:
    after = (start + timedelta(days=count) for count in range(1, 40))
    assert [day for day in after if works(day)][4] == end


def test_sessions_have_a_midday_break_and_the_day_ends_with_business() -> None:
    assert PLAN.calendar.sessions == ((time(9, 30), time(11, 30)), (time(13), time(15)))
    assert PLAN.calendar.business_ends == time(17)


def test_what_is_our_own_default_is_not_presented_as_law() -> None:
    """No text says how soon the rest of a first part follows: the plan says so beside the figure."""
    assert [duty.id for duty in PLAN.obligations.values() if duty.complete_within] == ["cac_first"]
    assert [duty.id for duty in PLAN.obligations.values() if duty.partial_ok] == ["cac_first"]
    assert [duty.id for duty in PLAN.obligations.values() if duty.phone] == ["csrc_first_phone"]
    lines = (SAMPLE / "obligations.toml").read_text(encoding="utf-8").splitlines()
    assert ["原文未规定" in line for line in lines if line.startswith("complete_within")] == [True]
