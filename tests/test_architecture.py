"""Rules of the house that no type checker and no import linter sees."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from bot.bootstrap import load_topics
from handlers.core.registry import APPROVED, COMMANDS, REQUESTS, RETURNED, SCREENS, TIMERS
from handlers.core.wording import Locale, Words
from storage.mapping import KINDS, letter_of

ROOT = Path(__file__).parent.parent
FLOORS = ("bot", "handlers", "storage", "workflows")
LOCALES: tuple[Locale, ...] = ("zh", "en")

REFUSALS = ("RuleBroken", "NotAllowed", "BadWords", "NotFound", "UserError")

#: Placeholders that `say` and `explain` add by themselves.
ALWAYS = {"now"}


def _files() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py")) if "versions" not in path.parts]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    """(place, name called, call) for every call of the product."""
    for path in _files():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node


def _first_text(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _choices(node: ast.expr | None) -> list[str]:
    """The texts that an expression may be: a literal, or either side of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_choices(node.body), *_choices(node.orelse)]
    return []


@cache
def _words(locale: Locale) -> Words:
    return Words.load(locale)


def _missing(keys: dict[str, str]) -> list[str]:
    """Keys (with the place that uses them) that a catalog lacks."""
    return [f"{place}: {key} ({locale})" for key, place in keys.items() for locale in LOCALES if not _words(locale).has(key)]


# One place each


def test_scopes_are_made_by_the_gate_only() -> None:
    assert {place.rpartition(":")[0] for place, name, _ in _calls() if name == "Scope"} == {"handlers/core/access.py"}


def test_the_real_clock_and_the_real_dice_are_bootstraps() -> None:
    """`import time` for time.monotonic is fine anywhere on the floors that may have it; the wall clock is not."""
    wall = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"), ("uuid", "uuid4")}
    found = {
        place.rpartition(":")[0]
        for place, name, call in _calls()
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and (call.func.value.id, name) in wall
    }
    assert found == {"bot/bootstrap.py"}


def test_records_are_written_by_the_unit_of_work_only() -> None:
    """Nobody else turns a record into a row or writes its trail; refusals, logins and exports have no record."""
    written = {place.rpartition(":")[0] for place, name, _ in _calls() if name in ("to_values", "set_timers")}
    beside = {"storage/filling.py", "storage/calendars.py"}
    assert written == {"storage/unit_of_work.py", *beside}, (
        "filling writes for benchmarks only, a changed calendar wakes every incident by a timer"
    )


def test_no_print_of_a_record_in_a_log() -> None:
    """What is logged beside the sentence is given by name, so that the log tests can know it; the sentence has no values."""
    logging = ("debug", "info", "warning", "error", "exception", "critical")
    loose = [
        place
        for place, name, call in _calls()
        if name in logging and isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "log"
        if isinstance(call.args[0], ast.JoinedStr) or not any(keyword.arg == "extra" for keyword in call.keywords)
    ]
    assert loose == []


# Words


def test_every_command_has_help_in_both_languages() -> None:
    load_topics()
    assert _missing({command.help_key: command.name for command in COMMANDS.values()}) == []


def test_every_refusal_has_words_in_both_languages() -> None:
    keys = {key: place for place, name, call in _calls() if name in REFUSALS and call.args for key in _choices(call.args[0])}
    assert len(keys) > 50
    assert _missing(keys) == []
    computed = [place for place, name, call in _calls() if name in REFUSALS and call.args and not _choices(call.args[0])]
    assert [place.rpartition(":")[0] for place in computed] == COMPUTED_REFUSALS, "what is computed is checked by hand below"
    assert _missing({f"grade.{kind}_lowering": "grading" for kind in ("csrc", "cac")}) == []


#: Which record is missing (all three are given as literals to `_item`) · the parser's own refusal with the command added · csrc, cac.
COMPUTED_REFUSALS = ["handlers/core/context.py", "handlers/core/parser.py", "workflows/core/grading.py"]


def _placeholders(sentence: str) -> set[str]:
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def _said() -> Iterator[tuple[str, str, set[str] | None]]:
    """(place, key, names given; None when they are not written out) of every sentence that is said by a literal key."""
    for place, name, call in _calls():
        if (name == "say" and isinstance(call.func, ast.Attribute)) or name in REFUSALS:
            given = {keyword.arg for keyword in call.keywords}
            names = None if None in given else {arg for arg in given if arg is not None}
            for key in _choices(call.args[0] if call.args else None):
                yield place, key, names


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_gets_what_it_asks_for(locale: Locale) -> None:
    words, wrong = _words(locale), []
    for place, key, given in _said():
        if not words.has(key):
            wrong.append(f"{place}: no {key}")
        elif given is not None and (lacking := _placeholders(words.sentences[key]) - given - ALWAYS):
            wrong.append(f"{place}: {key} lacks {sorted(lacking)}")
    assert wrong == []


def test_both_languages_say_the_same_things() -> None:
    chinese, english = (_words(locale).sentences for locale in LOCALES)
    assert set(chinese) == set(english)
    different = {key for key in chinese if _placeholders(chinese[key]) != _placeholders(english[key])}
    assert different <= {key for key in different if key.startswith("span.")}, f"other values: {sorted(different)}"


def test_every_sentence_is_said_somewhere() -> None:
    """By its whole key, or by one that the code puts together."""
    texts = {
        node.value for path in _files() for node in ast.walk(_tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for page in (ROOT / "bot").rglob("*.html"):
        texts |= set(re.findall(r"""["']([a-z_.]+)["']""", page.read_text(encoding="utf-8")))
    put_together = [re.compile(pattern) for pattern in _patterns()]
    found_by_text = "reason."  # tests/handlers/core/test_reasons.py
    keys = [key for key in _words("zh").sentences if not key.startswith(found_by_text)]
    unused = [key for key in keys if key not in texts and not any(p.fullmatch(key) for p in put_together)]
    assert unused == []


def _patterns() -> set[str]:
    """Every key that the code puts together, as a pattern: its head is written out as far as a dot at least."""
    found = {"help\\..+"}  # Command.help_key
    for path in _files():
        for node in ast.walk(_tree(path)):
            head = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else None
            if isinstance(head, ast.Constant) and re.match(r"[a-z_]+\.", str(head.value)):
                parts = node.values if isinstance(node, ast.JoinedStr) else []
                found.add("".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in parts))
    return found


@pytest.mark.parametrize("locale", LOCALES)
def test_every_key_that_is_put_together_leads_somewhere(locale: Locale) -> None:
    """Of those that are said: a head without any sentence behind it is a slip of the pen."""
    heads = {
        str(call.args[0].values[0].value): place
        for place, name, call in _calls()
        if name == "say"
        and call.args
        and isinstance(call.args[0], ast.JoinedStr)
        and isinstance(call.args[0].values[0], ast.Constant)
        and "." in str(call.args[0].values[0].value)
    }
    assert len(heads) > 8
    assert {head: place for head, place in heads.items() if not any(key.startswith(head) for key in _words(locale).sentences)} == {}


# The registries fit together


def _outcomes() -> Iterator[tuple[str, str, ast.Call]]:
    for place, name, call in _calls():
        if place.startswith(("workflows/", "handlers/")):
            yield place, name, call


def test_every_notice_has_a_screen() -> None:
    load_topics()
    kinds = {key: place for place, name, call in _outcomes() if name in ("Notice", "_say_to") for key in _choices(call.args[0])}
    kinds |= {"house.buried": "handlers/core/announcing.py", "person.digest": "storage/digests.py"}
    kinds |= {
        key: place
        for place, name, call in _calls()
        if place.startswith(("storage/sessions.py", "storage/tokens.py"))
        for key in _told_by_the_door(name, call)
    }
    assert len(kinds) > 15
    assert {kind: place for kind, place in kinds.items() if kind not in SCREENS} == {}
    cards = {name for place, name in _cards()}
    drawn = set(kinds) | cards
    assert set(SCREENS) - drawn == set(), "a screen that nothing shows"


def _told_by_the_door(name: str, call: ast.Call) -> list[str]:
    """What a login tells its person: a notice, or the link itself."""
    if name == "_tell":
        return _choices(call.args[2])
    return [key for keyword in call.keywords if name == "enqueue_secret" and keyword.arg == "notice" for key in _choices(keyword.value)]


def _cards() -> Iterator[tuple[str, str]]:
    for place, name, call in _calls():
        if name == "put_card" and len(call.args) > 1:
            yield from ((place, key) for key in _choices(call.args[1]))


def test_every_request_is_taken() -> None:
    load_topics()
    asked = {key for _, name, call in _outcomes() if name == "Request" for key in _choices(call.args[0])}
    from_deliveries = {"room.created", "task.unreached", "report.unreached", "publication.published", "publication.failed"}
    assert asked | from_deliveries == set(REQUESTS)


def test_every_kind_of_record_with_timers_has_its_clock() -> None:
    load_topics()
    assert set(TIMERS) == {"I", "T", "A", "R", "N", "W", "S", "P", "Q", "M", "E"}
    assert set(TIMERS) <= {letter_of(kind) for kind in KINDS}


def test_every_question_has_its_consequence_and_its_words() -> None:
    load_topics()
    kind_at = {"ask": 2, "_ask": 2, "ask_waiver": 3, "ask_lowering": 3}
    asked = {key for _, name, call in _outcomes() if name in kind_at and len(call.args) >= 4 for key in _choices(call.args[kind_at[name]])}
    assert asked == set(APPROVED) >= set(RETURNED)
    assert _missing({f"approval.kind.{kind}": "registry" for kind in APPROVED}) == []


def test_every_event_has_words_for_the_timeline() -> None:
    verbs = {key: place for place, name, call in _outcomes() if name == "Event" for key in _choices(call.args[0])}
    # helpers that make the event from a verb they are given
    helpers = {"_outcome": 2, "_command": 5, "_decided": 2, "_back": 2, "_event": 0}
    for place, name, call in _outcomes():
        if name in helpers and len(call.args) > helpers[name]:
            verbs |= dict.fromkeys(_choices(call.args[helpers[name]]), place)
    computed = [place for place, name, call in _outcomes() if name == "Event" and not _choices(call.args[0])]
    owners = ("core/approval", "incident", "publication", "regulator_report", "statement", "task", "tip")
    assert {place.rpartition(":")[0] for place in computed} == {f"workflows/{owner}.py" for owner in owners}
    assert len(verbs) > 35
    verbs |= {"refused": "handlers/core/road.py", "repaired": "storage/unit_of_work.py", "ring_skipped": "bot/ringing.py"}
    assert _missing({f"verb.{verb}": place for verb, place in verbs.items()}) == []
    known = {key.removeprefix("verb.") for key in _words("zh").sentences if key.startswith("verb.")}
    assert known - set(verbs) == set(), "words for what never happens"


def test_every_code_has_words() -> None:
    """Enums that people are shown, roles and clocks that rules name."""
    from workflows.core.approval import ApprovalState
    from workflows.core.escalation import NAMES
    from workflows.core.rubric import EventGrade, OpinionLevel, ResponseLevel
    from workflows.incident import CLOCKS, IncidentState
    from workflows.publication import PublicationState
    from workflows.regulator_report import ReportState
    from workflows.task import TaskState
    from workflows.tip import TipState

    keys: dict[str, str] = {}
    for kind in (ApprovalState, EventGrade, OpinionLevel, ResponseLevel, IncidentState, ReportState, TaskState, TipState, PublicationState):
        head = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
        keys |= {f"code.{head}.{value}": kind.__name__ for value in kind}
    keys |= {f"clock.{name}": "CLOCKS" for name in CLOCKS}
    keys |= {
        f"timer.{name}": "timers" for name in (*NAMES, "approval", "cadence", "clock", "rescore", "confirm", "decide", "late", "promise")
    }
    assert _missing(keys) == []
