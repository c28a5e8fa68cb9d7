"""A small organization, response and records for tests of the rules: plain values with defaults."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.make import START
from workflows.core.approval import Approval
from workflows.core.approval import State as Asked
from workflows.core.outlet import OutletKind
from workflows.core.people import Firm, Group, Organization, Person
from workflows.core.response import Response, Rung
from workflows.core.rubric import OpinionLevel, ResponseLevel
from workflows.incident import Incident
from workflows.incident import State as IncidentState
from workflows.publication import Publication, PublicationKind
from workflows.publication import State as Publishing
from workflows.statement import ASKED, Statement, Step, digest_of
from workflows.statement import State as Said
from workflows.task import State, Task


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def _people(*ids: str) -> dict[str, Person]:
    return {one: Person(one, f"名{number}") for number, one in enumerate(ids)}


ORGANIZATION = Organization(
    firm=Firm("平澜证券"),
    people=_people("zhou.heng", "lin.yue", "li.na", "sun.jie", "wang.qiang", "zhao.min", "ma.chao", "guo.ping"),
    groups={
        "lead": Group("lead", "领导小组", "zhou.heng", deputy="lin.yue"),
        "office": Group("office", "应急办", "li.na", deputy="sun.jie"),
        "opinion": Group("opinion", "舆情组", "sun.jie", deputy="zhao.min"),
        "tech": Group("tech", "技术组", "wang.qiang", deputy="zhao.min", members=("ma.chao",)),
    },
)

_L2 = Response(
    level=ResponseLevel.L2,
    name="二级响应",
    name_en="Response level 2",
    approvers={"activate": ("lead.head",), "end": ("lead.head", "lead.deputy"), "override": ("lead.head",), "statement": ("lead.deputy",)},
    cadence=minutes(30),
    claim_within=minutes(10),
    progress_every=minutes(30),
    progress_grace=minutes(10),
    remind_before=minutes(10),
    overdue_repeat=minutes(15),
    overdue_climb_every=2,
    verify_within=minutes(30),
    approval_wait=minutes(10),
    rungs=(
        Rung(("owner",), minutes(10)),
        Rung(("group.head", "group.deputy"), minutes(10)),
        Rung(("commander",), minutes(10)),
        Rung(("lead",), minutes(15)),
    ),
    terminal_repeat=minutes(15),
    terminal_slow=minutes(15),
    terminal_max=None,
    snooze_max=minutes(30),
    snooze_count=3,
)


def make_response(**changes: Any) -> Response:
    """The sample plan's second level, changed."""
    return replace(_L2, **changes)


def make_task(state: State = State.OPEN, **changes: Any) -> Task:
    """A task of the technology group, made at START."""
    owned = state not in (State.OPEN, State.CANCELLED)
    plain = Task(
        ref="T1",
        incident="I1",
        code="common.cause",
        title="查明原因",
        done_means="写清原因",
        group="tech",
        state=state,
        plan="sha256:0",
        created_at=START,
        created_by="li.na",
        owner="ma.chao" if owned else None,
        claimed_at=START if owned else None,
        prompted_at=START,
    )
    return replace(plain, **changes)


def make_incident(state: IncidentState = IncidentState.OPEN, **changes: Any) -> Incident:
    plain = Incident(
        ref="I1",
        number="INC-20260310-001",
        title="行情中断",
        state=state,
        plan="sha256:0",
        opened_by="ma.chao",
        opened_at=START,
        known_at=START,
        commander="li.na",
        opinion_level=OpinionLevel.MODERATE,
        opinion_total=8,
        response_level=ResponseLevel.L3,
        playbooks=("common",),
    )
    return replace(plain, **changes)


def make_statement(state: Said = Said.DRAFT, **changes: Any) -> Statement:
    """A text of sun.jie's; where it is asked for, one step of two has been put."""
    steps = (Step("technical", ("tech.head",), "A1"), Step("signatory", ("lead.deputy",)))
    plain = Statement(
        ref="S1",
        incident="I1",
        plan="sha256:0",
        state=state,
        template="first_notice",
        title="首次告知",
        created_by="sun.jie",
        created_at=START,
        revision=1,
        digest=digest_of("行情中断,正在恢复。"),
        authors=("sun.jie",),
        facts={"system": "行情"},
        asked_by="sun.jie" if state in ASKED else None,
        chain=tuple(step.as_value() for step in steps) if state in ASKED else (),
    )
    return replace(plain, **changes)


def make_publication(state: Publishing = Publishing.WAITING, **changes: Any) -> Publication:
    plain = Publication(
        ref="P1",
        incident="I1",
        plan="sha256:0",
        state=state,
        statement="S1",
        revision=1,
        digest=digest_of("行情中断,正在恢复。"),
        outlet="website",
        kind=PublicationKind.STATEMENT,
        title="官网公告",
        by_way=OutletKind.WEBHOOK,
        target="https://cms.example.com/notices",
        asked_by="sun.jie",
        asked_at=START,
    )
    return replace(plain, **changes)


def make_approval(state: Asked = Asked.PENDING, **changes: Any) -> Approval:
    plain = Approval(
        ref="A1",
        incident="I1",
        kind="end",
        subject="I1",
        text="宣布应急结束",
        digest="0" * 64,
        needed=("lead.head",),
        state=state,
        asked_by="li.na",
        asked_at=START,
        wait=600,
        plan="sha256:0",
    )
    return replace(plain, **changes)
