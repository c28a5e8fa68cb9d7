"""On which platform each person was last: what reaches them there first."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from storage.database import touch
from storage.plan.organization import PLATFORMS
from storage.tables.whereabouts import WhereaboutsRow

#: Written when somebody changes platforms, and otherwise no more often than this.
STALE = timedelta(hours=1)
#: Who used the console may have closed its page since. A messenger rings wherever its reader is.
PAGE_OPEN = timedelta(hours=2)
#: How long a view may be used; should the word of another replica's commit get lost, it is heard no later.
FRESH = timedelta(seconds=60)


def note(session: Session, person: str, platform: str, now: datetime) -> None:
    """`person` is on `platform` now. Letters, text messages and programs are no place to be."""
    if platform not in PLATFORMS:
        return
    been = session.exec(select(WhereaboutsRow).where(WhereaboutsRow.person == person).order_by(col(WhereaboutsRow.at).desc())).all()
    if been and been[0].platform == platform and now - been[0].at < STALE:
        return
    here = (col(WhereaboutsRow.person) == person, col(WhereaboutsRow.platform) == platform)
    moved = update(WhereaboutsRow).where(*here, col(WhereaboutsRow.at) < now).values(at=now)
    if platform in {row.platform for row in been}:
        session.connection().execute(moved)
    else:
        try:
            with session.begin_nested():
                session.connection().execute(insert(WhereaboutsRow).values(person=person, platform=platform, at=now))
        except IntegrityError:  # another replica has seen them there just now
            session.connection().execute(moved)
    touch(session, "whereabouts")


class Whereabouts:
    """What this process remembers of it: read again, in a writing transaction that is open anyway, once it has changed."""

    def __init__(self) -> None:
        self._changed = True
        self._read: datetime | None = None
        self._been: Mapping[str, list[tuple[str, datetime]]] = {}

    def hear(self, topics: Iterable[str]) -> None:
        """A commit, of this replica or another."""
        self._changed = self._changed or "whereabouts" in topics

    def refresh(self, session: Session, now: datetime) -> None:
        if not self._changed and self._read is not None and now - self._read < FRESH:
            return
        self._changed, self._read = False, now  # before reading: a commit that comes meanwhile is read next time
        been: dict[str, list[tuple[str, datetime]]] = {}
        for row in session.exec(select(WhereaboutsRow).order_by(col(WhereaboutsRow.at).desc())):
            been.setdefault(row.person, []).append((row.platform, row.at))
        self._been = been

    def first(self, person: str, ways: Iterable[str], now: datetime) -> str | None:
        """Of these platforms the one where the person was last; None = nobody knows."""
        among = set(ways)
        found = (platform for platform, at in self._been.get(person, ()) if platform in among and _counts(platform, at, now))
        return next(found, None)


def _counts(platform: str, at: datetime, now: datetime) -> bool:
    return platform != "console" or now - at < PAGE_OPEN
