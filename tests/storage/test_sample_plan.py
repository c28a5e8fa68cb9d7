"""The sample plan says what the domain's own files say, read here by an independent reader of their YAML."""

import math
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from storage.plan import check_plan, load_plan
from workflows.core.grading import grade
from workflows.core.playbook import TaskLine
from workflows.core.rubric import Floor, Measure, ResponseLevel

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
DOMAIN = Path(__file__).parents[1] / "data" / "domain"
PLAN = load_plan(SAMPLE)

OPINION = {"轻度": "mild", "中度": "moderate", "严重": "severe", "特别严重": "extreme"}
APPROVERS = {"lead": "lead.head", "lead_or_delegate": "lead.head or lead.deputy", "legal": "role:compliance", "by_level": "by_level"}
RESPONSES = {"四级响应": "l4", "三级响应": "l3", "二级响应": "l2", "一级响应": "l1"}


def read(name: str) -> Any:
    return yaml.safe_load((DOMAIN / name).read_text(encoding="utf-8"))


RUBRIC = read("rubric.yaml")["rubric"]
PLAYBOOKS = read("playbooks.yaml")


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


def yaml_lines() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from (("common", whole(line)) for line in PLAYBOOKS["common"])
    for of, playbook in PLAYBOOKS["types"].items():
        yield from ((of, whole(line)) for line in playbook["tasks"])


#: The one field in which the plan says more than the YAML: it lets the task wait for an approval and names nobody who gives it,
#: while its `done` says that the leading group decides.
COMPLETED = {"attack.ransom": {"approve": "lead.head"}}


def code_of(fact: str, word: str) -> str:
    """The code of a choice's Chinese value as the YAML spells it."""
    found = [code for code, names in PLAN.facts.specs[fact].values.items() if word in names]
    assert len(found) == 1, (fact, word)
    return found[0]


def subtype_of(word: str) -> str:
    """The code of the one subtype of all playbooks that is called `word`."""
    (found,) = (code for playbook in PLAN.playbooks.values() for code, names in playbook.subtypes.items() if names[0] == word)
    return found


def condition(key: str, value: Any) -> tuple[str, str | bool]:
    if key == "subtype":
        return key, subtype_of(value)
    return (key, code_of(key.removesuffix("_at_least"), value)) if isinstance(value, str) else (key, value)


def expected(line: dict[str, Any]) -> dict[str, Any]:
    """Every field of the line as the YAML states it, in the plan's terms."""
    minutes = dict(zip(("l4", "l3", "l2", "l1"), line.get("due", ()), strict=False))
    until = line.get("until")
    return {
        "code": line["id"],
        "title": line["title"],
        "group": line["group"],
        "done": line["done"],
        "clock": line.get("from", "opened_at").removesuffix("_at"),
        "due": {ResponseLevel(level): timedelta(minutes=count) for level, count in minutes.items() if count is not None},
        "due_working_days": line.get("due_working_days"),
        "due_calendar_days": line.get("due_calendar_days"),
        "repeat": line.get("repeat", False),
        "until": until.removesuffix("_at") if until else None,
        "optional": line.get("optional", False),
        "approve": APPROVERS[line["approve"]] if "approve" in line else None,
        "approve_first": line.get("approve_first", False),
        "fulfilled_by": line.get("fulfilled_by"),
        "obligation": line.get("obligation"),
        "when": dict(condition(key, value) for key, value in line.get("when", {}).items()),
        "basis": line.get("basis", ""),
        "calendar": "always",
        "change": False,
        **COMPLETED.get(line["id"], {}),
    }


def stated(line: TaskLine) -> dict[str, Any]:
    """Every field of the line but its English, which the YAML does not have."""
    return {name: getattr(line, name) for name in line.__slots__ if not name.endswith("_en")}


def test_the_sample_plan_is_sound() -> None:
    assert check_plan(SAMPLE) == ()


def test_each_playbook_has_the_lines_of_the_yaml_in_its_order() -> None:
    wanted = [(of, line["id"]) for of, line in yaml_lines()]
    assert [(of, line.code) for of, playbook in PLAN.playbooks.items() for line in playbook.lines] == wanted
    assert len(wanted) == 66


def handed_out(lines: Iterable[dict[str, Any]], level: int) -> dict[str, tuple[str, int | None]]:
    """What the YAML asks for at the level (0 = l4): code to group and minutes; counted days and duties have no minutes here."""
    found: dict[str, tuple[str, int | None]] = {}
    for line in lines:
        if "due" not in line or "obligation" in line:
            found[line["id"]] = (line["group"], None)
        elif line["due"][level] is not None:
            found[line["id"]] = (line["group"], line["due"][level])
    return found


@pytest.mark.parametrize("level", ResponseLevel)
@pytest.mark.parametrize("of", PLAYBOOKS["types"])
def test_each_type_at_each_level_hands_out_the_tasks_of_the_yaml_to_the_same_groups_by_the_same_dues(of: str, level: ResponseLevel) -> None:
    given: dict[str, tuple[str, int | None]] = {}
    for line in (*PLAN.playbooks["common"].lines, *PLAN.playbooks[of].lines):
        if line.obligation or not line.due:
            given[line.code] = (line.group, None)
        elif level in line.due:
            given[line.code] = (line.group, line.due[level] // timedelta(minutes=1))
    wanted = handed_out((line for type_code, line in yaml_lines() if type_code in ("common", of)), level.rank - 1)
    assert given == wanted
    assert len(wanted) > 18


@pytest.mark.parametrize(("of", "line"), [*yaml_lines()], ids=lambda value: value["id"] if isinstance(value, dict) else value)
def test_each_line_says_what_the_yaml_says(of: str, line: dict[str, Any]) -> None:
    known = {"id", "title", "group", "from", "due", "due_working_days", "due_calendar_days", "repeat", "until", "optional", "approve"}
    assert set(line) <= known | {"approve_first", "fulfilled_by", "obligation", "when", "basis", "done"}
    mine = next(one for one in PLAN.playbooks[of].lines if one.code == line["id"])
    assert stated(mine) == expected(line)


def test_every_line_is_told_in_english_too() -> None:
    for playbook in PLAN.playbooks.values():
        for line in playbook.lines:
            assert line.title_en.isascii() or "“" in line.title_en
            assert line.title_en
            assert line.done_en


def test_a_system_failure_makes_sixteen_tasks_at_level_four_and_eighteen_above() -> None:
    lines = [line for of in ("common", "system_failure") for line in PLAN.playbooks[of].lines]
    live = {level.value: [line.code for line in lines if line.live and level in line.due] for level in ResponseLevel}
    assert {level: len(codes) for level, codes in live.items()} == {"l4": 16, "l3": 18, "l2": 18, "l1": 18}
    assert set(live["l3"]) - set(live["l4"]) == {"common.statement", "common.resources"}


@pytest.mark.parametrize("of", PLAYBOOKS["types"])
def test_each_playbook_has_the_name_and_the_subtypes_of_the_yaml(of: str) -> None:
    playbook = PLAN.playbooks[of]
    assert playbook.name == PLAYBOOKS["types"][of]["name"]
    assert [names[0] for names in playbook.subtypes.values()] == PLAYBOOKS["types"][of].get("subtypes", [])


@pytest.mark.parametrize(
    ("word", "of"),
    [
        ("攻击", "cyber_attack"),
        ("故障", "system_failure"),
        ("数据泄露", "data_leak"),
        ("诈骗", "financial_fraud"),
        ("舆情", "public_opinion"),
        ("传闻", "public_opinion"),
        ("合规", "compliance_risk"),
        ("供应商", "supplier_failure"),
    ],
)
def test_what_people_call_the_types(word: str, of: str) -> None:
    assert [playbook.type for playbook in PLAN.playbooks.values() if word in playbook.names] == [of]


def test_the_groups_are_those_of_the_yaml_under_their_names() -> None:
    assert {key: group["name"] for key, group in PLAYBOOKS["groups"].items()} == {
        key: group.name for key, group in PLAN.organization.groups.items()
    }
    for key, group in PLAYBOOKS["groups"].items():
        assert set(group.get("alias", ())) <= set(PLAN.organization.groups[key].aliases)


def measure(given: dict[str, Any]) -> Measure:
    key = given["key"]
    kind = {"number": "number", "enum": "choice", "bool": "condition"}[given["type"]]
    scores = {code_of(key, name): score for name, score in given.get("scores", {}).items()}
    return Measure(key, kind, tuple(given.get("from", ())), scores, given.get("score", 4), given.get("needs", {}))  # type: ignore[arg-type]


def test_the_indicators_and_their_measures_are_those_of_the_yaml() -> None:
    wanted = [(one["key"], one["name"], tuple(measure(given) for given in one["measures"])) for one in RUBRIC["indicators"]]
    assert [(one.key, one.name, one.measures) for one in PLAN.rubric.indicators] == wanted


def test_the_facts_of_the_measures_carry_the_names_of_the_yaml() -> None:
    for indicator in RUBRIC["indicators"]:
        for given in indicator["measures"]:
            if "name" in given:
                assert PLAN.facts.specs[given["key"]].name == given["name"].partition("(")[0]


def test_the_bands_and_the_times_of_regrading_are_those_of_the_yaml() -> None:
    assert [(band.level, band.min, band.max) for band in PLAN.rubric.bands] == [
        (OPINION[b["level"]], b["min"], b["max"]) for b in RUBRIC["bands"]
    ]
    every = {level.value: minutes for level, minutes in PLAN.rubric.regrade_minutes.items()}
    assert every == {OPINION[level]: minutes for level, minutes in RUBRIC["regrade"]["every_minutes"].items()}
    head = (PLAN.rubric.id, PLAN.rubric.version, PLAN.rubric.unknown_score, PLAN.rubric.rescore_minutes)
    assert head == (RUBRIC["id"], RUBRIC["version"], RUBRIC["unknown"]["score"], RUBRIC["unknown"]["rescore_within_minutes"])


def floor_when(floor: Floor) -> dict[str, Any]:
    """A floor's conditions, spelled as the YAML spells them."""
    found: dict[str, Any] = {}
    for key, value in floor.facts.items():
        found[key] = value if isinstance(value, bool) else PLAN.facts.specs[key].values[value][0]
    found |= {f"{key}_at_least": value for key, value in floor.facts_at_least.items()}
    found |= {"any_equals_4": list(floor.any_score)} if floor.any_score else {}
    found |= {"indicators_equal_4_at_least": floor.scores_of_4} if floor.scores_of_4 else {}
    found |= {"other_indicator_equals": floor.other_score} if floor.other_score else {}
    return found


def test_the_floors_are_those_of_the_yaml() -> None:
    wanted = [(floor["id"], floor["when"], OPINION[floor["at_least"]]) for floor in RUBRIC["floors"]]
    assert [(floor.id, floor_when(floor), floor.at_least.value) for floor in PLAN.rubric.floors] == wanted


def test_the_response_levels_carry_the_names_of_the_yaml() -> None:
    assert {response.name: level.value for level, response in PLAN.responses.items()} == RESPONSES
    assert {PLAN.responses[ResponseLevel.of_rank(rank)].name: rank for rank in (1, 2, 3, 4)} == {
        name: rank for rank, name in RUBRIC["response_level"]["names"].items()
    }


@pytest.mark.parametrize("case", read("reference-cases.yaml"), ids=lambda case: case["name"])
def test_the_reference_cases_come_out_as_stated(case: dict[str, Any]) -> None:
    facts = {key: code_of(key, value) if isinstance(value, str) else value for key, value in case["given"].items()}
    working = grade(PLAN.rubric, facts)
    wanted = case["expected"]
    assert {score.indicator: score.score for score in working.scores} == wanted["scores"]
    assert working.total == wanted["total"]
    assert working.level == OPINION[wanted["level"]]
    assert list(working.floors) == wanted["floors_hit"]
    assert working.provisional is wanted["provisional"]
    assert working.response == RESPONSES[wanted["response"]]


def test_who_approves_what_is_what_the_contract_says() -> None:
    acts = {level.value: response.approvers for level, response in PLAN.responses.items()}
    assert [acts[level]["activate"] for level in ("l4", "l3", "l2", "l1")] == [
        ("commander",),
        ("lead.deputy",),
        ("lead.head",),
        ("lead.head",),
    ]
    assert {acts[level]["override"] for level in acts} == {("lead.head",)}
    assert {acts[level]["end"] for level in acts} == {("lead.head", "lead.deputy")}
    statement = [acts[level]["statement"] for level in ("l4", "l3", "l2", "l1")]
    assert statement == [("opinion.head",), ("role:compliance",), ("lead.deputy",), ("lead.head",)]


def test_a_task_for_the_leader_or_the_delegate_is_closed_by_these_two_and_nobody_else() -> None:
    line = next(one for one in PLAN.playbooks["system_failure"].lines if one.code == "failure.emergency_change")
    assert line.approve is not None
    assert set(PLAN.organization.resolve(line.approve)) == {"zhou.heng", "lin.yue"}


def test_snoozes_are_capped_by_level_and_the_heavy_levels_never_fall_silent() -> None:
    caps = {level.value: (one.snooze_max, one.snooze_count) for level, one in PLAN.responses.items()}
    hours = timedelta(hours=1)
    assert caps == {"l4": (24 * hours, 3), "l3": (4 * hours, 3), "l2": (hours / 2, 3), "l1": (timedelta(), 0)}
    ends = [PLAN.responses[level].terminal_max for level in ResponseLevel]
    assert [math.inf if end is None else end for end in ends] == [3, 4, math.inf, math.inf]


def test_level_two_is_the_sample_of_the_design() -> None:
    two = PLAN.responses[ResponseLevel.L2]
    minutes = [
        span // timedelta(minutes=1)
        for span in (two.claim_within, two.progress_every, two.progress_grace, two.overdue_repeat, two.verify_within)
    ]
    assert minutes == [10, 30, 10, 15, 30]
    assert two.overdue_climb_every == 2
    ladder = [(rung.to, rung.wait // timedelta(minutes=1)) for rung in two.rungs]
    assert ladder == [(("owner",), 10), (("group.head", "group.deputy"), 10), (("commander",), 10), (("lead",), 15)]


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("阅读", "reads_24h"),
        ("阅读量", "reads_24h"),
        ("转发", "reposts_24h"),
        ("发帖", "posts_24h"),
        ("帖文", "posts_24h"),
        ("热榜", "hot_list"),
        ("平台", "platforms"),
        ("平台数", "platforms"),
        ("媒体", "media_tier"),
        ("客户", "affected_clients"),
        ("客户数", "affected_clients"),
        ("受影响客户", "affected_clients"),
        ("首帖小时", "hours_since_first"),
        ("增速", "growth_1h"),
        ("负面", "negative_share"),
        ("负面占比", "negative_share"),
        ("投诉", "complaints_1h"),
        ("每小时投诉", "complaints_1h"),
        ("证监会", "csrc_grade"),
        ("网信", "cac_grade"),
        ("CSRC_GRADE", "csrc_grade"),
        ("影响交易", "affects_trading"),
        ("原因", "cause"),
    ],
)
def test_what_a_duty_officer_types(word: str, key: str) -> None:
    spec = PLAN.facts.find(word)
    assert spec is not None
    assert spec.key == key


def test_grading_takes_what_the_rubric_needs_and_the_other_facts_go_the_other_way() -> None:
    needed = {given["key"] for indicator in RUBRIC["indicators"] for given in indicator["measures"]}
    needed |= {"cac_grade", "leaked_persons", "leak_proof_public", "core_trading_interrupted_in_session", "public_posts"}
    assert {spec.key for spec in PLAN.facts.specs.values() if spec.grade} == needed


def test_every_group_has_two_people_so_that_a_second_one_can_verify() -> None:
    assert all(len(group.everyone) >= 2 for group in PLAN.organization.groups.values())
    assert PLAN.organization.duty("office") == "li.na"


def test_the_people_are_made_up_and_each_role_is_somebody_elses() -> None:
    people = PLAN.organization.people.values()
    assert all(person.email == f"{person.id}@example.com" for person in people)
    assert len({person.phone for person in people}) == len(people)
    assert all(person.phone.startswith("+86 138 0000 00") for person in people)
    holders = [person.id for person in people for _ in person.roles]
    assert len(holders) == len(set(holders)) == 6


@pytest.mark.parametrize(
    "name", sorted(path.relative_to(SAMPLE).as_posix() for path in SAMPLE.rglob("*.toml") if path.name != "organization.toml")
)
def test_each_file_of_rules_says_that_its_figures_are_our_own_defaults(name: str) -> None:
    head = (SAMPLE / name).read_text(encoding="utf-8").partition("\n\n")[0]
    assert "本项目" in head
    assert "own default" in head
