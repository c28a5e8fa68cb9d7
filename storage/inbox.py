"""What happened outside, stored before it is acknowledged, with its payload encrypted."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, select

from storage.cipher import Cipher
from storage.database import touch
from storage.queue import Queue, add, add_later
from storage.tables.queues import DONE, InboxRow

INBOX = Queue(InboxRow, lease=timedelta(seconds=60), attempts=5)

_KEY = ("platform", "event_id")
#: How long a finished event's payload is kept before it is erased; the event's id stays for de-duplication.
ERASE_AFTER = timedelta(hours=8)


def store(
    session: Session, cipher: Cipher, *, platform: str, event_id: str, lane: str, payload: Mapping[str, Any], now: datetime
) -> bool:  # fmt: skip
    """Insert the event; False when it is there already."""
    stored = add_later(session, InboxRow, _values(cipher, platform, event_id, lane, payload, now), *_KEY)
    if stored:
        touch(session, "inbox")
    return stored


def store_claimed(
    session: Session, cipher: Cipher, *, platform: str, event_id: str, lane: str, payload: Mapping[str, Any], now: datetime
) -> InboxRow | None:
    """The same for whoever handles it at once: its row, or None."""
    row = INBOX.hold(InboxRow(**_values(cipher, platform, event_id, lane, payload, now)), now)
    row.id = add(session, row, *_KEY)
    return None if row.id is None else row


def _values(cipher: Cipher, platform: str, event_id: str, lane: str, payload: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    sealed = cipher.encrypt(json.dumps(payload, ensure_ascii=False).encode(), f"inbox:{platform}:{event_id}")
    return {"lane": lane, "due": now, "created": now, "platform": platform, "event_id": event_id, "payload": sealed}


def payload_of(row: InboxRow, cipher: Cipher) -> dict[str, Any]:
    assert row.payload is not None, "the payload of a waiting event is never erased"
    found: dict[str, Any] = json.loads(cipher.decrypt(row.payload, f"inbox:{row.platform}:{row.event_id}"))
    return found


def find(session: Session, platform: str, event_id: str) -> InboxRow | None:
    return session.exec(select(InboxRow).where(InboxRow.platform == platform, InboxRow.event_id == event_id)).first()


def finish(session: Session, row: InboxRow, now: datetime, reply: Mapping[str, Any] | None) -> bool:
    """Done, with what was answered kept for a repeat of the same event. False = somebody else has it: roll back."""
    if not INBOX.done(session, row, now):
        return False
    if reply is not None:
        session.connection().execute(update(InboxRow).where(_id(row)).values(reply=dict(reply)))
    return True


def erase(session: Session, now: datetime, limit: int = 500) -> int:
    """Erase payloads of events that were done more than 8 hours ago; answers how many. What is buried keeps its own, to be revived."""
    old = (
        select(InboxRow.id)
        .where(InboxRow.payload.is_not(None), InboxRow.status == DONE, InboxRow.finished < now - ERASE_AFTER)  # type: ignore[union-attr,operator]  # columns, not values
        .limit(limit)
    )
    ids = list(session.exec(old))
    if ids:
        session.connection().execute(
            update(InboxRow).where(InboxRow.id.in_(ids)).values(payload=None, reply=None, erased=now)  # type: ignore[union-attr]  # a column
        )
    return len(ids)


def _id(row: InboxRow) -> Any:
    return InboxRow.__table__.c.id == row.id  # type: ignore[attr-defined]  # SQLModel adds it
