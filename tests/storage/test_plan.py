"""Broken plans are refused naming file, key, fault and remedy; a sound one is fingerprinted and can be read again from kept bytes."""

import shutil
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.plan import Finding, PlanError, check_plan, fingerprint, load_plan, plan_files, rules_from_files
from storage.plan.findings import SENTENCES
from storage.plan.lines import key_lines, line_of
from storage.plan.table import format_duration, parse_duration, read_toml
from workflows.core.calendar import Calendar
from workflows.core.clock_ladder import CLOCK_LADDER
from workflows.core.errors import BadConfig
from workflows.core.people import Organization
from workflows.core.rubric import ResponseLevel

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample plan that a test may break."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "plan"))


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, f"{file} of the sample plan does not say {old!r} any more"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


@dataclass(frozen=True)
class Broken:
    """One edit of the sample plan, where it must be found, and words of fault and remedy."""

    file: str
    old: str
    new: str
    key: str
    code: str
    says: Sequence[str]
    others: int = 0
    at: str = ""
    """the file of the finding, where it is not the one that was edited"""


ORG, FACTS, RUBRIC, RESPONSE = "organization.toml", "facts.toml", "rubric.toml", "response.toml"
COMMON, FAILURE = "playbooks/common.toml", "playbooks/system_failure.toml"
DUTIES, CALENDAR = "obligations.toml", "calendar.toml"


def broken() -> dict[str, Broken]:
    files = ("broken_plans.toml", "broken_duties.toml", "broken_statements.toml", "broken_channels.toml")
    cases = [case for name in files for case in tomllib.loads((DATA / name).read_text(encoding="utf-8"))["case"]]
    assert len({case["name"] for case in cases}) == len(cases)
    return {case.pop("name"): Broken(**case) for case in cases}


BROKEN = broken()


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_plan_names_file_key_fault_and_remedy(folder: Path, case: Broken) -> None:
    edit(folder, case.file, case.old, case.new)
    findings = check_plan(folder)
    wanted = (case.at or case.file, case.key, case.code)
    here = [finding for finding in findings if (finding.file, finding.key, finding.code) == wanted]
    assert len(here) == 1, [str(finding) for finding in findings]
    assert len(findings) == 1 + case.others, [str(finding) for finding in findings]
    sentence = str(here[0])
    assert sentence.startswith(here[0].place)
    for words in case.says:
        assert words in sentence


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_plan_is_not_loaded_and_the_error_names_the_first_finding(folder: Path, case: Broken) -> None:
    edit(folder, case.file, case.old, case.new)
    with pytest.raises(BadConfig) as refused:
        load_plan(folder)
    assert isinstance(refused.value, PlanError)
    assert len(refused.value.findings) == 1 + case.others
    assert (case.at or case.file, case.key) in [(finding.file, finding.key) for finding in refused.value.findings]
    assert str(refused.value.findings[0]) in str(refused.value)


def test_the_line_of_a_finding_is_the_line_of_its_key(folder: Path) -> None:
    edit(folder, RESPONSE, 'wait = "PT15M"', 'wait = "soon"')
    finding = check_plan(folder)[0]
    lines = (folder / RESPONSE).read_text(encoding="utf-8").splitlines()
    assert finding.line is not None
    assert lines[finding.line - 1] == 'wait = "soon"'
    assert str(finding).startswith(f"response.toml:{finding.line} l3.rungs[0].wait: ")


def test_how_long_receiving_quiets_is_two_repeats_where_the_plan_does_not_say_and_never_longer_at_a_heavier_level(folder: Path) -> None:
    edit(folder, RESPONSE, 'seen_for = "PT10M"\n', "")
    assert load_plan(folder).responses[ResponseLevel.L1].seen_for == timedelta(minutes=20)
    edit(folder, RESPONSE, 'seen_for = "PT30M"', 'seen_for = "PT0S"')
    found = [(one.file, one.key, "PT20M" in str(one)) for one in check_plan(folder)]
    assert found == [(RESPONSE, "l1.seen_for", True)], "longer than none at all"


def test_all_faults_of_all_files_are_found_at_once_in_the_order_of_the_files(folder: Path) -> None:
    edit(folder, COMMON, 'group = "security"', 'group = "securty"')
    edit(folder, RESPONSE, 'cadence = "PT2H"', 'cadence = "2h"')
    edit(folder, RESPONSE, "snooze_count = 3", "snooze_count = -1")
    edit(folder, ORG, 'head = "li.na"', 'head = "nobody"')
    found = [(finding.file, finding.key) for finding in check_plan(folder)]
    assert found == [(ORG, "group[1].head"), (RESPONSE, "l4.cadence"), (RESPONSE, "l4.snooze_count"), (COMMON, "task[2].group")]
    with pytest.raises(PlanError, match="and 3 more"):
        load_plan(folder)


def test_a_level_by_another_name_is_unknown_and_the_right_one_missing(folder: Path) -> None:
    text = (folder / RESPONSE).read_text(encoding="utf-8")
    (folder / RESPONSE).write_text(text.replace("[l4", "[l44"), encoding="utf-8")
    assert [(one.key, one.code, one.values.get("meant")) for one in check_plan(folder)] == [
        ("l4", "missing_level", None),
        ("l44", "unknown_key", "l4"),
    ]


def write(content: bytes) -> Callable[[Path], None]:
    def work(path: Path) -> None:
        path.write_bytes(content)

    return work


@pytest.mark.parametrize("file", [ORG, FACTS, RUBRIC, RESPONSE, DUTIES, CALENDAR, COMMON])
@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (Path.unlink, "missing_file", "copy it from the sample plan"),
        (write(b""), "empty_file", "fill it in"),
        (write(b"# nothing but a comment\n"), "empty_file", "fill it in"),
        (write("a = 1\nname = '平澜'\n".encode("gb18030")), "bad_utf8", "encoding UTF-8"),
        (write(b"a = 1\nb = = 2\n"), "toml_syntax", "b = = 2"),
    ],
    ids=["missing", "empty", "comment", "gbk", "syntax"],
)
def test_a_file_that_cannot_be_read(folder: Path, file: str, spoil: Callable[[Path], None], code: str, says: str) -> None:
    spoil(folder / file)
    findings = check_plan(folder)
    assert [(finding.file, finding.key, finding.code) for finding in findings] == [(file, "", code)]
    assert says in str(findings[0])
    assert findings[0].line == (2 if code in ("bad_utf8", "toml_syntax") else None)


def test_a_text_that_ends_too_early_names_its_last_line(folder: Path) -> None:
    (folder / RUBRIC).write_text('[rubric]\nid = """\nnever closed', encoding="utf-8")
    assert [(one.code, one.line, one.values["text"]) for one in check_plan(folder)] == [("toml_syntax", 3, "never closed")]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert [finding.code for finding in check_plan(tmp_path / "nowhere")] == ["missing_folder"]
    with pytest.raises(PlanError, match="GENGFU_PLAN_DIR"):
        load_plan(tmp_path / "nowhere")


def test_a_file_that_no_plan_has(folder: Path) -> None:
    (folder / "playbooks/systemfailure.toml").write_text("x = 1", encoding="utf-8")
    assert [(one.file, one.code) for one in check_plan(folder)] == [("playbooks/systemfailure.toml", "unknown_file_far")]
    with pytest.raises(PlanError):
        plan_files(folder)


def test_a_file_under_a_wrong_name_is_told_the_right_one(folder: Path) -> None:
    (folder / "playbooks/public_opinion.toml").rename(folder / "playbooks/public_opinon.toml")
    assert [(one.file, one.code, one.values["meant"]) for one in check_plan(folder)] == [
        ("playbooks/public_opinon.toml", "unknown_file", "playbooks/public_opinion.toml")
    ]


def test_notes_beside_the_plan_are_nobodys_business(folder: Path) -> None:
    (folder / "README.md").write_text("our plan", encoding="utf-8")
    assert check_plan(folder) == ()


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(folder: Path) -> None:
    text = (folder / RESPONSE).read_text(encoding="utf-8")
    (folder / RESPONSE).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert check_plan(folder) == ()


def test_a_role_that_nobody_has_approves_nothing(folder: Path) -> None:
    edit(folder, ORG, 'roles = ["compliance"]\n', "")
    findings = check_plan(folder)
    assert {finding.code for finding in findings} == {"nobody"}
    assert ("response.toml", "l3.approvers.statement[0]") in {(finding.file, finding.key) for finding in findings}
    assert "name somebody there" in str(findings[0])


def test_warnings_are_told_and_the_plan_is_used_all_the_same(folder: Path) -> None:
    edit(folder, ORG, 'head = "deng.hui"\ndeputy = "luo.ming"', 'head = "deng.hui"')
    (found,) = check_plan(folder)
    assert (found.key, found.code, found.severity) == ("group[9]", "lone_group", "warning")
    assert "nobody can verify" in str(found)
    assert load_plan(folder).organization.groups["fund"].everyone == ("deng.hui",)
    edit(folder, RESPONSE, 'cadence = "PT2H"', 'cadence = "2h"')
    with pytest.raises(PlanError) as refused:
        load_plan(folder)
    assert [finding.severity for finding in refused.value.findings] == ["error"]


ROTA = 'chats = { console = "g:tech" }\n\n[[group.duty]]\nkind = "daily"\nstart = 2026-03-09\n'


@pytest.mark.parametrize(
    ("lines", "key", "code", "says"),
    [
        ("people = []", "group[2].duty[0].people", "duty_empty", "nobody stands in this rota"),
        ('people = ["wang.qiang", "xu.jing"]', "group[2].duty[0].people[1]", "duty_stranger", "xu.jing"),
        ('people = ["wang.qiang"]\nhandover = "09:00"\nuntil = "21:00"', "group[2].duty", "duty_hours", "from 21:00 to 09:00"),
    ],
)
def test_a_rota_that_leaves_hours_open_is_warned_of_and_used(folder: Path, lines: str, key: str, code: str, says: str) -> None:
    path = folder / "organization.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('chats = { console = "g:tech" }\n', f"{ROTA}{lines}\n"), "utf-8")
    (found,) = check_plan(folder)
    assert (found.key, found.code, found.severity) == (key, code, "warning")
    assert says in str(found)
    assert load_plan(folder).organization.groups["tech"].rota


@pytest.mark.parametrize(
    ("today", "years"),
    [
        (date(2025, 1, 1), []),
        (date(2026, 9, 30), []),
        (date(2026, 10, 1), ["2027"]),
        (date(2026, 12, 31), ["2027"]),
        (date(2027, 1, 1), ["2027"]),
        (date(2027, 11, 30), ["2027", "2028"]),
        (date(2024, 12, 31), ["2024"]),
    ],
)
def test_a_year_that_deadlines_may_reach_and_the_calendar_lacks_is_warned_of(today: date, years: list[str]) -> None:
    found = check_plan(SAMPLE, today)
    assert [(one.file, one.code, one.severity, one.values["year"]) for one in found] == [
        (CALENDAR, "no_year", "warning", year) for year in years
    ]
    assert all(f"add [{one.values['year']}]" in str(one) for one in found)


def test_a_doer_may_be_left_to_the_line_of_every_incident(folder: Path) -> None:
    edit(folder, DUTIES, 'doer = "office"\n', "")
    assert check_plan(folder) == ()
    assert load_plan(folder).obligations["csrc_first_phone"].doer == "office"
    edit(folder, COMMON, 'group = "office"\nclock = "known"', 'group = "legal"\nclock = "known"')
    assert load_plan(folder).obligations["csrc_first_phone"].doer == "legal"


def test_every_code_that_is_noted_has_a_sentence_and_no_sentence_is_idle() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (SAMPLE.parents[1] / "storage" / "plan").glob("*.py") if path.name != "findings.py"
    )
    idle = [code for code in SENTENCES if f'"{code}"' not in sources]
    assert idle == []


def test_the_fingerprint_stays_when_people_or_the_calendar_change_and_changes_with_the_rules(folder: Path) -> None:
    before = load_plan(folder).fingerprint
    edit(folder, ORG, 'title = "总经理"', 'title = "总裁"')
    assert load_plan(folder).fingerprint == before
    marks = {before}
    edit(folder, CALENDAR, "to = 2026-10-07", "to = 2026-10-08")
    assert load_plan(folder).fingerprint == before
    for file in (RUBRIC, RESPONSE, FACTS, DUTIES, COMMON, FAILURE):
        (folder / file).write_text((folder / file).read_text(encoding="utf-8") + "# reviewed\n", encoding="utf-8")
        marks.add(load_plan(folder).fingerprint)
    assert len(marks) == 7
    assert before.startswith("sha256:")
    assert len(before) == 71


def test_the_fingerprint_tells_names_from_contents() -> None:
    assert fingerprint({"a": b"bc"}) != fingerprint({"ab": b"c"})
    assert fingerprint({"a": b"", "b": b"x"}) != fingerprint({"a": b"x", "b": b""})


def test_a_plan_is_read_again_from_what_was_kept() -> None:
    files = plan_files(SAMPLE)
    plan = load_plan(SAMPLE)
    assert {ORG, CALENDAR}.isdisjoint(files)
    assert DUTIES in files
    assert fingerprint(files) == plan.fingerprint
    assert rules_from_files(files, plan.organization, plan.calendar) == plan


def test_kept_rules_go_by_todays_calendar_whatever_was_kept_with_them(folder: Path) -> None:
    kept = {**plan_files(SAMPLE), CALENDAR: b"nonsense"}
    edit(folder, CALENDAR, "to = 2026-10-07", "to = 2026-10-08")
    today = load_plan(folder)
    assert rules_from_files(kept, today.organization, today.calendar) == today


def test_rules_kept_before_there_were_obligations_are_read_without_any() -> None:
    plan = load_plan(SAMPLE)
    rules = rules_from_files({name: kept for name, kept in plan_files(SAMPLE).items() if name != DUTIES}, plan.organization, plan.calendar)
    assert rules.obligations == {}
    assert rules.playbooks == plan.playbooks


def test_kept_rules_stand_when_a_named_person_has_left(folder: Path) -> None:
    edit(folder, RESPONSE, 'statement = ["opinion.head"]', 'statement = ["shi.lei"]')
    kept = plan_files(folder)
    assert check_plan(folder) == ()
    now = load_plan(SAMPLE).organization
    without = Organization(now.firm, {key: one for key, one in now.people.items() if key not in ("shi.lei", "guo.ping")}, now.groups)
    rules = rules_from_files(kept, without, Calendar())
    assert rules.fingerprint == fingerprint(kept)
    assert rules.organization is without


def test_kept_rules_that_are_incomplete_or_broken_are_refused() -> None:
    organization, calendar = load_plan(SAMPLE).organization, Calendar()
    files = plan_files(SAMPLE)
    with pytest.raises(PlanError, match=r"rubric\.toml: this file is missing"):
        rules_from_files({name: content for name, content in files.items() if name != RUBRIC}, organization, calendar)
    with pytest.raises(PlanError, match="not valid TOML"):
        rules_from_files({**files, RUBRIC: b"["}, organization, calendar)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("PT15M", timedelta(minutes=15)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1D", timedelta(days=1)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT90S", timedelta(seconds=90)),
        ("PT0S", timedelta()),
    ],
)
def test_durations(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "15M", "PT15", "pt15m", "PT1.5H", "P1M", "-PT1M", "PT1M30H", "PT15M ", "PT\u0661M"]
)
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@given(
    st.timedeltas(min_value=timedelta(), max_value=timedelta(days=9999)).map(lambda span: timedelta(seconds=span // timedelta(seconds=1)))
)
def test_a_written_duration_reads_back(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | st.text(alphabet="[]{}=\"'.#\n a1", max_size=60).map(str.encode))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    source, table = read_toml("x.toml", content)
    assert (table is None) == bool(source.findings)
    for finding in source.findings:
        assert isinstance(finding, Finding)
        assert str(finding).startswith("x.toml")


def test_lines_of_keys() -> None:
    text = "\n".join(
        [
            "top = 1",
            'names = [ # two lines, "]" in a text',
            '  "a = [1]",',
            "]",
            'long = """',
            "not = a key",
            '"""',
            "[[fact]]",
            'key = "a"',
            "[fact.values]",
            'x = ["1"]',
            "[[fact]]",
            "[[fact.more]]",
            "y = 1",
            "[[fact.more]]",
            'y = "after # no comment ["',
            "z.w = 2",
        ]
    )
    lines = key_lines(text)
    assert lines == {
        "top": 1,
        "names": 2,
        "long": 5,
        "fact[0]": 8,
        "fact[0].key": 9,
        "fact[0].values": 10,
        "fact[0].values.x": 11,
        "fact[1]": 12,
        "fact[1].more[0]": 13,
        "fact[1].more[0].y": 14,
        "fact[1].more[1]": 15,
        "fact[1].more[1].y": 16,
        "fact[1].more[1].z.w": 17,
    }
    assert line_of("fact[1].more[1].missing[3].deep", lines) == 15
    assert line_of("elsewhere.deep", lines) is None


def test_a_plan_without_ladder_and_gap_has_the_figures_that_were_built_in(folder: Path) -> None:
    response, rubric = folder / "response.toml", folder / "rubric.toml"
    response.write_text(response.read_text("utf-8").partition("\n[clock]\n")[0], "utf-8")
    rubric.write_text(rubric.read_text("utf-8").replace('lower_gap = "PT60M"\n', ""), "utf-8")
    old = load_plan(folder)
    assert (old.ladder, old.rubric.lower_gap) == (CLOCK_LADDER, timedelta(minutes=60))
    quiet = [replace(rung, by=("card",)) for rung in load_plan(SAMPLE).ladder.rungs]
    assert old.ladder == replace(load_plan(SAMPLE).ladder, rungs=tuple(quiet), repeat_ladder=None), "all of it each time, as it was"


def test_the_ladder_and_the_gap_are_the_plans(folder: Path) -> None:
    edit(folder, "response.toml", '\nbefore = "PT10M"', '\nbefore = "PT20M"')
    edit(folder, "rubric.toml", 'lower_gap = "PT60M"', 'lower_gap = "PT90M"')
    plan = load_plan(folder)
    assert (plan.ladder.before, plan.rubric.lower_gap) == (timedelta(minutes=20), timedelta(minutes=90))
    edit(folder, "response.toml", '\nbefore = "PT20M"', '\nbefore = "PT8M"')
    assert [finding.code for finding in check_plan(folder)] == ["ladder_long"]
    edit(folder, "response.toml", 'to = ["control"]', 'to = ["lead"]')
    assert [finding.code for finding in check_plan(folder)] == ["no_control"]


@pytest.mark.parametrize(
    ("repeat", "whole", "found"),
    [("PT5M", "PT5M", []), ("PT5M", "PT12M", []), ("PT5M", "PT4M59S", ["ladder_quick"]), ("soon", "PT1M", ["bad_duration"])],
)
def test_the_whole_ladder_hears_a_late_clock_no_more_often_than_it_repeats(folder: Path, repeat: str, whole: str, found: list[str]) -> None:
    edit(folder, "response.toml", '\nrepeat = "PT5M"\nrepeat_ladder = "PT30M"', f'\nrepeat = "{repeat}"\nrepeat_ladder = "{whole}"')
    assert [finding.code for finding in check_plan(folder)] == found
