"""Papers to be saved, at an address that a messenger can link to: what is in them never goes through its cloud."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParam
from starlette.responses import Response

from bot.web.console import Sent
from bot.web.door import Door, bounced
from workflows.core.errors import NotFound


def paper_router(door: Door, read: Callable[[str, str], tuple[Sent, bytes]], known: Callable[[str], bool], *, demo: bool) -> APIRouter:
    """`GET /papers/R3-1`: as who is logged in; in the demo as whom one names (`?as=`)."""
    router = APIRouter(include_in_schema=False)

    @router.get("/papers/{paper}")
    def save(
        paper: Annotated[str, PathParam(pattern=r"^[A-Z][0-9]+-[0-9]+(-signed)?$")], request: Request,
        acting: Annotated[str, Query(alias="as")] = "",
    ) -> Response:  # fmt: skip
        at = None if demo else door.who(request)
        if not demo and at is None:
            return door.page("again.html") if bounced(request) else door.note("page.how_to_login", 401)
        person = at.person if at else acting
        if not known(person):
            return door.note("page.how_to_login", 401)
        try:
            found, content = read(person, paper)
        except NotFound as error:
            return door.note(error.key, 404)
        disposition = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
        return Response(content, media_type=found.media_type, headers={"Content-Disposition": disposition})

    return router
