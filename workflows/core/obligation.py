"""Reporting duties as data: who must be told what by when, under which condition, and how certain that is (`obligations.toml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

CalendarKind = Literal["continuous", "calendar_days", "working_days", "trading", "service_hours"]

#: What counts in days by the wall; everything else counts in time: all of it, or that of the sessions or service periods.
IN_DAYS: tuple[CalendarKind, ...] = ("calendar_days", "working_days")


@dataclass(frozen=True, slots=True)
class Obligation:
    """One duty.

    `when`: named conditions that must all be yes (see `workflows.core.conditions`); empty = always.
    `clock`: the incident clock it counts from.
    `within`: by grade code of `keyed_by` (`general` … `extreme`, `mild` … `extreme`), or the one key `any`; else not asked for.
    `within_days`: the same in days of `calendar`. `every`: a repeating report, until the clock `until`.
    `calendar`: `trading` and `service_hours` count `within` and `every` in open time only.
    `to`: recipients. `channels`: by which ways.
    `binding`: law (the text has the figure), self (self-regulation), seed (a source document), default (this project's).
    `confidence`: verified, secondary, unverified. `basis`: regulation and article. `law_word`: what the text says instead of a figure.
    `doer`: the group that does it where no playbook line names the obligation.
    """

    id: str
    name: str
    clock: str
    to: tuple[str, ...]
    binding: Literal["law", "self", "seed", "default"]
    confidence: Literal["verified", "secondary", "unverified"]
    basis: str
    doer: str
    name_en: str = ""
    to_en: tuple[str, ...] = ()
    basis_en: str = ""
    check: str = ""
    """what the second person makes sure of before the duty is waived"""
    check_en: str = ""
    when: Mapping[str, str | bool] = field(default_factory=dict)
    calendar: CalendarKind = "continuous"
    keyed_by: Literal["csrc_grade", "opinion_level"] = "csrc_grade"
    within: Mapping[str, timedelta] = field(default_factory=dict)
    within_days: Mapping[str, int] = field(default_factory=dict)
    every: Mapping[str, timedelta] = field(default_factory=dict)
    until: str | None = None
    channels: tuple[str, ...] = ()
    law_word: str = ""
    also_on: str = ""
    partial_ok: str = ""
    complete_within: timedelta | None = None
    """until when the rest of what was reported in part follows, counted from then; None: nobody asks for it"""
    phone: bool = False
    """first by phone: who took the call and what was said are asked for"""
    steps: tuple[str, ...] = ()
    closing: bool = False
    """one of the closing reports: filed or decided before the incident can be closed"""
    paper: str = ""
    """the form of `papers.toml` by which it is reported in writing; empty: by phone, or in words of its own"""
