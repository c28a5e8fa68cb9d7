"""Where people were last: written seldom, believed by every replica, and nothing that reaches nobody."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select

from storage import whereabouts
from storage.database import Database
from storage.tables.whereabouts import WhereaboutsRow
from storage.whereabouts import PAGE_OPEN, STALE, Whereabouts, note
from tests import ready
from tests.make import START

MINUTE = timedelta(minutes=1)
ALL = ("feishu", "wecom", "console", "mail", "sms")


@pytest.fixture
def kept(database: Database) -> Database:
    return ready.with_schema(database)


def first(database: Database, been: Whereabouts, person: str, ways: tuple[str, ...] = ALL, later: timedelta = MINUTE) -> str | None:
    database.write(lambda tx: been.refresh(tx, START + later))
    return been.first(person, ways, START + later)


def test_the_last_platform_is_the_first(kept: Database) -> None:
    been = Whereabouts()
    kept.on_commit.append(been.hear)
    assert first(kept, been, "li.na") is None
    kept.write(lambda tx: note(tx, "li.na", "feishu", START))
    assert first(kept, been, "li.na") == "feishu"
    kept.write(lambda tx: note(tx, "li.na", "wecom", START + MINUTE))
    assert first(kept, been, "li.na", later=2 * MINUTE) == "wecom"
    kept.write(lambda tx: note(tx, "li.na", "feishu", START + 2 * MINUTE))
    assert first(kept, been, "li.na", later=3 * MINUTE) == "feishu", "back within the hour: a change is always written"
    assert first(kept, been, "li.na", ("wecom", "mail"), 3 * MINUTE) == "wecom", "what is switched off does not count"
    assert first(kept, been, "ma.chao", later=3 * MINUTE) is None


def test_it_is_written_on_a_change_and_else_once_an_hour(kept: Database) -> None:
    written: list[str] = []

    @event.listens_for(kept.engine, "before_cursor_execute")
    def see(connection: object, cursor: object, statement: str, *more: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            written.append(statement)

    for minute in range(60):
        kept.write(lambda tx, at=START + minute * MINUTE: note(tx, "li.na", "feishu", at))  # type: ignore[misc]
    assert len(written) == 1
    kept.write(lambda tx: note(tx, "li.na", "feishu", START + STALE))
    assert len(written) == 2
    rows = kept.read(lambda tx: tx.exec(select(WhereaboutsRow)).all())
    assert [(row.person, row.platform, row.at) for row in rows] == [("li.na", "feishu", START + STALE)]


def test_letters_calls_and_programs_are_no_place_to_be(kept: Database) -> None:
    for platform in ("mail", "sms", "web", "api", "gengfu"):
        kept.write(lambda tx, on=platform: note(tx, "li.na", on, START))  # type: ignore[misc]
    assert kept.read(lambda tx: tx.exec(select(WhereaboutsRow)).all()) == []


def test_a_page_is_closed_one_day_a_messenger_is_not(kept: Database) -> None:
    been = Whereabouts()
    kept.write(lambda tx: note(tx, "li.na", "feishu", START - timedelta(days=30)))
    kept.write(lambda tx: note(tx, "li.na", "console", START))
    assert first(kept, been, "li.na", later=PAGE_OPEN - MINUTE) == "console"
    assert first(kept, been, "li.na", later=PAGE_OPEN) == "feishu"


def test_it_is_read_again_only_when_a_commit_says_so_or_after_a_minute(kept: Database) -> None:
    deaf = Whereabouts()
    kept.write(lambda tx: note(tx, "li.na", "feishu", START))
    assert first(kept, deaf, "li.na", later=MINUTE) == "feishu"
    kept.write(lambda tx: note(tx, "li.na", "wecom", START + MINUTE))
    assert first(kept, deaf, "li.na", later=MINUTE + whereabouts.FRESH / 2) == "feishu"
    deaf.hear({"outbox"})
    assert first(kept, deaf, "li.na", later=MINUTE + whereabouts.FRESH / 2) == "feishu", "other commits are none of its business"
    deaf.hear({"whereabouts"})
    assert first(kept, deaf, "li.na", later=MINUTE + whereabouts.FRESH / 2) == "wecom"
    kept.write(lambda tx: note(tx, "li.na", "feishu", START + 2 * MINUTE))
    assert first(kept, deaf, "li.na", later=MINUTE + whereabouts.FRESH * 2) == "feishu", "also when the word got lost"
