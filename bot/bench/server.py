"""The measured servers, each in a child process: the real application, and the floor it is compared with.

python -m bot.bench.server real|floor PORT      settings from the environment, as for `gengfu serve`
"""

import asyncio
import itertools
import os
import sys

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from bot.app import create_app
from bot.bench.callbacks import SECRETS
from bot.bootstrap import build, real_now
from bot.config import read_settings
from bot.logs import setup
from bot.platforms.feishu.inbound import Inbound
from storage import filling
from storage.database import Database


def floor(url: str) -> ASGIApp:
    """The same FastAPI: the same callback verified and decrypted, and one row committed to the same kind of database. Nothing else."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    database, numbers, inbound = Database(url), itertools.count(), Inbound(SECRETS, real_now)
    run = os.urandom(4).hex()

    @app.post("/floor")
    async def post(request: Request) -> Response:
        inbound.open(request.headers, await request.body())
        key = f"{run}-{next(numbers)}"
        await asyncio.wrap_future(database.submit_write(lambda tx: filling.one_row(tx, key, real_now())))
        return JSONResponse({})

    return app


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    setup("ERROR", sys.stderr)
    settings = read_settings(os.environ, None)
    app = create_app(build(settings)) if kind == "real" else floor(settings.database_url.reveal())
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
