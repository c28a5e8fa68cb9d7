"""Alive, ready, and figures."""

import asyncio
import logging
from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from bot.bootstrap import Parts
from bot.metrics import CONTENT_TYPE
from storage.schema import current, newest

log = logging.getLogger("gengfu.health")

#: A loop that has not turned for so long is stuck (it turns at least every two seconds).
STUCK = timedelta(seconds=15)
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
                troubles = await asyncio.to_thread(_troubles, parts)
        except TimeoutError:
            troubles = [f"the database does not answer within {PATIENCE:g} s"]
        return JSONResponse({"ready": not troubles, "troubles": troubles}, status_code=503 if troubles else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(parts.metrics.text(), media_type=CONTENT_TYPE)

    return router


def _troubles(parts: Parts) -> list[str]:
    """What keeps this process from doing its work, in words for an operator; empty = ready."""
    try:
        schema = current(parts.database)
    except Exception as error:  # whatever the driver raises, the answer is the same; why stands in the log, this answer is public
        log.warning("the database does not answer", extra={"action": "database_away", "error": type(error).__name__})
        return ["the database does not answer"]
    troubles = [] if schema == newest() else [f"the schema is {schema}, needed is {newest()}: run gengfu migrate"]
    now = parts.now()
    for name in parts.worker.loops:
        beat = parts.worker.beats.get(name)
        if beat is None or now - beat > STUCK:
            troubles.append(f"the {name} loop does not turn")
    return troubles
