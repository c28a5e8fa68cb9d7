"""`rubric.toml`: indicators, measures, bands, floors."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Literal

from storage.plan.table import Table, Uniques, check_not_slower, shown
from workflows.core.facts import FactBook, FactSpec
from workflows.core.rubric import Band, Floor, Indicator, Measure, OpinionLevel, Rubric

LEVELS = tuple(OpinionLevel)
#: Of plans that do not say: how far apart two lower readings must be.
LOWER_GAP = timedelta(minutes=60)
_PART_OF_KIND = {"number": "from", "share": "from", "choice": "scores", "condition": "score"}
_MEASURE_KIND: Mapping[str, Literal["number", "choice", "condition"]] = {"from": "number", "scores": "choice", "score": "condition"}


def read_rubric(root: Table, facts: FactBook | None) -> Rubric | None:
    """None when there is no `[rubric]` at all. Without `facts` (they could not be read) names of facts are not checked."""
    table = root.table("rubric", required=True)
    root.close()
    if table is None:
        return None
    rubric_id, version = table.text("id"), table.whole("version")
    unknown_score = _score(table, "unknown_score")
    rescore = table.duration("rescore_within")
    gap = table.duration("lower_gap") if table.has("lower_gap") else LOWER_GAP
    regrade = _regrade(table)
    indicators = _indicators(table, facts)
    bands = _bands(table, len(indicators))
    floors = _floors(table, facts, tuple(indicator.key for indicator in indicators))
    table.close()
    minutes = {level: _minutes(span) for level, span in regrade.items()}
    return Rubric(rubric_id, version, indicators, bands, floors, unknown_score, _minutes(rescore), minutes, gap)


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def _score(table: Table, name: str) -> int:
    value = table.raw(name)
    if value is None:
        table.note(name, "missing_key", name=name)
    elif isinstance(value, bool) or value not in (1, 2, 3, 4):
        table.note(name, "bad_score", found=shown(value))
    else:
        return int(str(value))
    return 1


def _regrade(table: Table) -> dict[OpinionLevel, timedelta]:
    inner = table.table("regrade_every", required=True)
    if inner is None:
        return {}
    found = {level: inner.duration(level) for level in LEVELS}
    inner.close()
    check_not_slower(table.source, [(inner.key(level), level, span) for level, span in found.items()])
    return found


def _indicators(table: Table, facts: FactBook | None) -> tuple[Indicator, ...]:
    inner = table.table("indicators", required=True)
    if inner is None:
        return ()
    found: list[Indicator] = []
    used = Uniques()
    for key in inner.names():
        one = inner.table(key)
        if one is None:
            continue
        if facts and (fact := facts.find(key)):
            inner.note(key, "duplicate", name=key, first=f"facts.toml ({fact.key})")
        measures = tuple(_measure(m, facts, used) for m in one.tables("measures", required=True))
        if one.has("measures") and not measures and not table.source.faulty(one.key("measures")):
            one.note("measures", "empty_list")
        found.append(Indicator(key, one.text("name"), one.text("name_en"), measures))
        one.close()
    return tuple(found)


def _measure(table: Table, facts: FactBook | None, used: Uniques) -> Measure:
    key = table.text("fact")
    if key:
        used.take(table, "fact", key)
    spec = find_fact(table, "fact", key, facts)
    given = [part for part in _MEASURE_KIND if table.has(part)]
    steps, scores, score = _steps(table), _scores(table, spec), _score(table, "score") if table.has("score") else 4
    needs = _amounts(table, "needs", facts)
    table.close()
    if len(given) != 1:
        table.note("", "measure_parts", fact=key)
    elif spec and spec.kind and given[0] != (wanted := _PART_OF_KIND.get(spec.kind, "")):
        table.note(given[0], "measure_kind", part=given[0], fact=key, kind=spec.kind, wanted=wanted or "—")
    if spec and not spec.grade:
        table.note("fact", "not_gradable", fact=key)
    return Measure(key, _MEASURE_KIND[given[0]] if given else "number", steps, scores, score, needs)


def find_fact(table: Table, name: str, key: str, facts: FactBook | None) -> FactSpec | None:
    """The fact of this key; an unknown one is noted at the key `name`."""
    if not key or facts is None:
        return None
    if key not in facts.specs:
        table.source.unknown(table.key(name), "fact", key, facts.specs)
    return facts.specs.get(key)


def _steps(table: Table) -> tuple[float, ...]:
    value = table.raw("from")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) != 4 or not all(_is_number(step) for step in value):
        table.note("from", "bad_steps", found=shown(value))
        return ()
    if value[0] != 0 or any(low >= high for low, high in pairwise(value)):
        table.note("from", "bad_steps", found=shown(value))
    return tuple(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scores(table: Table, spec: FactSpec | None) -> dict[str, int]:
    inner = table.table("scores")
    if inner is None:
        return {}
    found = {code: _score(inner, code) for code in inner.names()}
    if spec and spec.kind == "choice":
        for code in (code for code in found if code not in spec.values):
            inner.source.unknown(inner.key(code), "value", code, spec.values)
        for code in (code for code in spec.values if code not in found):
            table.note("scores", "no_score", name=code, fact=spec.key)
    return found


def _amounts(table: Table, name: str, facts: FactBook | None) -> dict[str, float]:
    """Fact to the least amount it must have."""
    inner = table.table(name)
    found: dict[str, float] = {}
    if inner is None:
        return found
    for key in inner.names():
        value = inner.raw(key)
        spec = find_fact(inner, key, key, facts)
        if spec and spec.kind not in ("number", "share"):
            inner.note(key, "not_counted", fact=key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = value
        else:
            inner.note(key, "not_number", found=shown(value))
    return found


def _bands(table: Table, indicators: int) -> tuple[Band, ...]:
    tables = table.tables("bands", required=True)
    bands: list[Band] = []
    for one in tables:
        level = one.one_of("level", "opinion_level", LEVELS)
        bands.append(Band(OpinionLevel(level or LEVELS[0]), one.whole("min"), one.whole("max")))
        one.close()
    if not table.source.faulty(table.key("bands")):
        _check_bands(table, bands, indicators)
    return tuple(bands)


def _check_bands(table: Table, bands: list[Band], indicators: int) -> None:
    if [band.level for band in bands] != list(LEVELS):
        table.note("bands", "band_order", found=", ".join(band.level for band in bands))
        return
    begin = indicators
    for index, band in enumerate(bands):
        if band.max < band.min:
            table.note(f"bands[{index}].max", "band_empty", min=band.min, max=band.max)
        elif band.min != begin:
            table.note(f"bands[{index}].min", "band_gap", wanted=begin, found=band.min)
        begin = max(band.min, band.max) + 1
    if begin - 1 != 4 * indicators:
        table.note(f"bands[{len(bands) - 1}].max", "band_end", wanted=4 * indicators, indicators=indicators, found=bands[-1].max)


def _floors(table: Table, facts: FactBook | None, indicators: tuple[str, ...]) -> tuple[Floor, ...]:
    ids = Uniques()
    found: list[Floor] = []
    for one in table.tables("floors"):
        floor_id = one.text("id")
        ids.take(one, "id", floor_id)
        level = one.one_of("at_least", "opinion_level", LEVELS)
        floor = Floor(
            id=floor_id,
            at_least=OpinionLevel(level or LEVELS[0]),
            facts=_required_facts(one, facts),
            facts_at_least=_amounts(one, "facts_at_least", facts),
            any_score=_any_score(one, facts, indicators),
            scores_of_4=one.whole("scores_of_4", default=0),
            other_score=_score(one, "other_score") if one.has("other_score") else 0,
            name=one.text("name", ""),
            name_en=one.text("name_en", ""),
        )
        one.close()
        conditions = (floor.facts, floor.facts_at_least, floor.any_score, floor.scores_of_4, floor.other_score)
        if not any(conditions) and not table.source.faulty(one.path):
            one.note("", "floor_empty")
        _check_gradable(one, facts, (*floor.facts, *floor.facts_at_least, *floor.any_score))
        found.append(floor)
    return tuple(found)


def _check_gradable(table: Table, facts: FactBook | None, keys: tuple[str, ...]) -> None:
    for key in keys:
        spec = facts.specs.get(key) if facts else None
        if spec and not spec.grade:
            table.note("", "not_gradable", fact=key)


def _any_score(table: Table, facts: FactBook | None, indicators: tuple[str, ...]) -> tuple[str, ...]:
    names = table.texts("any_score")
    if facts is not None:
        known = (*indicators, *(spec.key for spec in facts.specs.values() if spec.kind == "condition"))
        for index, name in enumerate(names):
            if name not in known:
                table.source.unknown(f"{table.key('any_score')}[{index}]", "indicator", name, known)
    return names


def _required_facts(table: Table, facts: FactBook | None) -> dict[str, str | bool]:
    inner = table.table("facts")
    if inner is None:
        return {}
    wanted = {key: read_wanted(inner, key, find_fact(inner, key, key, facts)) for key in inner.names()}
    return {key: value for key, value in wanted.items() if value is not None}


def read_wanted(table: Table, name: str, spec: FactSpec | None) -> str | bool | None:
    """The value a fact must have: one of a choice's codes, or yes or no; noted and None when it can never be that."""
    if spec and not spec.kind:  # its kind was already found wrong
        return None
    if spec and spec.kind == "choice":
        return table.one_of(name, "value", spec.values) or None
    if spec is None and isinstance(table.raw(name), str):
        return table.text(name)
    if spec and spec.kind != "condition":
        table.raw(name)
        table.note(name, "not_asked", fact=name, kind=spec.kind)
        return None
    return yes_or_no(table, name)


def yes_or_no(table: Table, name: str) -> bool | None:
    """true or false; anything else is noted."""
    value = table.raw(name)
    if isinstance(value, bool):
        return value
    table.note(name, "not_yes_no", found=shown(value))
    return None
