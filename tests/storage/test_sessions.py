"""Links, sessions and codes in the database: what holds on both databases, and with several replicas at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from sqlmodel import col, select

from bot.bootstrap import SAMPLE_PLAN, load_topics
from storage import outbox
from storage import sessions as doors
from storage.cipher import Cipher
from storage.database import Database, Transaction
from storage.form_links import FormLinks
from storage.plans import Plans
from storage.sessions import Sessions
from storage.tables.queues import OutboxRow
from storage.tables.sessions import GeneratorRow, LoginLinkRow, SessionRow
from storage.totp import code_at, counter_at
from tests.make import Clock
from tests.ready import with_schema
from tests.storage.totp_seed import seed_of
from workflows.core.errors import NotAllowed, NotFound, UserError

T = TypeVar("T")
CIPHER = Cipher((("k1", bytes(32)),))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replicas(database_url: str, clock: Clock) -> Iterator[list[Sessions]]:
    load_topics()
    opened = [Database(database_url, threads=4) for _ in range(2)]
    with_schema(opened[0])
    try:
        yield [Sessions(one, CIPHER, Plans(SAMPLE_PLAN), clock) for one in opened]
    finally:
        for one in opened:
            one.close()


def link(at: Sessions, clock: Clock, person: str = "li.na") -> str:
    """A fresh link's token, taken out of the row that waits to be sent."""

    def work(tx: Transaction) -> str:
        doors.send_link(tx, CIPHER, person, now=clock(), via="test", platform="console", to=person, chat="", group="")
        rows = tx.exec(select(OutboxRow).where(OutboxRow.kind == "secret").order_by(col(OutboxRow.id))).all()
        return str(outbox.unsealed(CIPHER, rows[-1])["values"]["secret"])

    return at._database.write(work)


def at_once(jobs: list[Callable[[], T]]) -> list[T | UserError]:
    start = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T | UserError:
        start.wait(10)
        try:
            return job()
        except UserError as error:
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_of_many_browsers_that_open_a_link_at_once_one_is_the_first(replicas: list[Sessions], clock: Clock) -> None:
    token = link(replicas[0], clock)
    opened = at_once([lambda at=at: at.visit(token, "", "a")[0] for at in replicas * 3])  # type: ignore[misc]
    first = [one for one in opened if isinstance(one, str)]
    assert len(first) == 1
    assert {type(one) for one in opened if not isinstance(one, str)} == {NotAllowed}
    replicas[1].enter(token, first[0], "a", "Chrome")


def test_a_button_pressed_on_two_replicas_at_once_begins_one_session(replicas: list[Sessions], clock: Clock) -> None:
    token = link(replicas[0], clock)
    visitor, person = replicas[0].visit(token, "", "a")
    begun = at_once([lambda at=at: at.enter(token, visitor, "a", "Chrome") for at in replicas * 2])  # type: ignore[misc]
    assert sorted(type(one).__name__ for one in begun) == ["NotFound"] * 3 + ["str"]
    assert (person, len(replicas[0].of("li.na"))) == ("li.na", 1)


def test_a_code_given_on_two_replicas_at_once_is_taken_once(replicas: list[Sessions], clock: Clock) -> None:
    ids = []
    for at in replicas:
        token = link(at, clock)
        visitor, _ = at.visit(token, "", "a")
        found = at.who(at.enter(token, visitor, "a", "Chrome"))
        assert found
        ids.append(found)
    replicas[0].enrol(ids[0])
    code = code_at(seed_of(replicas[0]._database, CIPHER, "li.na"), counter_at(clock()))
    proved = at_once([lambda at=at, one=one: at.prove(one, code) for at, one in zip(replicas, ids, strict=True)])  # type: ignore[misc]
    assert [one is None for one in proved].count(True) == 1


def test_secrets_are_kept_as_hashes_and_a_seed_encrypted(replicas: list[Sessions], clock: Clock) -> None:
    at = replicas[0]
    token = link(at, clock)
    visitor, _ = at.visit(token, "", "a")
    secret = at.enter(token, visitor, "a", "Chrome")
    session = at.who(secret)
    assert session
    at.enrol(session)
    kept = at._database.read(
        lambda tx: [str(row.model_dump()) for kind in (LoginLinkRow, SessionRow, OutboxRow) for row in tx.exec(select(kind))]
    )
    for one in (token, visitor, secret):
        assert not any(one in row for row in kept)
        assert any(doors.hashed(one) in row for row in kept)
    seed = seed_of(at._database, CIPHER, "li.na")
    assert seed not in at._database.read(lambda tx: tx.exec(select(GeneratorRow.seed)).one())


def test_two_links_two_seeds_and_two_sessions_never_have_the_same_secret(replicas: list[Sessions], clock: Clock) -> None:
    tokens = {link(replicas[0], clock, person) for person in ("li.na", "wang.qiang", "sun.jie", "zhou.heng")}
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {43}, "256 bits"


def test_forms_of_which_one_browser_may_answer(replicas: list[Sessions], clock: Clock) -> None:
    links = [FormLinks(at._database, CIPHER, clock) for at in replicas]
    token = links[0].make("li.na", {"button": {"label": "进展"}})
    opened = at_once([lambda at=at: at.visit(token, "", "a")[0] for at in links * 2])  # type: ignore[misc]
    (first,) = (one for one in opened if isinstance(one, str))
    asked = links[1].asked(token, first, "a")
    assert (asked.person, asked.form, asked.tries, asked.used) == ("li.na", {"button": {"label": "进展"}}, 0, False)
    assert (links[0].refused(asked), links[1].refused(asked)) == (1, 1)
    again = links[0].asked(token, first, "a")
    assert [again.event(n)[-2:] for n in ("0", "1", "7", "", "x", "²")] == [":0", ":1", ":1", ":1", ":1", ":1"]
    links[0].done(again)
    assert {links[1].asked(token, first, "a").event(n)[-2:] for n in ("0", "1", "2")} == {":1"}, "answered: no other event any more"
    clock.pass_time(minutes=30)
    with pytest.raises(NotFound):
        links[0].asked(token, first, "a")
    assert replicas[0]._database.write(lambda tx: doors.sweep(tx, clock() + doors.SEEN_EVERY)) == 1
