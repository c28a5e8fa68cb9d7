"""The board: until it is built, a plain list of incidents that are not closed."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.web.assets import Assets
from bot.web.door import Door, bounced
from handlers.core.wording import Words

_HERE = Path(__file__).parent


def board_router(lines: Callable[[str], list[str]], known: Callable[[str], bool], words: Words, door: Door, console: str) -> APIRouter:
    """`GET /`: one sees it as who is logged in; in demo mode as whom one names (`?as=`).

    `lines` answers the incidents that a person may see, one sentence each.
    """
    router = APIRouter(include_in_schema=False)
    assets = Assets(_HERE / "static")
    templates = Environment(loader=FileSystemLoader(_HERE / "templates"), undefined=StrictUndefined, autoescape=True)
    demo = console == "demo"

    @router.get("/")
    def board(request: Request, acting: Annotated[str, Query(alias="as")] = "") -> Response:
        if demo and not known(acting):
            return RedirectResponse("/console")
        at = None if demo else door.who(request)
        if not demo and at is None and bounced(request):
            return door.page("again.html")
        person = acting if demo else at.person if at else ""
        page = templates.get_template("board.html").render(
            lang="zh-CN" if words.locale == "zh" else "en",
            w={"title": words.say("board.title")},
            static="/static",
            say=words.say,
            lines=lines(person) if person else [],
            person=person,
            chat="" if console == "off" else f"/console?as={acting}" if demo else "/console",
            me="" if demo else "/me",
            way="" if demo else door.sign_on,
        )
        return HTMLResponse(page)

    @router.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        return assets.answer(name, request)

    return router
