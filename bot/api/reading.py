"""`GET /api/v1/…`: what the token's person may see, in pages."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from bot.api import shapes
from bot.api.door import ApiDoor, Refused
from handlers.core.look import Look
from storage.tokens import Token
from storage.views.pages import Pager
from workflows.core.approval import Approval
from workflows.core.approval import State as ApprovalState
from workflows.core.errors import NotFound
from workflows.enquiry import Enquiry, EnquiryState
from workflows.incident import Incident, IncidentState
from workflows.regulator_report import Report, ReportState
from workflows.rumour import Rumour, RumourState
from workflows.statement import Statement, StatementState
from workflows.task import Task, TaskState

T = TypeVar("T")
R = TypeVar("R", Incident, Task, Approval, Statement, Enquiry, Rumour, Report)
S = TypeVar("S", bound=BaseModel)
#: A ref as people write it.
REF = r"^[A-Z][0-9]{1,9}$"
#: Ids of people and records: no control characters, no more than anybody has.
ID = r"^[^\x00-\x1f\x7f]{1,120}$"
MOST = 200

Limit = Annotated[int, Query(ge=1, le=MOST, description="how many items a page has at most")]
Cursor = Annotated[str, Query(max_length=400, description="`next` of the page before")]
Id = Annotated[str, Query(pattern=ID)]
OfIncident = Annotated[str, Query(pattern=REF, description="only of this incident, like I1")]


class View(Protocol):
    """`work` with what a person may see, in one transaction."""

    def __call__(self, person: str, work: Callable[[Pager], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Reading:
    door: ApiDoor
    view: View

    def look(self, token: Token, work: Callable[[Look], T]) -> T:
        words, now = self.door.words, self.door.now()
        return self.view(token.person, lambda pager: work(Look(pager, words, words.zone, now, token.person)))

    def page(self, token: Token, kind: type[R], shape: Callable[[Look, R], S], limit: int, cursor: str, **given: str) -> shapes.Listing[S]:
        before = _ref_of(cursor)

        def work(pager: Pager) -> shapes.Listing[S]:
            look = Look(pager, self.door.words, self.door.words.zone, self.door.now(), token.person)
            found = pager.page(kind, limit + 1, before, **given)
            following = _cursor(found[limit - 1].ref) if len(found) > limit else None
            return shapes.Listing(items=[shape(look, one) for one in found[:limit]], next=following)

        return self.view(token.person, work)


def reading_router(deps: Reading) -> APIRouter:
    router = deps.door.router("/api/v1")
    _add_incidents(router, deps)
    _add_items(router, deps)
    _add_questions(router, deps)
    _add_audit(router, deps)
    return router


def _add_incidents(router: APIRouter, deps: Reading) -> None:
    Holder = Annotated[Token, Depends(deps.door.holder("read", "reader"))]

    @router.get("/incidents", summary="Incidents, the newest first")
    def incidents(
        token: Holder, state: IncidentState | None = None, limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.IncidentHead]:
        return deps.page(token, Incident, lambda _, one: shapes.incident_head(one), limit, cursor, state=state or "")

    @router.get("/incidents/{ref}", summary="One incident with all that belongs to it")
    def incident(token: Holder, ref: str) -> shapes.IncidentShape:
        if not re.fullmatch(REF, ref):
            raise NotFound("house.not_found", ref=ref[:20])
        return deps.look(token, lambda look: shapes.incident_whole(look, look.reader.incident(ref)))


def _add_items(router: APIRouter, deps: Reading) -> None:
    Holder = Annotated[Token, Depends(deps.door.holder("read", "reader"))]

    @router.get("/tasks", summary="Tasks, the newest first")
    def tasks(
        token: Holder, incident: OfIncident = "", state: TaskState | None = None, owner: Id = "", group: Id = "",
        limit: Limit = 50, cursor: Cursor = "",
    ) -> shapes.Listing[shapes.TaskShape]:  # fmt: skip
        given = {"incident": incident, "state": state or "", "owner": owner, "group": group}
        return deps.page(token, Task, lambda _, one: shapes.task(one), limit, cursor, **given)

    @router.get("/approvals", summary="Approvals, the newest first")
    def approvals(
        token: Holder, incident: OfIncident = "", state: ApprovalState | None = None, limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.ApprovalShape]:
        given = {"incident": incident, "state": state or ""}
        return deps.page(token, Approval, lambda _, one: shapes.approval(one), limit, cursor, **given)

    @router.get("/statements", summary="Statements, the newest first, each with its text as it stands")
    def statements(
        token: Holder, incident: OfIncident = "", state: StatementState | None = None, limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.StatementShape]:
        return deps.page(token, Statement, shapes.statement, limit, cursor, incident=incident, state=state or "")

    @router.get("/reports", summary="Regulator reports and notices, the newest first")
    def reports(
        token: Holder, incident: OfIncident = "", state: ReportState | None = None, limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.ReportShape]:
        return deps.page(token, Report, shapes.report, limit, cursor, incident=incident, state=state or "")


def _add_questions(router: APIRouter, deps: Reading) -> None:
    Holder = Annotated[Token, Depends(deps.door.holder("read", "reader"))]

    @router.get("/enquiries", summary="Enquiries of the media, the newest first, each with what it was answered with")
    def enquiries(
        token: Holder, incident: OfIncident = "", state: EnquiryState | None = None, limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.EnquiryShape]:
        given = {"incident": incident, "state": state or ""}
        return deps.page(token, Enquiry, lambda _, one: shapes.enquiry(one), limit, cursor, **given)

    @router.get("/rumours", summary="Rumours, the newest first, each with what was found and answered")
    def rumours(
        token: Holder, incident: OfIncident = "", state: RumourState | None = None, limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.RumourShape]:
        given = {"incident": incident, "state": state or ""}
        return deps.page(token, Rumour, lambda _, one: shapes.rumour(one), limit, cursor, **given)


def _add_audit(router: APIRouter, deps: Reading) -> None:
    Holder = Annotated[Token, Depends(deps.door.holder("read", "trail"))]

    @router.get("/audit", summary="The trail, the newest row first: for auditors and compliance")
    def audit(
        token: Holder, incident: OfIncident = "", record: Id = "", actor: Id = "", limit: Limit = 50, cursor: Cursor = ""
    ) -> shapes.Listing[shapes.AuditShape]:
        before = _moment_of(cursor)

        def work(pager: Pager) -> shapes.Listing[shapes.AuditShape]:
            found = pager.trail(limit + 1, before, incident=incident, record_ref=record, actor=actor)
            last = found[limit - 1] if len(found) > limit else None
            following = None if last is None else _cursor([last.at.isoformat(), last.record_ref, last.version])
            return shapes.Listing(items=[shapes.audit(one) for one in found[:limit]], next=following)

        return deps.view(token.person, work)


def _cursor(place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode()


def _place_of(cursor: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise Refused("api.cursor") from None


def _ref_of(cursor: str) -> str:
    found = _place_of(cursor) if cursor else ""
    if not isinstance(found, str) or "\0" in found or not found.isascii():
        raise Refused("api.cursor")
    return found


def _moment_of(cursor: str) -> tuple[datetime, str, int] | None:
    if not cursor:
        return None
    try:
        at, ref, version = _place_of(cursor)
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError):
        raise Refused("api.cursor") from None
    if moment.tzinfo is None or not isinstance(ref, str) or "\0" in ref or type(version) is not int or not 0 <= version < 2**31:
        raise Refused("api.cursor")
    return moment, ref, version
