"""The measured servers, each in a child process: the real application, and the floor it is compared with.

python -m bot.bench.server real|floor PORT      settings from the environment, as for `gengfu serve`
"""

import asyncio
import itertools
import os
import sys
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.app import create_app
from bot.bootstrap import SAMPLE_PLAN, Parts, build, real_now
from bot.config import read_settings
from bot.logs import setup
from bot.platforms.console import PERSON_HEADER
from handlers.core.message import Message
from storage import filling
from storage.database import Database
from storage.plans import Plans


def floor(url: str, people: frozenset[str]) -> ASGIApp:
    """The same FastAPI: who is it, and one row committed to the same kind of database. Nothing else."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    database, numbers = Database(url), itertools.count()
    run = os.urandom(4).hex()

    @app.post("/floor")
    async def post(request: Request, person: Annotated[str, Header(alias="X-Gengfu-As")] = "") -> Response:
        await request.body()
        if person not in people:
            return JSONResponse({"error": "refused"}, 403)
        key = f"{run}-{next(numbers)}"
        await asyncio.wrap_future(database.submit_write(lambda tx: filling.one_row(tx, key, real_now())))
        return JSONResponse({"ok": True})

    return app


def real(parts: Parts) -> ASGIApp:
    """The whole application; beside its own routes `/bench/store` stores an event for the worker, as a callback will (part 3)."""
    app, bench = create_app(parts), FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    people = parts.plans.organization.people

    @bench.post("/bench/store")
    async def store(request: Request, person: Annotated[str, Header(alias="X-Gengfu-As")] = "") -> Response:
        if person not in people:
            return JSONResponse({"error": "refused"}, 403)
        message = parts.console.receive({PERSON_HEADER: person}, await request.body())
        assert isinstance(message, Message)
        await parts.worker.store(message)
        return JSONResponse({"ok": True})

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        await (bench if scope.get("path", "").startswith("/bench/") else app)(scope, receive, send)

    return either


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    setup("ERROR", sys.stderr)
    settings = read_settings(os.environ, None)
    if kind == "real":
        app = real(build(settings))
    else:
        app = floor(settings.database_url.reveal(), frozenset(Plans(SAMPLE_PLAN).organization.people))
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
