"""What people answer to a call or text message, as the firm's gateway reports it: 收到 or 认领, by the single road, as that person.

POST /callbacks/sms/answer {"event", "id", "from", "answer"}, signed like what we hand in (`bot.platforms.sms`). `event`: the gateway's
own id of the report · `id`: that of the call or message that is answered, as we gave it; a gateway that does not know it for a reply
leaves it out, and the last one that went to `from` is meant. Answered with {"ok", "text"}, which the gateway may read out.
"""

import asyncio
import json
import logging
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from bot.metrics import Metrics
from bot.platforms.core.contract import NotAuthentic
from bot.platforms.core.crypto import same
from bot.platforms.core.strict import parse_object, text
from bot.platforms.sms import signature
from bot.webhooks import capped, headers_of
from bot.worker import Worker
from handlers.core.message import Message, Reply
from handlers.ringing import ANSWERS
from storage import rings
from storage.database import Transaction
from storage.tables.queues import OutboxRow

log = logging.getLogger(__name__)

#: How far the gateway's clock may be from ours, and how long its report may be under way.
FRESH = timedelta(minutes=5)
_EVENT = re.compile(r"[\x21-\x7e]{1,100}")


@dataclass(frozen=True, slots=True)
class Answered:
    """`of`: the id of the call that is answered, or empty · `number`: who answered, or empty."""

    event: str
    of: str
    number: str
    answer: str


def answers_router(worker: Worker, metrics: Metrics, secret: str, now: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/callbacks", include_in_schema=False)

    @router.post("/sms/answer")
    async def answer(request: Request) -> Response:
        try:
            headers, body = headers_of(request), await capped(request)
            found = read(headers.get("x-gengfu-timestamp", ""), headers.get("x-gengfu-signature", ""), body, secret, now())
            rows = await asyncio.to_thread(worker.house.database.read, lambda tx: _meant(tx, worker, found, now()))
        except NotAuthentic as refused:
            metrics.refused_callbacks.labels(platform="sms", reason=refused.reason).inc()
            log.warning("an answer was refused", extra={"action": "callback_refused", "platform": "sms", "reason": refused.reason})
            return PlainTextResponse("refused\n", {"body_too_large": 413, "unknown_call": 404}.get(refused.reason, 401))
        try:
            replies = await _decided(worker, found, rows, now())
        except Exception as error:
            why = {"action": "event_failed", "platform": "sms", "error": type(error).__name__}
            log.exception("an event was not kept", extra=why)
            return PlainTextResponse("try again\n", 503)
        said = {"ok": all(one.error is None for one in replies), "text": "\n".join(one.text for one in replies)}
        return Response(json.dumps(said, ensure_ascii=False), media_type="application/json")

    return router


def read(stamp: str, signed: str, body: bytes, secret: str, now: datetime) -> Answered:
    """Signed by the gateway, and lately; or NotAuthentic."""
    if not stamp or not signed:
        raise NotAuthentic("no_signature")
    if not same(signature(secret, stamp, body), signed):
        raise NotAuthentic("bad_signature")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(now.timestamp() - int(stamp)) > FRESH.total_seconds():
        raise NotAuthentic("stale")
    values = parse_object(body)
    found = Answered(text(values, "event"), text(values, "id"), _number(text(values, "from")), text(values, "answer"))
    if not _EVENT.fullmatch(found.event) or not (found.of or found.number) or not found.answer or len(found.answer) > 100:
        raise NotAuthentic("unreadable", "event, answer, and id or from are needed")
    return found


def _meant(tx: Transaction, worker: Worker, found: Answered, now: datetime) -> Sequence[OutboxRow]:
    """What the answered call was about; NotAuthentic when it is none of ours, or went to somebody else."""
    people = worker.house.plans.organization.people
    owners = [person.id for person in people.values() if person.phone and _number(person.phone) == found.number]
    rows = rings.of_call(tx, found.of) if found.of else rings.last_to(tx, owners[0], now) if len(owners) == 1 else ()
    if not rows or (found.number and rows[0].recipient not in owners):
        raise NotAuthentic("unknown_call")
    return rows


async def _decided(worker: Worker, found: Answered, rows: Sequence[OutboxRow], now: datetime) -> list[Reply]:
    """By the road, one event for each thing that the call was about."""
    words, act = worker.house.words, ANSWERS.get(unicodedata.normalize("NFKC", found.answer).strip(" .。#"))
    if act is None:
        return [Reply(words.say("ring.which"), error="ring.which")]
    if any(not row.about["ref"].startswith("T") for row in rows):
        return [Reply(words.say("ring.clock"), error="ring.clock")]
    if act == "claim" and len(rows) > 1:
        return [Reply(words.say("ring.one_by_one", count=len(rows)), error="ring.one_by_one")]
    return [await worker.ask(_message(found, row, act, now)) for row in rows]


def _message(found: Answered, row: OutboxRow, act: str, now: datetime) -> Message:
    """A tap on the reminder's button, by the person who was called; the version says what they were told."""
    ref, version = row.about["ref"], row.about["version"]
    event, person = f"answer:{found.event}:{ref}", row.recipient or ""
    return Message("sms", event, "click", "", "direct", person, f"/task {act} {ref}", now, version, reply_to=row.message_id, addressed=True)


def _number(given: str) -> str:
    """The number as it is dialled at home: without signs and the country's code."""
    digits = re.sub(r"[^0-9]", "", given)
    return digits.removeprefix("0086").removeprefix("86") if len(digits) > 11 else digits
