"""What is to be said: rows that say what about and to whom, never the words; the words come when they are sent."""

import base64
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any
from zlib import crc32

from sqlalchemy import ColumnElement, Update, bindparam, case, func, null, or_, update
from sqlmodel import Session, col, select

from storage.cipher import Cipher
from storage.database import touch
from storage.gathered import run
from storage.queue import Queue, add_later, table_of
from storage.tables.queues import DONE, IS_CARD, OUTBOX_WAITS, WAITING, OutboxRow, is_literally
from storage.tables.records import ChatRow
from workflows.core.outcome import Notice
from workflows.core.people import Organization

#: Smaller goes first: a regulator's clock before an approval, a copy of the status last.
PRIORITY = {"clock": 0, "approval": 1, "reply": 2, "assignment": 3, "escalation": 4, "reminder": 5, "digest": 6, "copy": 7}


def _answer_first() -> ColumnElement[bool]:
    """What is less urgent than an answer does not go into its group before it, unless the answer could not be said at once. To a person,
    whose chats have other names, that is for the sender to see to."""
    c, answer = table_of(OutboxRow).c, table_of(OutboxRow).alias("answer")
    here = answer.c.lane == c.platform + ":" + c.chat + ":reply"
    first = (is_literally("answer.status", WAITING), here, answer.c.attempt <= 1, answer.c.error.is_(None))
    return or_(c.priority <= PRIORITY["reply"], c.chat.is_(None), ~select(answer.c.id).where(*first).exists())


OUTBOX, URGENT, UNHURRIED = (
    Queue(OutboxRow, lease=timedelta(seconds=90), attempts=12, priorities=tuple(ranks), where=_answer_first())
    for ranks in (
        PRIORITY.values(),
        # The same rows, claimed by two: who waits for an answer does not wait behind ten cards that are being drawn.
        [rank for rank in PRIORITY.values() if rank <= PRIORITY["reply"]],
        [rank for rank in PRIORITY.values() if rank > PRIORITY["reply"]],
    )
)

#: What reminds somebody of tasks or of an incident, and what a regulator's clock says: told to one reader together, each sort by itself.
TASKS = ("task.reminder", "task.exhausted", "task.mention", "incident.update_due", "incident.rescore_due")
CLOCKS = (
    "report.opened",
    "report.due",
    "report.started",
    "report.tightened",
    "report.lengthened",
    "report.handed",
    "report.reminder",
    "report.ask",
    "report.phones",
    "report.mention",
)
#: Of these, what only says again that a clock runs.
CLOCK_REPEATS = ("report.reminder", "report.ask")
#: Notices of which only the latest stays live, by what they are about.
REMINDERS = {
    **dict.fromkeys(TASKS[:3], "task"),
    **dict.fromkeys(CLOCKS, "clock"),
    **{one: one for one in (*TASKS[3:], "approval.reminder", "enquiry.waits", "rumour.waits")},
}

#: How far ahead waiting reminders are pulled forward to be said together with one that is due. A regulator's clock speaks at its moment.
BUNDLE = timedelta(seconds=120)
#: What rests for a while stands in a line beside its own, so that it holds up nothing that is urgent; what is not urgent joins it there.
RESTS = "rest:"
#: The `error` of a row that waits because its platform's month is used up begins so; the platform follows.
MONTH = "month:"

#: The lane of a reader's reminders.
REMIND = "reminders"
#: The lane of what went over a person's budget (`storage.budget`): it is told together, and nothing else waits behind it.
OVER = "over"


def enqueue_notice(
    session: Session, notice: Notice, *, ref: str, version: int, incident: str, organization: Organization, now: datetime, watch: str
) -> None:
    """One row per person or chat that the notice is for. The key makes a repeat of the same event's notice impossible."""
    for platform, chat, person in _places(session, _awake(notice, organization), incident, organization):
        place = f"{platform}:{chat}" if chat else f"p:{person}"
        if notice.card:
            put_card(session, notice.kind, place, platform, chat, person, incident=incident, ref=watch, now=now, about_ref=ref)
            continue
        _add(
            session,
            key=f"{ref}:{version}:{notice.kind}:{place}",
            kind="notice",
            lane=f"{place}:{_lane(notice.kind, incident)}",
            priority=PRIORITY[notice.urgency],
            due=now + notice.hold + share(notice.spread, place),
            now=now,
            about={"notice": notice.kind, "ref": ref, "version": version, "values": dict(notice.values)},
            platform=platform,
            chat=chat,
            recipient=person,
            incident=incident,
            ref=ref,
        )
        if notice.kind in TASKS:
            _hasten(session, f"{place}:{_lane(notice.kind, incident)}", now + notice.hold + share(notice.spread, place))


def _hasten(session: Session, lane: str, due: datetime) -> None:
    """Reminders that are held come along with one that is not: it must not wait behind them in their lane."""
    run(session, _hastening(), {"in_lane": lane, "by": due, "soon": due + BUNDLE}, once=True)


@cache
def _hastening() -> Update:
    c = table_of(OutboxRow).c
    by, soon = bindparam("by", type_=c.due.type), bindparam("soon", type_=c.due.type)
    held = (OUTBOX_WAITS, c.lane == bindparam("in_lane"), c.attempt == 0, c.said_hash.is_(None), c.due > by, c.due <= soon)
    return update(table_of(OutboxRow)).where(*held).values(due=by)


def share(spread: timedelta, place: str) -> timedelta:
    """The part of `spread` that a reader waits: at least a second, and always the same."""
    seconds = int(spread.total_seconds())
    return timedelta(seconds=1 + crc32(place.encode()) % seconds) if seconds else timedelta(0)


def _lane(kind: str, incident: str) -> str:
    return REMIND if kind in TASKS else "clocks" if kind in CLOCKS else incident


def put_card(
    session: Session,
    name: str,
    place: str,
    platform: str | None,
    chat: str | None,
    person: str | None,
    *,
    incident: str,
    ref: str,
    now: datetime,
    about_ref: str,
) -> None:
    """The one row of a card in a chat; `ref` is what it watches: commits on that make it dirty."""
    key = f"card:{place}:{name}:{about_ref}"
    _add(
        session,
        key=key,
        kind="card",
        lane=key,
        priority=PRIORITY["approval" if name == "approval" else "assignment"],
        due=now,
        now=now,
        about={"card": name, "ref": about_ref},
        platform=platform,
        chat=chat,
        recipient=person,
        incident=incident,
        ref=ref,
    )


def enqueue_deed(
    session: Session, *, key: str, kind: str, about: dict[str, Any], incident: str, now: datetime, lane: str = "", **place: Any
) -> None:
    """Something else a platform does: create a room, invite people, take a replaced reminder back."""
    _add(
        session,
        key=key,
        kind=kind,
        lane=lane or key,
        priority=PRIORITY["assignment"],
        due=now,
        now=now,
        about=about,
        incident=incident,
        **place,
    )


def again(session: Session, key: str, now: datetime) -> bool:
    """The row is handed out once more, from its first attempt; one that waits goes on waiting. False when there is none."""
    row = session.exec(select(OutboxRow).where(OutboxRow.key == key).with_for_update()).first()
    if row is None:
        return False
    if row.status != WAITING:
        row.status, row.due, row.attempt, row.fence, row.finished, row.error = WAITING, now, 0, row.fence + 1, None, None
        touch(session, "outbox")
    return True


def enqueue_reply(
    session: Session,
    *,
    key: str,
    platform: str,
    chat: str,
    said: dict[str, Any],
    incident: str | None,
    now: datetime,
    reader: str | None = None,
) -> None:
    """The answer to what a person typed; its words were decided with the command. `reader`: whose direct chat it is."""
    _add(
        session,
        key=key,
        kind="reply",
        lane=f"{platform}:{chat}:reply",
        priority=PRIORITY["reply"],
        due=now,
        now=now,
        about={"reply": key} if reader is None else {"reply": key, "reader": reader},
        platform=platform,
        chat=chat,
        said=said,
        incident=incident,
    )


def place_of(row: OutboxRow) -> str | None:
    """Where people see it come: a person's direct chat, by whatever way, or a group. None: nowhere that is known yet."""
    person = row.recipient or row.about.get("reader")
    return f"p:{person}" if person else row.chat and f"{row.platform}:{row.chat}"


def enqueue_to_person(
    session: Session,
    *,
    key: str,
    platform: str | None,
    person: str,
    said: dict[str, Any],
    incident: str | None,
    priority: int,
    now: datetime,
    about: Mapping[str, Any] = MappingProxyType({}),
    ref: str | None = None,
) -> None:
    """Words that are ready, for one person: on one platform, or by their first way."""
    _add(
        session,
        key=key,
        kind="reply",
        lane=key,
        priority=priority,
        due=now,
        now=now,
        about={"reply": key, **about},
        platform=platform,
        recipient=person,
        said=said,
        incident=incident,
        ref=ref,
    )


def last_to(session: Session, ref: str, person: str) -> OutboxRow | None:
    """The newest row about `ref` for this person, whatever became of it."""
    to_them = (OutboxRow.ref == ref, OutboxRow.recipient == person)
    return session.exec(select(OutboxRow).where(*to_them).order_by(col(OutboxRow.id).desc()).limit(1)).first()


def enqueue_secret(
    session: Session, cipher: Cipher, *, key: str, notice: str, secret: str, values: dict[str, Any], now: datetime, platform: str,
    chat: str, person: str, to: str, back: str = "",
) -> None:  # fmt: skip
    """Something for one person's eyes: encrypted while it waits, and its words are never kept.

    Without `chat` it goes to the direct chat of `to` (the person's id on that platform); where there is none, that is said in `back`.
    """
    sealed = base64.b64encode(cipher.encrypt(secret.encode(), f"outbox:{key}")).decode()
    _add(
        session,
        key=key,
        kind="secret",
        lane=key,
        priority=PRIORITY["reply"],
        due=now,
        now=now,
        about={"notice": notice, "values": values, "sealed": sealed, "to": to, "back": back},
        platform=platform,
        chat=chat or None,
        recipient=person,
    )


def written(session: Session, keys: Collection[str]) -> bool:
    """Whether any of these is waiting or was said."""
    return session.exec(select(OutboxRow.id).where(col(OutboxRow.key).in_(keys))).first() is not None


def unsealed(cipher: Cipher, row: OutboxRow) -> Mapping[str, Any]:
    """What the row is about, with its secret."""
    secret = cipher.decrypt(base64.b64decode(row.about["sealed"]), f"outbox:{row.key}").decode()
    return {**row.about, "values": {**row.about["values"], "secret": secret}}


def dirty(session: Session, refs: Iterable[str], *, incident: str, now: datetime) -> None:
    """Cards that watch any of `refs` must be drawn again. One being drawn right now is only marked; its sender sees that at the end."""
    given = {"watched": list(refs), "incidents": [incident], "now": now}
    if run(session, _dirtying(), given, united=True):
        touch(session, "outbox")


@cache
def _dirtying() -> Update:
    c = table_of(OutboxRow).c
    watched = (IS_CARD, c.incident.in_(bindparam("incidents", expanding=True)), c.ref.in_(bindparam("watched", expanding=True)))
    stands = c.status == DONE
    again = {
        "status": case((stands, WAITING), else_=c.status),
        "due": case((stands, bindparam("now", type_=c.due.type)), else_=c.due),
        "attempt": case((stands, 0), else_=c.attempt),
        "fence": case((stands, c.fence + 1), else_=c.fence),
        "finished": case((stands, null()), else_=c.finished),
    }
    return update(table_of(OutboxRow)).where(*watched).values(wanted=c.wanted + 1, **again)


def noted(
    session: Session,
    row: OutboxRow,
    now: datetime,
    *,
    platform: str | None,
    facts: Mapping[str, str],
    said_hash: str | None,
    again: bool,
    receipt: Mapping[str, Any],
) -> bool:
    """The row is said, as `said_hash`. A card that was marked dirty meanwhile waits on, to be drawn `again`. `receipt`: see `OutboxRow`.

    False = the row is somebody else's now.
    """
    where = {
        **receipt,
        "platform": platform or row.platform,
        "chat": facts.get("chat") or row.chat,
        "message_id": facts.get("message_id") or row.message_id,
        "said_hash": said_hash,
    }
    wanted = session.scalar(select(OutboxRow.wanted).where(col(OutboxRow.id) == row.id).with_for_update())
    if wanted == row.wanted and not again:
        ours = OUTBOX.done(session, row, now, **where)
    else:
        ours = OUTBOX.retry(session, row, now, "changed meanwhile", free=True, **where)
    if ours:
        touch(session, "outbox")
    return ours


def chats_of(session: Session, incident: str) -> list[tuple[str, str]]:
    """(platform, chat) of every chat that belongs to the incident now."""
    rows = session.exec(select(ChatRow).where(ChatRow.incident == incident, col(ChatRow.left).is_(None)).order_by(col(ChatRow.id))).all()
    return [(row.platform, row.chat) for row in rows]


def _awake(notice: Notice, organization: Organization) -> tuple[str, ...]:
    """Who is on leave is left in peace where somebody who is not hears the same. A regulator's clock asks nobody's leave."""
    away = [one for one in notice.to if one in organization.away]
    if not away or notice.urgency == "clock" or not any(organization.is_here(one) for one in notice.to):
        return notice.to
    return tuple(one for one in notice.to if one not in away)


def _places(
    session: Session, to: Iterable[str], incident: str, organization: Organization
) -> list[tuple[str | None, str | None, str | None]]:
    """(platform, chat, person): a chat has the first two, a person's direct chat only the last (resolved when it is sent)."""
    found: list[tuple[str | None, str | None, str | None]] = []
    for audience in to:
        if audience == "chat":
            found.extend((platform, chat, None) for platform, chat in chats_of(session, incident))
        elif audience == "control":
            office = organization.groups["office"]
            chats: list[tuple[str | None, str | None, str | None]] = [(platform, chat, None) for platform, chat in office.chats.items()]
            found.extend(chats or [(None, None, person) for person in office.everyone])
        elif audience == "staff":
            found.extend((platform, chat, None) for platform, chat in organization.firm.staff_chats)
        else:
            found.append((None, None, audience))
    return list(dict.fromkeys(found))


def line_rests(session: Session, row: OutboxRow) -> bool:
    """Does anything of the row's line rest, which it must not overtake?"""
    resting = select(OutboxRow.id).where(OUTBOX_WAITS, col(OutboxRow.lane) == RESTS + row.lane).limit(1)
    return not row.lane.startswith(RESTS) and session.exec(resting).first() is not None


def held_back(session: Session) -> dict[str, int]:
    """Platform -> how many messages wait because its month is used up."""
    waits = (OUTBOX_WAITS, col(OutboxRow.error).startswith(MONTH))
    rows = session.exec(select(OutboxRow.error, func.count()).where(*waits).group_by(col(OutboxRow.error))).all()
    return {(error or "").removeprefix(MONTH): count for error, count in rows}


def _add(session: Session, *, now: datetime, **values: Any) -> None:
    add_later(session, OutboxRow, {"created": now, **values}, "key")
    touch(session, "outbox")
