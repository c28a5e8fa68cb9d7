"""The board: until it is built, a plain list of incidents that are not closed."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.web.assets import Assets
from handlers.core.wording import Words

_HERE = Path(__file__).parent


def board_router(lines: Callable[[str], list[str]], known: Callable[[str], bool], words: Words, *, console: bool) -> APIRouter:
    """`GET /`: in demo mode one looks as whom one names (`?as=`); without a login nobody sees anything yet.

    `lines` answers the incidents that a person may see, one sentence each.
    """
    router = APIRouter(include_in_schema=False)
    assets = Assets(_HERE / "static")
    templates = Environment(loader=FileSystemLoader(_HERE / "templates"), undefined=StrictUndefined, autoescape=True)

    @router.get("/")
    def board(acting: Annotated[str, Query(alias="as")] = "") -> Response:
        if console and not known(acting):
            return RedirectResponse("/console")
        page = templates.get_template("board.html").render(
            lang="zh-CN" if words.locale == "zh" else "en",
            w={"title": words.say("board.title")},
            static="/static",
            say=words.say,
            lines=lines(acting) if console else [],
            acting=acting,
            console=console,
        )
        return HTMLResponse(page)

    @router.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        return assets.answer(name, request)

    return router
