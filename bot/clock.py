"""The metronome: APScheduler only knocks; what is due is decided by rows."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.bootstrap import Parts
from bot.months import COUNTED, warn
from bot.seal_mail import mail_seals
from storage import alerts, digests, inbox, rounds, sessions, shelf, uploads
from storage.database import Transaction
from storage.inbox import INBOX
from storage.outbox import OUTBOX
from storage.papers import WORK
from storage.queue import Stats
from storage.seals import seal
from storage.timers import TIMERS
from storage.views.figures import items
from workflows.core.rounds import KINDS

log = logging.getLogger(__name__)


FIRST_LOOK = timedelta(seconds=5)
#: Seconds between two knocks at the loops: what falls due is late by at most so much before anybody looks.
TICK = 0.5


def metronome(parts: Parts) -> AsyncIOScheduler:
    """A scheduler that knocks twice a second, each minute seals the trail and has the engine look at itself, measures, erases, winds the
    clock of the duty."""
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60})
    scheduler.add_job(parts.bell.ring, "interval", seconds=TICK, id="tick")
    scheduler.add_job(_chore(parts, _seal), "interval", minutes=1, id="seal")
    # The first look soon after the start: until then nobody outside can know that all is well.
    scheduler.add_job(parts.auditor.knock, "interval", minutes=1, id="audit", next_run_time=parts.now() + FIRST_LOOK)
    scheduler.add_job(_chore(parts, _mail_seals), "interval", minutes=10, id="mail_seals")
    scheduler.add_job(_chore(parts, call_digest), "interval", minutes=1, id="digest")
    scheduler.add_job(_chore(parts, _measure), "interval", seconds=15, id="measure")
    scheduler.add_job(_chore(parts, _erase), "interval", minutes=10, id="erase")
    scheduler.add_job(_chore(parts, _duty), "interval", hours=1, id="duty", next_run_time=parts.now())
    return scheduler


def _chore(parts: Parts, work: Callable[[Parts, Transaction], None]) -> Callable[[], object]:
    async def run() -> None:
        try:
            await asyncio.wrap_future(parts.database.submit_write(lambda tx: work(parts, tx)))
        except Exception as error:  # the next round tries again; a chore must not end the scheduler
            log.exception("a chore failed", extra={"action": "chore_failed", "chore": work.__name__, "error": type(error).__name__})

    return run


def _seal(parts: Parts, tx: Transaction) -> None:
    parts.now.set_by(parts.database)
    while (sealed := seal(tx, parts.now(), parts.seal_key)) is not None:
        log.info("the trail is sealed", extra={"action": "sealed", "seal": sealed.id, "chains": len(sealed.heads)})


def _mail_seals(parts: Parts, tx: Transaction) -> None:
    """Asked every ten minutes, once a day there is something to do."""
    if "mail" not in parts.worker.sender.platforms:
        return
    public = parts.seal_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if told := mail_seals(tx, parts.words, parts.plans.organization, public, parts.now()):
        log.info("the seals are on their way to the auditors", extra={"action": "seals_mailed", "auditors": told})


def _duty(parts: Parts, tx: Transaction) -> None:
    parts.road.begin(tx)
    on = [name for name in COUNTED if name in parts.worker.sender.platforms]
    warn(tx, parts.road, on, parts.plans.organization, parts.words.zone, parts.now())


def call_digest(parts: Parts, tx: Transaction) -> None:
    plans = parts.plans
    digests.call(tx, plans.organization.people, at=plans.current.digest, zone=parts.words.zone, now=parts.now())


def _measure(parts: Parts, tx: Transaction) -> None:
    now, metrics = parts.now(), parts.metrics
    waiting: dict[str, Stats] = {
        "inbox": INBOX.waiting(tx, now),
        "outbox": OUTBOX.waiting(tx, now),
        "timers": TIMERS.waiting(tx, now),
        "work": WORK.waiting(tx, now),
    }
    for name, stats in waiting.items():
        metrics.queue_waiting.labels(queue=name).set(stats.waiting)
        metrics.queue_buried.labels(queue=name).set(stats.buried)
        metrics.oldest_waiting.labels(queue=name).set(stats.late.total_seconds() if stats.late else 0)
    counted = items(tx, now)
    metrics.items_open.set(counted.open)
    metrics.items_overdue.set(counted.overdue)
    metrics.items_unowned.set(counted.unowned)
    found = rounds.counts(tx, now)
    for kind in KINDS:
        metrics.findings.labels(kind=kind).set(found.get(kind, 0))
    clean = rounds.clean_at(tx)
    metrics.last_clean.set(clean.timestamp() if clean else 0)


def _erase(parts: Parts, tx: Transaction) -> None:
    erased = inbox.erase(tx, parts.now())
    swept = shelf.sweep(tx, parts.now())
    ended = sessions.sweep(tx, parts.now())
    sent = uploads.sweep(tx, parts.now())
    forgotten = alerts.sweep(tx, parts.now())
    if erased or swept or ended or sent or forgotten:
        counts = {"payloads": erased, "shelf": swept, "sessions": ended, "uploads": sent, "alerts": forgotten}
        log.info("what had its time is gone", extra={"action": "erased", **counts})
