"""What is wrong with a plan's files: each finding names file, key, fault and remedy."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from workflows.core.errors import BadConfig

#: The English sentence of every code. The catalogs say the same as `plan.<code>`; a plan is also refused before any catalog is read.
SENTENCES: Mapping[str, str] = {
    "missing_folder": "the plan folder {folder} does not exist; set GENGFU_PLAN_DIR to the folder that holds the plan",
    "missing_file": "this file is missing and every plan needs it; copy it from the sample plan and adjust it",
    "unknown_file": "a plan has no such file; rename it to {meant}, or take it out of the folder",
    "unknown_file_far": "a plan has no such file; take it out of the folder (a plan holds {known})",
    "unreadable": "the file cannot be read ({detail}); check its permissions",
    "empty_file": "the file says nothing; fill it in, or copy it from the sample plan",
    "bad_utf8": "byte {byte} is not UTF-8; save the file again with the encoding UTF-8",
    "toml_syntax": "not valid TOML ({detail}) in `{text}`; correct this line (quotes, brackets and = must be the plain ASCII signs)",
    "unknown_key": "unknown key {name}; did you mean {meant}?",
    "unknown_key_far": "unknown key {name}; the keys known here are {known}",
    "missing_key": "the key {name} is missing; add it",
    "missing_level": "the level {name} is missing; add a table [{name}]",
    "missing_group": "the group {name} is missing; add a [[group]] with this id (one person may lead several groups)",
    "missing_fact": "the fact {name} is missing; add a [[fact]] with this key",
    "not_docx": "this is no Word document (.docx); save it from the word processor as .docx, or take it out of the folder",
    "figure_or_text": "a row says either a figure or fixed words: give it `figure` or `text`, not both",
    "not_text": "this must be text in quotes, not {found}",
    "not_texts": "this must be a list of texts in quotes, not {found}",
    "not_number": "this must be a number, not {found}",
    "not_whole": "this must be a whole number of at least {least}, not {found}",
    "not_share": "this must be more than 0 and at most 1, such as 0.5, not {found}",
    "not_yes_no": "this must be true or false, not {found}",
    "not_day": "this must be a date without quotes, such as 2026-10-01, not {found}",
    "not_days": "this must be a list of dates without quotes, such as [2026-10-10], not {found}",
    "not_time": "this must be a time of day without quotes, such as 09:30:00, not {found}",
    "not_clock": 'this must be a time of day in quotes, such as "08:30", not {found}',
    "quiet_level": "nothing is quiet at level {level}; take this out (l4 and l3 may have quiet hours)",
    "quiet_all_day": 'quiet hours must end at another time than they begin; write for example from = "22:00", to = "07:30"',
    "not_default": 'this must be true, false or "open", not {found}',
    "not_table": "this must be a table, not {found}",
    "not_tables": "this must be a list of tables ([[{name}]]), not {found}",
    "not_limit": 'this must be a whole number of at least 0, or "forever", not {found}',
    "empty_text": "this must not be empty; fill it in",
    "empty_list": "this list must not be empty; name at least one",
    "bad_id": "“{name}” cannot be an id; use lower-case letters, digits, dot and underscore, beginning with a letter",
    "bad_address": "“{name}” is no mail address; write it as name@example.com, alone",
    "bad_url": "“{name}” is no address of a receiver; write it as https://host/path, without a name, a password or a #",
    "bad_setting": "this is the name of the setting that holds the secret, such as GENGFU_OUTLET_WEBSITE_SECRET; a plan holds no secret",
    "bad_name": "“{name}” cannot be typed in a command; take out spaces, full-width signs and any of = : / @ ,",
    "bad_duration": "“{found}” is not a duration; write ISO 8601 such as PT15M, PT1H30M or P1D",
    "not_positive": "the duration must be longer than nothing; write for example PT15M",
    "duplicate": "“{name}” is already used at {first}; give one of the two another name",
    "unknown_name": "unknown {what} “{name}”; did you mean {meant}?",
    "unknown_name_far": "unknown {what} “{name}”; known are {known}",
    "nobody": "“{name}” means nobody in organization.toml; name somebody there, or another person here",
    "empty_group": 'the group {group} has nobody; add head = "<person id>" and a deputy or members',
    "lone_group": "only one person is in the group {group}, so that nobody can verify what that one did; add a deputy or members",
    "shared_mail": "{first} has the address {name} too, so that neither can log in by it; give each an address of their own",
    "no_head": 'the group {group} has no head; add head = "<person id>"',
    "duty_empty": "nobody stands in this rota; name people, or take it out: until then the deputy is on duty",
    "duty_hours": "no shift is on from {begins} to {ends}: the deputy is on duty then; add a shift, or move until",
    "duty_stranger": "“{name}” has duty for a group they are not in; add them to its members, or take them out here",
    "bad_clock": 'this must be a time of day such as "09:00", not {found}',
    "no_approver": "nobody approves “{act}” at level {level}; name at least one approver",
    "no_control": "the last rung of [clock] does not reach the control group; add “control” to it",
    "ladder_long": "the rungs of [clock] take {wanted}, but before is {found}, so the last comes too late; make before at least {wanted}",
    "ladder_quick": "the whole ladder of [clock] would hear a late clock more often ({found}) than it repeats; make it at least {wanted}",
    "unequal_twins": "to_en names {found} recipients and to names {wanted}; write one English name for each, in the same order",
    "no_rungs": "the level {level} has no escalation ladder; add a [[{level}.rungs]]",
    "urgent_alone": "“urgent” buzzes about a direct message, and this rung sends none; add “card”",
    "quieter": "the heavier level {level} lacks {missing} here, which {than} has at the same rung; add it",
    "slower": "the heavier level {level} takes longer ({found}) than {than} ({limit}); make it at most {limit}",
    "heavier_missing": "asked for at {than} but not at the heavier {level}; add a due for {level}",
    "measure_parts": "a measure has exactly one of: from, scores, score; take the one that suits the fact {fact}",
    "measure_kind": "“{part}” does not suit the fact {fact}, whose kind is {kind}; write “{wanted}”",
    "bad_steps": "“from” must be four rising numbers, the first 0 (the lower bounds of scores 1 to 4), not {found}",
    "bad_score": "a score is 1, 2, 3 or 4, not {found}",
    "no_score": "the value {name} of the fact {fact} has no score; add {name} = 1, 2, 3 or 4",
    "not_gradable": "the rubric uses the fact {fact}, which grading does not take; set grade = true for it in facts.toml",
    "not_counted": "the fact {fact} is no number; only an amount can be compared with “at least”",
    "band_order": "the bands must name mild, moderate, severe and extreme once each, in this order; found {found}",
    "band_gap": "the bands must join without gap or overlap: this one must begin with {wanted}, not {found}",
    "band_end": "the bands must reach {wanted}, the highest total of {indicators} indicators; the last one ends with {found}",
    "band_empty": "the band ends ({max}) before it begins ({min}); swap the two",
    "floor_empty": "the floor names no condition; add facts, facts_at_least, any_score, scores_of_4 or other_score",
    "wrong_values": "the fact {fact} must have exactly these values, in this order: {wanted}",
    "values_only_choice": 'only a fact of the kind choice has values; take them out, or set kind = "choice"',
    "reserved": "{name} is worked out or stated of the firm, and a condition would never ask this fact; give the fact another key",
    "default_graded": "grading measures {fact}: with a value from the start an incident would look scored; take this out",
    "default_kind": "a fact of the kind {kind} is unknown until somebody states it; take this out",
    "not_asked": "a condition asks for yes or no or a value of a choice, and the fact {fact} is of the kind {kind}; ask for another fact",
    "not_asked_firm": "the firm says {field} = true (organization.toml), but {fact} starts as no and nobody is asked; take this out",
    "no_deadline": "an obligation has exactly one of {ways}; write the one that tells its deadline",
    "beside_any": "any is one figure for all grades and stands alone; take this out, or name every grade",
    "wrong_calendar": "“{way}” does not go with {calendar}: within_days counts days, within and every count time; change one of the two",
    "until_idle": "“until” ends a repeating report; add every, or take until out",
    "unguarded": "the clock of {obligation} ends with {fact}; set removes_clock = true for it in facts.toml: it takes a second person",
    "no_doer": 'nobody does {name} in every type of incident; add doer = "<group>", or a line with it to playbooks/common.toml',
    "no_template_head": "a template begins with +++, a title and what the author fills in, and +++; see the sample plan's statements",
    "unfilled": "nobody fills the field “{name}”; did you mean {meant}?",
    "unfilled_far": "nobody fills the field “{name}”; declare it under [fields], or use what an incident has: {known}",
    "banned_inside": "the template itself says “{phrase}”, which statements/rules.toml bans; say it differently, or take it off that list",
    "no_year": "{year} is missing: Monday to Saturday count as working days, provisionally; add [{year}] when its official notice is out",
    "other_year": "{day} is a day of {year} and stands under {here}; move it to [{year}]",
    "day_twice": "{day} is already named at {first}; take it out at one of the two places",
    "holiday_order": "this ends ({last}) before it begins ({first}); swap the two",
    "holiday_long": "a holiday from {first} to {last} is longer than any; correct the dates",
    "workday_weekday": "{day} is no Saturday or Sunday, and only such a day is worked for a holiday; correct the date, or take it out",
    "closure_weekend": "{day} is a Saturday or Sunday, when there is no trading anyway; correct the date, or take it out",
    "session_order": "a period must end after it begins, and begin after the one before has ended; correct the times",
    "type_file": "the file of type {type} must be called {wanted}",
    "no_due": 'the task has no due; add due = {{ l4 = "PT1H", … }}',
    "two_dues": "a task has one way to count its due; keep one of {found}",
    "no_until": 'a repeated task needs an end; add until = "ended" (or another clock)',
    "until_alone": "“until” is for repeated tasks; add repeat = true, or take it out",
    "nobody_first": 'what waits for an approval needs an approver; add approve = "lead.head" (or another), or take approve_first out',
    "calendar_idle": "“calendar” is for a task that is done once and has a due in hours; take it out",
    "change_idle": "only a task that people do themselves can be a change; take “change” out",
    "steps_signatory": "the steps of a statement must have “signatory” once, each other at most once; found {found}",
    "pauses_more": "the heavier level {level} lets “{timer}” pause where {than} does not so; take it out, or let both pause alike",
    "fulfilled_beside": "a line that “{by}” fulfils is closed by that command alone; take approve out",
}

#: What `{what}` of `unknown_name` can be; the catalogs call them `plan.what.<code>`.
WHAT: Mapping[str, str] = {
    "person": "person",
    "group": "group",
    "role": "role",
    "platform": "platform",
    "fact": "fact",
    "kind": "kind of fact",
    "value": "value",
    "indicator": "indicator or yes/no fact",
    "level": "response level",
    "opinion_level": "opinion level",
    "type": "incident type",
    "subtype": "subtype",
    "approval": "approval",
    "channel": "way of reaching people",
    "outlet": "kind of publication channel",
    "act": "act",
    "field": "kind of field",
    "condition": "condition",
    "clock": "clock",
    "fulfilled_by": "command (fulfilled_by)",
    "paper": "paper",
    "figure": "figure",
    "table": "table",
    "approver": "approver",
    "audience": "audience",
    "obligation": "obligation",
    "event": "kind of event",
    "measure": "measure",
    "grade": "grade",
    "turning": "kind of rota",
    "keyed_by": "grade to go by",
    "calendar": "calendar",
    "period": "kind of important period",
    "timer": "timer",
    "step": "step of an approval",
    "binding": "binding",
    "confidence": "confidence",
}

#: What a plan can be used with all the same; everything else is an error.
WARNINGS = frozenset({"lone_group", "no_year", "shared_mail", "duty_empty", "duty_hours", "duty_stranger"})


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` is the dotted path in the file (`person[3].id`, counted from 0), empty for the whole file; `line` counts from 1."""

    file: str
    key: str
    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None

    @property
    def severity(self) -> Literal["error", "warning"]:
        return "warning" if self.code in WARNINGS else "error"

    @property
    def place(self) -> str:
        """`response.toml:12 l2.cadence`"""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} {self.key}".rstrip()

    def __str__(self) -> str:
        values = dict(self.values)
        if "what" in values:
            values["what"] = WHAT[values["what"]]
        return f"{self.place}: {SENTENCES[self.code].format(**values)}"


class PlanError(BadConfig):
    """A plan that cannot be used; `findings` are all errors that were found, the message is the first."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        more = f" (and {len(findings) - 1} more; `gengfu plan check` lists all)" if len(findings) > 1 else ""
        super().__init__(f"The plan cannot be used: {findings[0]}{more}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely meant, or None when none is near."""
    spelled = {word.casefold(): word for word in known}
    found = difflib.get_close_matches(name.casefold(), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def listed(names: Iterable[str]) -> str:
    """Names for a sentence; a long list is cut."""
    every = tuple(names)
    return ", ".join(every[:12]) + (", …" if len(every) > 12 else "")
