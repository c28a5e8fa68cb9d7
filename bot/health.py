"""Alive, ready, and figures."""

import asyncio
import logging
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from bot.bootstrap import Parts
from bot.metrics import CONTENT_TYPE
from storage.schema import current, newest

log = logging.getLogger("gengfu.health")

#: Whoever asks whether we are ready does not wait longer than this.
PATIENCE = 5.0


def health_router(parts: Parts) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "alive"})

    @router.get("/readyz")
    async def readyz() -> Response:
        try:
            async with asyncio.timeout(PATIENCE):
                troubles, clean = await asyncio.to_thread(_seen, parts)
        except TimeoutError:
            troubles, clean = [f"the database does not answer within {PATIENCE:g} s"], None
        age = max(0.0, round((parts.now() - clean).total_seconds(), 1)) if clean else None
        answer = {"ready": not troubles, "troubles": troubles, "clean_at": clean and clean.isoformat(), "clean_age": age}
        return JSONResponse(answer, status_code=503 if troubles else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(parts.metrics.text(), media_type=CONTENT_TYPE)

    return router


def _seen(parts: Parts) -> tuple[list[str], datetime | None]:
    """What keeps this process from doing its work, in words for an operator (nothing = ready), and when the engine was last clean."""
    try:
        schema, clean = current(parts.database), parts.auditor.clean_at()
    except Exception as error:  # whatever the driver raises, the answer is the same; why stands in the log, this answer is public
        log.warning("the database does not answer", extra={"action": "database_away", "error": type(error).__name__})
        return ["the database does not answer"], None
    troubles = [] if schema == newest() else [f"the schema is {schema}, needed is {newest()}: run gengfu migrate"]
    return [*troubles, *(f"the {name} loop does not turn" for name in parts.worker.stuck())], clean
