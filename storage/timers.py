"""Named timers of records, as rows that commit with the state that needs them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from storage.database import touch
from storage.queue import Queue, cancel, put_later
from storage.tables.queues import TimerRow
from workflows.core.outcome import Timer

TIMERS = Queue(TimerRow, lease=timedelta(seconds=60), attempts=8)


def set_timers(session: Session, timers: Sequence[Timer], *, record_ref: str, incident: str, now: datetime) -> None:
    """Set or move each timer, or cancel it when its due is None. What should have been said before `now` is due now, and is not late."""
    for timer in timers:
        if timer.due is None:
            cancel(session, TimerRow, now, record_ref=record_ref, name=timer.name)
        else:
            lane = f"{record_ref}:{timer.name}"
            values = {"lane": lane, "due": max(timer.due, now), "created": now, "record_ref": record_ref, "name": timer.name}
            put_later(session, TimerRow, values | {"incident": incident}, "record_ref", "name")
            touch(session, "timers")
