"""Every code that the product or its sample plan knows has words in both languages; every refused move says what to do next."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot.bootstrap import SAMPLE_PLAN, load_topics
from handlers.core.duties import as_kept, checks, duty_name, recipients
from handlers.core.explain import explain, fact_name, fact_value, what_next
from handlers.core.wording import Locale, Words
from storage.plan import load_plan
from storage.plan.organization import ROLES
from workflows import circular, enquiry, incident, publication, regulator_report, rumour, statement, task, tip
from workflows.core import approval
from workflows.core.errors import BadWords, RuleBroken
from workflows.core.machine import Machine
from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel

PLAN = load_plan(SAMPLE_PLAN)
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
EVERY = (incident, task, regulator_report, approval, tip, statement, publication, enquiry, rumour, circular)
MACHINES = {one.MACHINE.noun: one.MACHINE for one in EVERY}
LOCALES: tuple[Locale, ...] = ("zh", "en")
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(params=LOCALES)
def words(request: pytest.FixtureRequest) -> Words:
    return Words.load(request.param)


def readable(words: Words, text: str, code: str) -> bool:
    """Words, not a code: in English no Chinese and nothing joined by an underscore."""
    return bool(text) and "_" not in text and (bool(CHINESE.search(text)) if words.locale == "zh" else not CHINESE.search(text))


def test_every_fact_and_value_of_the_sample_plan_reads_in_both_languages(words: Words) -> None:
    for spec in PLAN.facts.specs.values():
        assert readable(words, fact_name(words, spec), spec.key), spec.key
        for code in spec.values:
            assert readable(words, fact_value(words, spec, code), code), (spec.key, code)


def test_every_duty_reads_in_both_languages(words: Words) -> None:
    for duty in PLAN.obligations.values():
        texts = [duty_name(words, duty), words.twin(duty.basis, duty.basis_en), *checks(words, [duty])]
        assert len(texts) == 3, f"{duty.id} says what to check before it is waived"
        assert all(readable(words, text, duty.id) for text in texts), duty.id
        shown = recipients(words, PLAN, duty.to)
        assert len(shown) == len(duty.to)
        assert all(readable(words, one, one) for one in shown), duty.id
        assert as_kept(PLAN, shown) == list(duty.to), "typed as it is read, it is found"
        assert words.has(f"report.binding_{duty.binding}")


def test_types_levels_floors_and_indicators_read_in_both_languages(words: Words) -> None:
    twins = [(one.name, one.name_en) for one in PLAN.playbooks.values()]
    twins += [(one.name, one.name_en) for one in PLAN.responses.values()]
    twins += [(one.name, one.name_en) for one in PLAN.rubric.indicators]
    twins += [(one.name, one.name_en) for one in PLAN.rubric.floors]
    twins += [(one.name, one.name_en) for one in PLAN.organization.groups.values()]
    lines = [line for book in PLAN.playbooks.values() for line in book.lines]
    twins += [pair for line in lines for pair in ((line.title, line.title_en), (line.done, line.done_en))]
    for zh, en in twins:
        assert readable(words, words.twin(zh, en), zh), zh


def codes() -> Iterator[str]:
    for noun, machine in MACHINES.items():
        yield from (f"code.{noun}_state.{state}" for state in type(machine.start))
        yield from (f"move.{verb}" for _, verb in machine.moves)
    for kind, values in (("opinion_level", OpinionLevel), ("event_grade", EventGrade), ("response_level", ResponseLevel)):
        yield from (f"code.{kind}.{value}" for value in values)
    yield from (f"role.{role}" for role in ROLES)
    yield from (f"clock.{clock}" for clock in incident.CLOCKS)
    yield from (f"indicator.{one.key}" for one in PLAN.rubric.indicators)


def test_every_state_move_level_role_clock_and_indicator_has_words(words: Words) -> None:
    assert [code for code in codes() if not words.has(code)] == []


def refused() -> list[tuple[str, str, str]]:
    def all_of(machine: Machine[incident.State]) -> Iterator[tuple[str, str, str]]:
        verbs = dict.fromkeys(verb for _, verb in machine.moves)
        return ((machine.noun, str(state), verb) for state in type(machine.start) for verb in verbs if (state, verb) not in machine.moves)

    return [one for machine in MACHINES.values() for one in all_of(machine)]


def test_every_refused_move_says_what_to_do_next(words: Words) -> None:
    assert len(refused()) > 150
    for noun, state, verb in refused():
        text, _ = explain(RuleBroken("house.move", noun=noun, state=state, verb=verb), words, PLAN, NOW, "")
        sentence = words.say(what_next(words, noun, state, verb))
        assert text.endswith(sentence), (noun, state, verb)
        assert "_" not in text, text


def test_closing_while_it_is_active_names_the_way_there() -> None:
    text, _ = explain(RuleBroken("house.move", noun="incident", state="active", verb="close"), Words.load("zh"), PLAN, NOW, "")
    assert text == "这项事件现在是「处置中」,不能归档。要先宣布应急结束:由应急办发 /事件 结束,领导小组批准、收尾任务办完后再归档。"


def test_what_can_be_chosen_is_listed_in_the_language_of_the_reader() -> None:
    load_topics()
    wrong = BadWords("error.choice", fact="hot_list", value="x", choices=("none", "national_top50"))
    assert explain(wrong, Words.load("zh"), PLAN, NOW, "")[0] == "「热榜」不能是「x」;可写:无、全国热榜前50。"
    english = explain(wrong, Words.load("en"), PLAN, NOW, "")[0]
    assert english == "“Hot list” cannot be “x”; it can be: none, national list top 50. Put what has blanks in quotes."
    groups = explain(BadWords("error.group", value="x", groups=("tech",)), Words.load("en"), PLAN, NOW, "")[0]
    assert not CHINESE.search(groups)
