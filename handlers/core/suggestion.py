"""A CSRC grade by the firm's own thresholds: a suggestion with its working, or that none are entered. People judge."""

from datetime import datetime

from handlers.core.explain import fact_name, fact_value
from handlers.core.wording import Ours, Words
from workflows.core.facts import FactSpec
from workflows.core.plan import Plan
from workflows.core.thresholds import MINUTES, Suggestion, Threshold, figures_of, suggest
from workflows.incident import Incident


def of_incident(today: Plan, incident: Incident, now: datetime) -> Suggestion:
    figures, _ = figures_of(incident.facts, incident.occurred_at, incident.recovered_at or now)
    return suggest(today.thresholds, figures, incident.subtype)


def in_words(words: Words, today: Plan, incident: Incident, now: datetime) -> str:
    """Which figure met which threshold, from which document; `today`: the plan of today, whose thresholds they are."""
    if not today.thresholds:
        return words.say("threshold.none")
    figures, derived = figures_of(incident.facts, incident.occurred_at, incident.recovered_at or now)
    found = suggest(today.thresholds, figures, incident.subtype)
    specs, unknown = today.facts.specs, ""
    if found.unknown:
        unknown = words.say("threshold.unknown", names=[fact_name(words, specs[name]) for name in found.unknown])
    if found.grade is None:
        return words.say("threshold.nothing", unknown=Ours(unknown))
    met = []
    for one in found.met:
        spec = specs[one.measure]
        value = fact_value(words, spec, figures[one.measure])
        value += words.say("threshold.derived") if derived and one.measure == MINUTES else ""
        met.append(Ours(described(words, spec, one, value)))
    return words.say("threshold.suggests", grade=found.grade, why=met, unknown=Ours(unknown))


def described(words: Words, spec: FactSpec, one: Threshold, value: str = "") -> str:
    """`集中交易、网上交易中断 · 较大:累计中断分钟 ≥ 5(文件 条款,未核原文)`; `value`: what reached it."""
    need = _need(words, spec, one, value)
    unverified = "" if one.verified else words.say("threshold.unverified")
    event, source = words.say(f"threshold.event.{one.event}"), f"{one.document} {one.article}"
    return words.say("threshold.one", event=event, grade=one.grade, need=Ours(need), source=source, unverified=unverified)


def _need(words: Words, spec: FactSpec, one: Threshold, value: str) -> str:
    name = fact_name(words, spec)
    if spec.kind == "condition":
        return words.say("threshold.yes", name=name)
    return words.say("threshold.need", name=name, value=Ours(f" {value}" if value else ""), least=figure(words, spec, one))


def figure(words: Words, spec: FactSpec, one: Threshold) -> str:
    """From where on it is reached."""
    if spec.kind == "condition":
        return words.say("flag.yes")
    return words.percent(one.at_least) if spec.kind == "share" else words.number(one.at_least)
