"""Every workflow's table of moves, walked: all states are reached, every move has a function, and what is not in the table is refused."""

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import workflows
from tests.make import START
from tests.workflows.obligation_sample import EXCHANGES, FIRST, PROGRESS, make_terms
from tests.workflows.sample import (
    ORGANIZATION,
    make_approval,
    make_incident,
    make_publication,
    make_response,
    make_statement,
    make_task,
    minutes,
)
from workflows import circular, duty, enquiry, incident, publication, regulator_report, rumour, statement, task, tip
from workflows.core import approval, spoken
from workflows.core.agreement import Agreement
from workflows.core.channels import by_messenger
from workflows.core.duty import DutyChange, DutyKind
from workflows.core.errors import RuleBroken, UserError
from workflows.core.grading import Score, Working
from workflows.core.machine import Machine
from workflows.core.outcome import Outcome
from workflows.core.outlet import OutletKind
from workflows.core.quote import Quote
from workflows.core.rubric import OpinionLevel, ResponseLevel, Rubric

RESPONSE = make_response()
HANDLERS = Path(workflows.__file__).parent.parent / "handlers"


def _modules() -> list[Any]:
    return [import_module(found.name) for found in pkgutil.walk_packages(workflows.__path__, "workflows.")]


def _discovered() -> dict[str, Machine[Any]]:
    return {value.noun: value for module in _modules() for value in vars(module).values() if isinstance(value, Machine)}


MACHINES = _discovered()

#: States without a way out, except by these verbs.
FINAL: Mapping[str, Mapping[StrEnum, set[str]]] = {
    "incident": {incident.State.CLOSED: {"reopen", "summary"}, incident.State.MERGED: set(), incident.State.FALSE_ALARM: set()},
    "task": {task.State.CLOSED: {"reopen"}, task.State.CANCELLED: {"reopen"}},
    "approval": {
        approval.State.APPROVED: {"void"},
        approval.State.RETURNED: set(),
        approval.State.DENIED: set(),
        approval.State.VOID: set(),
    },
    "report": {
        regulator_report.State.FILED: {"reopen", "doubt", "issue", "note"},
        regulator_report.State.NOT_REQUIRED: {"reopen", "doubt", "issue", "note"},
    },
    "duty": {duty.State.REFUSED: set(), duty.State.CANCELLED: set(), duty.State.DELIVERED: set()},
    "statement": {statement.State.WITHDRAWN: {"submit", "lapse", "retract", "promise", "keep_promise", "remind"}},
    "publication": {publication.State.DONE: set(), publication.State.REHEARSED: set()},
    "enquiry": {enquiry.State.DECLINED: set(), enquiry.State.CLOSED: set()},
    "rumour": {rumour.State.ANSWERED: {"find", "doubt"}, rumour.State.LEFT: {"find", "doubt"}},
    "circular": {circular.State.REMINDED: set()},
    "tip": {tip.State.OPENED: set(), tip.State.MERGED: set(), tip.State.DISMISSED: set()},
}


def _working() -> Working:
    scores = tuple(Score(key, 3, True) for key in ("incident_level", "reach", "spread", "trend"))
    return Working(scores, 12, OpinionLevel.SEVERE, (), OpinionLevel.SEVERE, None, None)


def _grading(at: datetime) -> incident.Grading:
    plain = make_incident(opinion_level=OpinionLevel.MILD, opinion_total=5)
    working = replace(_working(), total=5, level=OpinionLevel.MILD)
    return incident.keep_grading(plain, working, ref="G1", by="li.na", now=at, rubric="r v1").record


def _incident_moves(state: incident.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = make_incident(state)
    said: dict[str, Any] = {"by": "li.na", "now": START}
    agreed = Agreement("li.na", "guo.ping", "经核查未影响任何委托和客户", "A1")
    graded, rubric = replace(found, provisional=False, graded_at=START, opinion_level=OpinionLevel.SEVERE), Rubric("r", 1, (), (), ())
    readings = [_grading(START - minutes(wait)) for wait in (60, 0)]
    mild = OpinionLevel.MILD
    return {
        "merge": lambda: incident.merge(found, agreed, into="I2", delayed=False, moved={}, to=()),
        "false_alarm": lambda: incident.false_alarm(found, agreed, delayed=False),
        "recount": lambda: incident.recounted(found, calendar="sha256:0", later={}, to=()),
        "absorb": lambda: incident.absorb(found, make_incident(ref="I2"), by="li.na", facts={}),
        "lower": lambda: incident.lower(found, _working(), agreed, now=START, given={"csrc_grade": "general"}, response=RESPONSE),
        "downgrade": lambda: incident.downgrade(
            graded, readings, agreed, now=START, to=mild, responses=dict.fromkeys(ResponseLevel, RESPONSE), gap=minutes(60)
        ),
        "rescore": lambda: incident.ask_to_rescore(
            found, rubric, make_response(), now=START, last=START - minutes(30), organization=ORGANIZATION
        ),
        "known": lambda: incident.set_known(found, by="li.na", known=START - minutes(5)),
        "activate": lambda: incident.activate(found, **said, approval=None),
        "recovered": lambda: incident.recovered(found, **said, note=""),
        "end": lambda: incident.end(found, **said, approval="A1"),
        "close": lambda: incident.close(found, **said, missing=incident.Missing()),
        "reopen": lambda: incident.reopen(found, **said, reason="故障再次出现,需继续处置", response=RESPONSE),
        "grade": lambda: incident.grade(found, _working(), **said, given={}, overrides={}, response=RESPONSE),
        "fact": lambda: incident.set_facts(found, **said, given={}, details={"system": "行情"}),
        "update": lambda: incident.update(found, **said, text="已切换", response=RESPONSE),
        "take": lambda: incident.take(found, by="sun.jie", note=""),
        "handover": lambda: incident.handover(found, by="li.na", to="sun.jie", note=""),
        "bind": lambda: incident.bound(found, by="li.na", chat="console:tech", verb="bind"),
        "unbind": lambda: incident.bound(found, by="li.na", chat="console:tech", verb="unbind"),
        "change": lambda: incident.set_type(found, by="li.na", now=START, type_="system_failure", playbook="system_failure", facts={}),
        "attach": lambda: incident.attach(found, by="li.na", files=[{"name": "a.png", "size": 3, "sha256": "00"}], about=""),
        "also": lambda: incident.also_reported(found, by="li.na", who="名1", text="也断了", loss="", tip="N1"),
        "summary": lambda: incident.summarise(found, by="li.na", version=1, sha256="00", content="00"),
        "restrict": lambda: incident.restrict(found, by="li.na", reason=""),
        "cadence": lambda: incident.ask_for_update(found, now=START, response=RESPONSE, organization=ORGANIZATION),
    }


def _task_moves(state: task.State) -> dict[str, Callable[[], Outcome[Any] | None]]:
    found = make_task(state, done_by="ma.chao" if state in (task.State.DONE, task.State.CLOSED) else None)
    said: dict[str, Any] = {"by": "ma.chao", "now": START, "response": RESPONSE}
    checker: dict[str, Any] = {**said, "by": "zhao.min"}
    circle = task.Circle(RESPONSE, ORGANIZATION, "li.na", ("zhao.min",))
    return {
        "claim": lambda: task.claim(found, **said),
        "assign": lambda: task.assign(found, to="zhao.min", **said),
        "progress": lambda: task.progress(found, text="在查", **said),
        "done": lambda: task.done(found, text="好了", reached=True, verifiers=("zhao.min",), **said),
        "release": lambda: task.release(found, reason="换班", to=("zhao.min",), **said),
        "transfer": lambda: task.transfer(found, to="zhao.min", reason="换班", **said),
        "block": lambda: task.block(found, reason="没有权限", needs="zhao.min", **said),
        "snooze": lambda: task.snooze(found, wait=minutes(10), reason="等厂商", **said),
        "reschedule": lambda: task.reschedule(found, response=RESPONSE, due=START + minutes(5), now=START, freely=False),
        "remind": lambda: task.remind(found, circle, name="response", now=START),
        "fulfil": lambda: task.fulfil(found, **said),
        "cancel": lambda: task.cancel(found, by="li.na", response=RESPONSE, reason="不需要"),
        "attach": lambda: task.attach(found, by="ma.chao", response=RESPONSE, files=[{"name": "a.png", "size": 3, "sha256": "00"}]),
        "allow": lambda: task.allow(found, approval="A1", **checker),
        "hold": lambda: task.hold(found, approval="A1", reason="范围没有写明", **checker),
        "verify": lambda: task.verify(found, by="zhao.min", response=RESPONSE, verifiers=("zhao.min",)),
        "reject": lambda: task.reject(found, reason="没有结论", verifiers=("zhao.min",), **checker),
        "reopen": lambda: task.reopen(found, reason="时钟重新开始", due=None, **said),
    }


def _approval_moves(state: approval.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = make_approval(state)
    hearing: dict[str, Any] = {
        "by": "sun.jie",
        "hearers": ("sun.jie",),
        "note": "",
        "forbidden": (),
        "clocks": (),
        "organization": ORGANIZATION,
    }
    heard = replace(found, decided_by="zhou.heng", decided_at=START, heard_by="sun.jie")
    said: dict[str, Any] = {"by": "zhou.heng", "organization": ORGANIZATION}
    return {
        "approve": lambda: approval.approve(found, now=START, note="", **said),
        "return": lambda: approval.return_(found, now=START, reason="依据不足", **said),
        "delegate": lambda: approval.delegate(found, to=None, **said),
        "later": lambda: approval.later(found, until=START + minutes(10), now=START, **said),
        "remind": lambda: approval.remind(found, now=START, organization=ORGANIZATION),
        "void": lambda: approval.void(found, now=START, reason="级别已变"),
        "hear": lambda: spoken.hear(found, of="zhou.heng", now=START, **hearing),
        "confirm": lambda: spoken.confirm(heard, by="zhou.heng", now=START),
        "deny": lambda: spoken.deny(heard, by="zhou.heng", now=START, note="没说过", commander="li.na", organization=ORGANIZATION),
        "chase": lambda: spoken.remind(heard, now=START + minutes(120), organization=ORGANIZATION),
    }


def _tip_moves(state: tip.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = tip.Tip("N1", state, "sha256:0", "console:guest", True, START, "console:dm:guest", "行情断了", START)
    said: dict[str, Any] = {"by": "li.na", "now": START}
    return {
        "open": lambda: tip.opened(found, incident="I1", **said),
        "merge": lambda: tip.merged(found, incident="I1", **said),
        "dismiss": lambda: tip.dismissed(found, reason="系演练", **said),
        "remind": lambda: tip.remind(found, now=START, organization=ORGANIZATION),
    }


def _duty_moves(state: duty.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = DutyChange(
        "W1", state, "sha256:0", DutyKind.SWAP, "ma.chao", "zhao.min", START, START, START + minutes(600), "tech", "zhao.min"
    )
    return {
        "refuse": lambda: duty.refuse(found, by="ma.chao", now=START),
        "cancel": lambda: duty.cancel(found, by="zhao.min", now=START, organization=ORGANIZATION),
        "deliver": lambda: duty.deliver(replace(found, kind=DutyKind.NOTE), to=("ma.chao",), now=START),
    }


def _report_moves(state: regulator_report.State) -> dict[str, Callable[[], Outcome[Any] | None]]:
    rules, terms = regulator_report, make_terms()
    opening: dict[str, Any] = {"ref": "R1", "incident": "I1", "plan": "sha256:0", "by": "li.na", "now": START, "condition": "open"}
    first, exchanges, series = (replace(rules.open_(duty, terms, **opening).record, state=state) for duty in (FIRST, EXCHANGES, PROGRESS))
    said: dict[str, Any] = {"by": "li.na", "now": START + minutes(5)}
    told: dict[str, Any] = {**said, "when": START + minutes(5), "way": "电话", "receipt": "2026-0310"}
    agreed = Agreement("li.na", "zhou.heng", "经核查未影响任何委托和客户", "A1")
    over, now = make_terms(clocks={"known": START, "recovered": START + minutes(10)}), START + minutes(10)
    again: dict[str, Any] = {**said, "reason": "故障再次出现,需重新报送"}
    late, soon = replace(first, deadline_at=START + minutes(600)), replace(first, deadline_at=START + minutes(1))
    begun = replace(series, last_filed_at=START + minutes(5))
    drafted = replace(first, drafts=1, draft_sha256="00", drafted_by="sun.jie")
    called = replace(first, filings=(rules.Filing(1, first.recipients[0], START, "电话", "王处", "li.na").as_value(),))
    paper: dict[str, Any] = {"version": 1, "sha256": "00"}
    return {
        "decide": lambda: rules.decide(first, FIRST, terms, **said),
        "tighten": lambda: rules.tighten(late, FIRST, terms, now=now),
        "hand": lambda: rules.hand(late, group="tech", by="li.na", to=("li.na",)),
        "lengthen": lambda: rules.lengthen(soon, FIRST, terms, agreed, now=now),
        "propose": lambda: rules.propose(first, by="li.na", reason=agreed.reason, approval="A1"),
        "keep": lambda: rules.keep(replace(first, waiver="A1"), by="zhou.heng", approval="A1", reason="清算有未达"),
        "remind": lambda: rules.remind(first, now=START + minutes(30), organization=ORGANIZATION, commander="li.na"),
        "file": lambda: rules.file(first, FIRST, terms, to=first.recipients, **told),
        "part": lambda: rules.file(exchanges, EXCHANGES, terms, to=exchanges.recipients[:1], **told),
        "round": lambda: rules.file(series, PROGRESS, terms, to=series.recipients, **told),
        "end": lambda: rules.finish(begun, PROGRESS, over, now=now),
        "lapse": lambda: rules.finish(series, PROGRESS, over, now=now),
        "draft": lambda: rules.draft(first, **said, **paper, content="00", partial=False),
        "sign": lambda: rules.sign(drafted, **said, version=1, signers=("li.na",)),
        "issue": lambda: rules.issue(replace(drafted, signed_by="li.na"), version=1, of_issue=1, by="li.na", of="00", sha256="01"),
        "return": lambda: rules.return_(drafted, by="li.na", version=1, signers=("li.na",), reason="受影响人数要再核对一遍"),
        "hold": lambda: rules.hold(drafted, by="li.na", version=1, differs=(("人数", "1", "2"),), stamp="00"),
        "note": lambda: rules.note(called, by="li.na", points="集中交易中断,正在切换"),
        "not_required": lambda: rules.not_required(first, agreed, now=now),
        "reopen": lambda: rules.reopen(first, FIRST, terms, condition="yes", **again),
        "doubt": lambda: rules.reopen(first, FIRST, terms, condition="open", **again),
    }


def _statement_moves(state: statement.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = make_statement(state)
    one, back = replace(found, chain=found.chain[:1]), replace(found, withdrawal=True)
    asked = back if state is statement.State.WITHDRAWN else found
    said: dict[str, Any] = {"approval": "A1", "digest": found.digest, "by": "wang.qiang", "now": START, "to": ("sun.jie",)}
    steps = (("technical", ("tech.head",)),)
    return {
        "submit": lambda: statement.submit(asked, by="sun.jie", now=START, steps=steps, grades={}, holds=minutes(240)),
        "step": lambda: statement.agree(found, **said),
        "approve": lambda: statement.agree(one, **said),
        "return": lambda: statement.return_(found, by="wang.qiang", reason="依据不足", to=()),
        "edit": lambda: statement.edit(found, text="已恢复。", facts={}, by="sun.jie", to=(), reason=""),
        "mark": lambda: statement.mark(found, changed={"system": ["行情", "交易"]}, to=("sun.jie",)),
        "void": lambda: statement.void(found, reason="级别已变", changed={}, to=()),
        "withdraw": lambda: statement.withdraw(found, by="sun.jie", reason="不用发", to=()),
        "publish": lambda: statement.publish(found, at=START, outlet="website", title="官网"),
        "take_back": lambda: statement.publish(back, at=START, outlet="website", title="官网"),
        "lapse": lambda: statement.lapse(found, reason="级别已变", changed={}, to=("sun.jie",)),
        "retract": lambda: statement.retract(found, text="现予撤回。", facts={}, by="sun.jie", to=(), reason="有误"),
        "promise": lambda: statement.promise(found, by="sun.jie", at=START + minutes(60), now=START),
        "keep_promise": lambda: statement.keep_promise(found, by="P1"),
        "remind": lambda: statement.remind(found, now=START, to=("sun.jie",)),
    }


def _publication_moves(state: publication.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found, way = make_publication(state), OutletKind.MANUAL
    by_hand = replace(found, by_way=way)
    again: dict[str, Any] = {"by": "sun.jie", "agreed": (), "within": minutes(10), "now": START, "to": ("sun.jie",)}
    asked: dict[str, Any] = {"within": minutes(10), "now": START, "to": ("sun.jie",)}
    return {
        "put": lambda: publication.ask(by_hand, **asked),
        "rehearse": lambda: publication.rehearse(found, now=START),
        "try": lambda: publication.tried(found, reason="HTTP 503", to=("sun.jie",)),
        "fail": lambda: publication.fail(found, reason="HTTP 400", **asked),
        "publish": lambda: publication.publish(found, at=START, receipt="n-1", to=("sun.jie",)),
        "stop": lambda: publication.stop(found, reason="级别已变", to=("sun.jie",)),
        "give_up": lambda: publication.give_up(found, by="sun.jie", reason="已在官网说明"),
        "send": lambda: publication.again(found, **again),
        "ask": lambda: publication.again(by_hand, **again),
        "remind": lambda: publication.remind(found, **asked),
    }


QUOTE = Quote("S1", 1, "0" * 64)


def _enquiry_moves(state: enquiry.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = enquiry.Enquiry("Q1", "I1", "p", state, "财新", "", "", "电话", "能登录了吗", START, "li.na", START, START)
    desk = enquiry.Desk(ORGANIZATION, RESPONSE, "li.na", by_messenger)
    said: dict[str, Any] = {"by": "zhao.min", "now": START, "organization": ORGANIZATION}
    return {
        "assign": lambda: enquiry.assign(found, by="zhao.min", to="sun.jie", now=START, desk=desk),
        "answer": lambda: enquiry.answer(found, quote=QUOTE, **said),
        "decline": lambda: enquiry.decline(found, reason="还在核实", **said),
        "settle": lambda: enquiry.close(found, by="sun.jie", outcome="没有报道"),
        "remind": lambda: enquiry.remind(found, now=START + minutes(10), desk=desk),
    }


def _rumour_moves(state: rumour.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = rumour.Rumour("M1", "I1", "p", state, "资金没了", "", "", "", START, "sun.jie", START, START, finding=rumour.Finding.FALSE)
    people: dict[str, Any] = {"now": START, "response": RESPONSE, "organization": ORGANIZATION}
    agreed = {"finding": rumour.Finding.TRUE, "basis": "逐笔核对", "by": "sun.jie", "agreed_by": "wang.qiang"}
    return {
        "unclear": lambda: rumour.unclear(found, by="sun.jie", basis="没有联系上", now=START, response=RESPONSE),
        "find": lambda: rumour.find(found, **agreed, **people),  # type: ignore[arg-type]  # by name
        "doubt": lambda: rumour.doubt(found, reason="没有说过", **people),
        "answer": lambda: rumour.answer(found, by="sun.jie", quote=QUOTE, now=START),
        "leave": lambda: rumour.leave(found, by="sun.jie", reason="回应反而放大", now=START),
        "remind": lambda: rumour.remind(found, commander="li.na", **people),
    }


def _circular_moves(state: circular.State) -> dict[str, Callable[[], Outcome[Any]]]:
    found = circular.Circular("E1", "I1", "p", state, "sun.jie", "li.na", START, START + minutes(30), ("wang.qiang",))
    return {"remind": lambda: circular.remind(found, unread=("wang.qiang",))}


MOVES: Mapping[str, Callable[[Any], Mapping[str, Callable[[], Outcome[Any] | None]]]] = {
    "incident": _incident_moves,
    "task": _task_moves,
    "approval": _approval_moves,
    "report": _report_moves,
    "statement": _statement_moves,
    "publication": _publication_moves,
    "enquiry": _enquiry_moves,
    "rumour": _rumour_moves,
    "circular": _circular_moves,
    "tip": _tip_moves,
    "duty": _duty_moves,
}


def _pairs() -> Iterator[tuple[str, Any, str]]:
    for noun, machine in MACHINES.items():
        verbs = {verb for _, verb in machine.moves}
        yield from ((noun, state, verb) for state in type(machine.start) for verb in sorted(verbs))


def test_the_tables_are_found() -> None:
    spoken_of = {"statement", "publication", "enquiry", "rumour", "circular"}
    assert set(MACHINES) == {"incident", "task", "approval", "report", "tip", "duty"} | spoken_of == set(MOVES) == set(FINAL)


@pytest.mark.parametrize("noun", sorted(MACHINES))
def test_every_state_is_reached(noun: str) -> None:
    machine = MACHINES[noun]
    reached, fresh = {machine.start}, {machine.start}
    while fresh:
        fresh = {machine.after(state, verb) for state in fresh for verb in machine.verbs(state)} - reached
        reached |= fresh
    states = {state for state in type(machine.start)}  # noqa: C416  # an enum class is iterable, its type says only that it is a type
    assert reached == states


@pytest.mark.parametrize("noun", sorted(MACHINES))
def test_a_final_state_has_no_way_out_but_the_one_it_says(noun: str) -> None:
    machine = MACHINES[noun]
    for state in type(machine.start):
        verbs = set(machine.verbs(state))
        assert verbs == FINAL[noun][state] if state in FINAL[noun] else verbs, f"{noun} {state}"


@pytest.mark.parametrize("noun", sorted(MACHINES))
def test_every_verb_has_a_function(noun: str) -> None:
    machine = MACHINES[noun]
    assert set(MOVES[noun](machine.start)) == {verb for _, verb in machine.moves}


@pytest.mark.parametrize(("noun", "state", "verb"), list(_pairs()))
def test_a_move_does_what_the_table_says_or_is_refused(noun: str, state: Any, verb: str) -> None:
    machine, move = MACHINES[noun], MOVES[noun](state)[verb]
    following = machine.moves.get((state, verb))
    if following is not None:
        outcome = move()
        assert outcome is not None
        assert outcome.record.state is following
        return
    with pytest.raises(RuleBroken, match=r"^house\.move$") as refusal:
        machine.after(state, verb)
    assert refusal.value.values == {"noun": noun, "state": str(state), "verb": verb}
    with pytest.raises(UserError):
        move()


def test_every_function_that_makes_an_outcome_is_asked_for_by_a_handler() -> None:
    """A rule that nobody can reach is no rule."""
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for path in HANDLERS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    missing = [
        f"{module.__name__}.{name}"
        for module in (
            *(incident, task, approval, spoken, regulator_report),
            *(statement, publication, enquiry, rumour, circular, tip, duty),
        )
        for name, rule in inspect.getmembers(module, inspect.isfunction)
        if rule.__module__ == module.__name__ and not name.startswith("_") and "Outcome" in str(get_type_hints(rule).get("return"))
        if name not in called
    ]
    assert missing == []
