"""Reminders of one reader: what is said together, and which of them still stand."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from storage.outbox import BUNDLE, CLOCKS, OUTBOX, OVER, REMIND, REMINDERS, RESTS, TASKS, enqueue_deed
from storage.tables.queues import OUTBOX_WAITS, OutboxRow


def bundle(session: Session, first: OutboxRow, now: datetime) -> Sequence[OutboxRow]:
    """All waiting reminders for the same reader that are due soon (clocks: due now), claimed together with `first`, whose lane we hold.

    A regulator's clock takes along what else is to be said: that goes on in the clock's lane, wherever it has to be tried again.
    What was put into words before is said again with the same reminders, and no newer one.
    """
    kind, over = first.about.get("notice"), first.lane.endswith(f":{OVER}")
    if kind not in TASKS and kind not in CLOCKS and not over:
        return ()
    soon = () if over else (col(OutboxRow.due) <= (now + BUNDLE if kind in TASKS else now),)
    same = () if first.said_hash is None else (col(OutboxRow.said_hash) == first.said_hash,)
    statement = (
        select(OutboxRow)
        .where(
            OUTBOX_WAITS,
            col(OutboxRow.lane) == first.lane,
            col(OutboxRow.id) > first.id,
            *soon,
            *same,
        )
        .order_by(col(OutboxRow.id))
        .with_for_update()
    )
    rows = session.exec(statement).all()
    if kind in CLOCKS and first.said_hash is None and not over:
        rows = [*rows, *_along(session, first, now)]
    for row in rows:
        row.attempt += 1
        row.fence += 1
        row.due = now + OUTBOX.lease
    session.flush()
    return rows


def _along(session: Session, clock: OutboxRow, now: datetime) -> Sequence[OutboxRow]:
    """The reader's other reminders, unless one of them is being said just now. They are as urgent as the clock from now on: an older one
    stands before it in its lane when they are tried again."""
    theirs = f"{clock.lane.rpartition(':')[0]}:{REMIND}"
    waiting = (OUTBOX_WAITS, col(OutboxRow.lane) == theirs)
    statement = select(OutboxRow).where(*waiting).order_by(col(OutboxRow.id)).with_for_update()
    rows = session.exec(statement).all()
    if any(row.attempt or row.said_hash for row in rows):
        return ()
    found = [row for row in rows if row.due <= now + BUNDLE]
    for row in found:
        row.lane, row.priority = clock.lane, clock.priority
    return found


def led(rows: Sequence[OutboxRow]) -> Sequence[OutboxRow]:
    """What is said together, the one first under whose key it was put into words: the platform knows a repeat by that."""
    return sorted(rows, key=lambda row: row.said is None)


def supersede(session: Session, refs: Iterable[str], now: datetime, *, by: Sequence[OutboxRow] = ()) -> None:
    """Reminders about `refs` that still stand are marked as replaced where they stand: one live reminder per item and reader.

    With `by` (said together just now) only older ones of the same item, sort and reader. A message that bundles several items goes on with
    the others; it is changed once, however many of its items are replaced.
    """
    live = [
        col(OutboxRow.ref).in_(list(refs)),
        col(OutboxRow.kind) == "notice",
        col(OutboxRow.message_id).is_not(None),
        col(OutboxRow.superseded).is_(False),
        *([col(OutboxRow.lane).in_(_lanes(by[0].lane))] if by else []),
    ]
    found = [row for row in session.exec(select(OutboxRow).where(*live)).all() if _sort(row)]
    newest = {(one.ref, _sort(one)): one.id or 0 for one in by}
    gone = [row for row in found if not by or (row.id or 0) < newest.get((row.ref, _sort(row)), 0)]
    for row in gone:
        row.superseded = True
    session.flush()
    for message in dict.fromkeys((row.platform, row.message_id) for row in gone):
        _take_back(session, *message, now=now)


def _sort(row: OutboxRow) -> str | None:
    return REMINDERS.get(row.about.get("notice", ""))


def _lanes(lane: str) -> tuple[str, ...]:
    """Where the reader's older reminders stand: what rests, and what went over the budget, has changed its lane."""
    own = lane.removeprefix(RESTS)
    place = own.rpartition(":")[0]
    lanes = (own, *(f"{place}:{line}" for line in (OVER, REMIND, "clocks")))
    return (*lanes, *(f"{RESTS}{one}" for one in lanes))


def _take_back(session: Session, platform: str | None, message_id: str | None, *, now: datetime) -> None:
    """The message is drawn again, without what has been replaced by now. Its lane keeps an older drawing from coming last."""
    rows = _of_message(session, platform, message_id)
    said = next((row.said for row in rows if row.said is not None), None)
    if said is None:
        return
    lane = f"supersede:{platform}:{message_id}"
    key = f"{lane}:{sum(row.superseded for row in rows)}"
    place = {"platform": platform, "chat": rows[0].chat, "recipient": rows[0].recipient, "said": said}
    enqueue_deed(
        session, key=key, lane=lane, kind="supersede", about={"message_id": message_id}, incident=rows[0].incident or "", now=now, **place
    )


def standing(session: Session, platform: str | None, message_id: str) -> list[OutboxRow]:
    """The reminders that a message of ours still stands for."""
    return [row for row in _of_message(session, platform, message_id) if not row.superseded]


def _of_message(session: Session, platform: str | None, message_id: str | None) -> Sequence[OutboxRow]:
    same = (col(OutboxRow.message_id) == message_id, col(OutboxRow.platform) == platform, col(OutboxRow.kind) == "notice")
    return session.exec(select(OutboxRow).where(*same).order_by(col(OutboxRow.id))).all()
