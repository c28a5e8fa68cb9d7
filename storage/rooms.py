"""The console's chats, kept: a messenger of our own. Reading is for members only."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from storage.database import Database, canonical, touch
from storage.tables.rooms import RoomMemberRow, RoomMessageRow, RoomReadRow, RoomRow
from workflows.core.errors import NotFound

Body = Mapping[str, Any] | None
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True)
class Line:
    """One message as it reads now; `author` is empty for the bot, `body` holds `card` or `reply_to`."""

    id: str
    seq: int
    change: int
    author: str
    text: str
    body: Body
    mentions: tuple[str, ...]
    at: datetime
    edited_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and the change number to ask after next time; `more`: there are earlier (or further changed) ones."""

    lines: tuple[Line, ...]
    change: int
    more: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A room as one of its members sees it in the list."""

    id: str
    kind: str
    name: str
    members: tuple[str, ...]
    change: int
    unread: int
    last: Line | None


class Rooms:
    """`clean` masks what a person posts before it is stored; `now` is the clock."""

    def __init__(self, database: Database, clean: Callable[[str], str], now: Callable[[], datetime]) -> None:
        self._database = database
        self._clean = clean
        self._now = now

    def direct(self, person: str) -> str:
        """The one direct chat of `person` with the bot."""
        room = f"dm:{person}"
        return room if self.exists(room) else self._found(room, "direct", "", (person,))

    def create(self, key: str, name: str, members: Iterable[str]) -> str:
        """A group chat; the same key is the same room for ever. A short key stays readable in the room's id (`g:office`)."""
        room = "g:" + (key if _SLUG.fullmatch(key) else "~" + sha256(key.encode()).hexdigest()[:20])
        return room if self.exists(room) else self._found(room, "group", name, members)

    def exists(self, room: str) -> bool:
        return self._database.read(lambda session: session.get(RoomRow, room) is not None)

    def invite(self, room: str, members: Iterable[str]) -> None:
        def work(session: Session) -> None:
            _locked(session, room)
            for person in dict.fromkeys(members):
                if session.get(RoomMemberRow, (room, person)) is None:
                    session.add(RoomMemberRow(room=room, person=person))
                    touch(session, "rooms")

        self._database.write(work)

    def post(self, room: str, author: str, text: str, body: Body = None, mentions: Iterable[str] = (), key: str | None = None) -> str:
        """Say something; answers the message's id. A repeat of `key` answers the same id and posts nothing."""
        words = self._clean(text) if author else text

        def work(session: Session) -> str:
            found = _locked(session, room)
            if author:
                _member(session, room, author)
                _check_reply(session, room, body)
            said = session.exec(select(RoomMessageRow).where(RoomMessageRow.key == key)).first() if key else None
            if said is not None:
                return said.id
            found.seq += 1
            message = RoomMessageRow(
                room=room, seq=found.seq, id=f"{room}/{found.seq}", author=author, text=words, key=key,
                body=None if body is None else dict(body), mentions=list(dict.fromkeys(mentions)), at=self._now(),
            )  # fmt: skip
            _changed(session, found, message)
            if author:
                _read_to(session, room, author, found.seq)
            return message.id

        return self._database.write(work)

    def edit(self, message_id: str, text: str, body: Body = None, superseded: bool = False) -> bool:
        """Replace what a message shows; False when there is no such message. The same content again changes nothing."""
        state = "superseded" if superseded else "live"
        content = None if body is None else dict(body)

        def change(message: RoomMessageRow) -> bool:
            same = (message.text, message.state) == (text, state) and canonical(message.body) == canonical(content)
            if same or message.state == "recalled":
                return False
            if (message.text, canonical(message.body)) != (text, canonical(content)):
                message.edited_at = self._now()
            message.text, message.body, message.state = text, content, state
            return True

        return self._change(message_id, change)

    def recall(self, message_id: str) -> bool:
        """Take a message back: its words are gone, that there was one stays visible. False when there is no such message."""

        def change(message: RoomMessageRow) -> bool:
            if message.state == "recalled":
                return False
            message.text, message.body, message.mentions, message.state = "", None, [], "recalled"
            return True

        return self._change(message_id, change)

    def rooms_of(self, person: str) -> tuple[Listed, ...]:
        """The rooms of `person`: the direct chat first, then by the latest message."""
        listed = self._database.read(lambda session: _listed(session, person))
        by_latest = sorted(listed, key=lambda room: room.last.at.timestamp() if room.last else 0.0, reverse=True)
        return tuple(sorted(by_latest, key=lambda room: room.kind != "direct"))

    def messages(self, room: str, person: str, after_change: int = 0, limit: int = 100) -> Page:
        """What changed after `after_change`, in order of the messages; with 0 the latest messages."""

        def work(session: Session) -> Page:
            found = _seen_by(session, room, person)
            if after_change <= 0:
                return _latest(session, found, None, limit)
            rows = select(RoomMessageRow).where(RoomMessageRow.room == room, RoomMessageRow.change > after_change)
            taken = session.exec(rows.order_by(col(RoomMessageRow.change)).limit(limit + 1)).all()
            more, kept = len(taken) > limit, taken[:limit]
            return Page(_in_order(kept), kept[-1].change if more else found.change, more)

        return self._database.read(work)

    def earlier(self, room: str, person: str, before: int, limit: int = 100) -> Page:
        """The messages before number `before`."""
        return self._database.read(lambda session: _latest(session, _seen_by(session, room, person), before, limit))

    def author_of(self, room: str, person: str, message_id: str) -> str:
        """Who wrote a message of this room (empty: the bot), as asked by a member."""

        def work(session: Session) -> str:
            _seen_by(session, room, person)
            return _message(session, room, message_id).author

        return self._database.read(work)

    def mark_read(self, room: str, person: str, seq: int) -> tuple[str, ...]:
        """`person` has read up to number `seq`; a mark never moves back. Answers the ids of our own messages that this is news of."""

        def work(session: Session) -> tuple[str, ...]:
            found = _locked(session, room)
            _member(session, room, person)
            before = session.get(RoomReadRow, (room, person))
            since, until = before.seq if before else 0, min(seq, found.seq)
            news = (RoomMessageRow.room == room, RoomMessageRow.seq > since, RoomMessageRow.seq <= until, RoomMessageRow.author == "")
            read = session.exec(select(RoomMessageRow.id).where(*news)).all() if until > since else ()
            _read_to(session, room, person, until)
            return tuple(read)

        return self._database.write(work)

    def _found(self, room: str, kind: str, name: str, members: Iterable[str]) -> str:
        people = tuple(dict.fromkeys(members))

        def work(session: Session) -> str:
            try:
                with session.begin_nested():
                    _add(session, RoomRow(id=room, kind=kind, name=name, created=self._now()))
                    _add(session, *(RoomMemberRow(room=room, person=person) for person in people))
            except IntegrityError:
                return room  # somebody founded it at the same moment
            touch(session, "rooms")
            return room

        return self._database.write(work)

    def _change(self, message_id: str, change: Callable[[RoomMessageRow], bool]) -> bool:
        def work(session: Session) -> bool:
            room = session.exec(select(RoomMessageRow.room).where(RoomMessageRow.id == message_id)).first()
            if room is None:
                return False
            found = _locked(session, room)
            message = _message(session, room, message_id)
            if change(message):
                _changed(session, found, message)
            return True

        return self._database.write(work)


def _add(session: Session, *rows: SQLModel) -> None:
    session.add_all(rows)
    session.flush()


def _locked(session: Session, room: str) -> RoomRow:
    """The room's row, locked: numbers are given out in the order of commits."""
    query = select(RoomRow).where(RoomRow.id == room).with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("console.no_room", room=room)
    return found


def _member(session: Session, room: str, person: str) -> None:
    if session.get(RoomMemberRow, (room, person)) is None:
        raise NotFound("console.no_room", room=room)


def _seen_by(session: Session, room: str, person: str) -> RoomRow:
    _member(session, room, person)
    return session.exec(select(RoomRow).where(RoomRow.id == room)).one()


def _message(session: Session, room: str, message_id: str) -> RoomMessageRow:
    found = session.exec(select(RoomMessageRow).where(RoomMessageRow.id == message_id, RoomMessageRow.room == room)).first()
    if found is None:
        raise NotFound("console.no_message", message=message_id)
    return found


def _check_reply(session: Session, room: str, body: Body) -> None:
    """A person brings words, files, and at most the message they answer; cards are the bot's."""
    if body is None:
        return
    if not set(body) <= {"reply_to", "files"}:
        raise ValueError("a person's message can carry nothing but reply_to and files")
    if "reply_to" in body:
        _message(session, room, str(body["reply_to"]))


def _changed(session: Session, room: RoomRow, message: RoomMessageRow) -> None:
    room.change += 1
    message.change = room.change
    _add(session, room, message)
    touch(session, "rooms")


def _read_to(session: Session, room: str, person: str, seq: int) -> None:
    mark = session.get(RoomReadRow, (room, person)) or RoomReadRow(room=room, person=person)
    if seq > mark.seq:
        mark.seq = seq
        _add(session, mark)
        touch(session, "rooms")


def _latest(session: Session, room: RoomRow, before: int | None, limit: int) -> Page:
    query = select(RoomMessageRow).where(RoomMessageRow.room == room.id)
    if before is not None:
        query = query.where(RoomMessageRow.seq < before)
    taken = session.exec(query.order_by(col(RoomMessageRow.seq).desc()).limit(limit + 1)).all()
    return Page(_in_order(taken[:limit]), room.change, len(taken) > limit)


def _in_order(rows: Iterable[RoomMessageRow]) -> tuple[Line, ...]:
    return tuple(_line(row) for row in sorted(rows, key=lambda row: row.seq))


def _line(row: RoomMessageRow) -> Line:
    return Line(row.id, row.seq, row.change, row.author, row.text, row.body, tuple(row.mentions), row.at, row.edited_at, row.state)


def _listed(session: Session, person: str) -> list[Listed]:
    mine = select(RoomMemberRow.room).where(RoomMemberRow.person == person)
    rooms = session.exec(select(RoomRow).where(col(RoomRow.id).in_(mine))).all()
    members: dict[str, list[str]] = {}
    for row in session.exec(select(RoomMemberRow).where(col(RoomMemberRow.room).in_(mine)).order_by(col(RoomMemberRow.person))):
        members.setdefault(row.room, []).append(row.person)
    newest = select(RoomMessageRow).join(RoomRow, and_(col(RoomRow.id) == RoomMessageRow.room, col(RoomRow.seq) == RoomMessageRow.seq))
    last = {row.room: _line(row) for row in session.exec(newest.where(col(RoomMessageRow.room).in_(mine)))}
    unread = _unread(session, person, [room.id for room in rooms])
    return [Listed(r.id, r.kind, r.name, tuple(members[r.id]), r.change, unread.get(r.id, 0), last.get(r.id)) for r in rooms]


def _unread(session: Session, person: str, rooms: list[str]) -> dict[str, int]:
    """How many live messages of others stand after the person's mark, by room."""
    mark = and_(col(RoomReadRow.room) == RoomMessageRow.room, col(RoomReadRow.person) == person)
    query = (
        select(RoomMessageRow.room, func.count())
        .join(RoomReadRow, mark, isouter=True)
        .where(col(RoomMessageRow.room).in_(rooms), RoomMessageRow.author != person, RoomMessageRow.state == "live")
        .where(RoomMessageRow.seq > func.coalesce(RoomReadRow.seq, 0))
        .group_by(RoomMessageRow.room)
    )
    return dict(session.exec(query).all())
