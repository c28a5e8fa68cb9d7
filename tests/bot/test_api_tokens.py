"""Tokens: guessed, revoked, expired, of somebody who has left, with too little scope; and what the trail says of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot.__main__ import main
from bot.bootstrap import SAMPLE_PLAN
from storage.database import Database
from storage.plans import Plans
from storage.sessions import GUESSES, hashed
from storage.tables.api import TokenRow
from storage.tables.audit import AuditRow
from tests.bot.api_world import asked, program
from tests.bot.web_world import KEY, House, made
from tests.make import Clock
from tests.ready import with_schema


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


def trail(house: House, person: str) -> list[tuple[str, str, dict[str, Any]]]:
    chain = select(AuditRow).where(AuditRow.record_ref == f"P:{person}").order_by(AuditRow.version)  # type: ignore[arg-type]
    return house.parts.database.read(lambda tx: [(row.verb, row.actor, row.details) for row in tx.exec(chain)])


def test_no_token_and_a_wrong_one(house: House) -> None:
    browser = house.browser("curl/8")
    for headers in ({}, {"authorization": ""}, {"authorization": "Bearer "}, {"authorization": "Basic bGk6bmE="}):
        answer = browser.request("GET", "/api/v1/incidents", headers)
        assert (answer.status_code, answer.json()["error"], answer.headers["www-authenticate"]) == (401, "token.missing", "Bearer")
    assert asked(house, "gengfu_nonsense").json()["error"] == "token.unknown"
    assert browser.get("/api/v1/incidents?token=x").status_code == 422, "an address is written into logs: no token belongs there"


def test_a_login_opens_no_api_and_a_token_no_page(house: House) -> None:
    assert house.logged_in("li.na").get("/api/v1/incidents").status_code == 401
    held = program(house, "li.na")
    for path in ("/me", "/console", "/console/rooms"):
        assert held.get(path).status_code == 401


def test_only_the_hash_is_kept_and_the_secret_stands_nowhere(house: House) -> None:
    held = program(house, "li.na")
    assert held.says("/incident open 行情中断").status_code == 200
    house.settle()
    (row,) = house.parts.database.read(lambda tx: list(tx.exec(select(TokenRow))))
    assert row.hash == hashed(held.secret)
    house.parts.database.close()
    kept = b"".join(
        path.read_bytes() for path in Path(house.parts.settings.database_url.reveal().removeprefix("sqlite:///")).parent.iterdir()
    )
    assert held.secret.encode() not in kept
    assert held.token.id.encode() in kept


@pytest.mark.parametrize("why", ["revoked", "expired", "left"])
def test_what_has_ended_is_refused_at_once_and_recorded(house: House, why: str) -> None:
    held = program(house, "li.na", days=1)
    assert held.get("/api/v1/incidents").status_code == 200
    if why == "revoked":
        house.parts.tokens.revoke(held.token.id[:6])
    elif why == "expired":
        house.clock.pass_time(days=1)
    else:
        people = house.parts.plans.organization.people
        object.__setattr__(house.parts.plans.organization, "people", {id: one for id, one in people.items() if id != "li.na"})
    for _ in range(9):
        assert held.get("/api/v1/incidents").json()["error"] == "token.unknown"
        assert held.says("/incident open 行情中断").status_code == 401
    refused = [details for verb, _, details in trail(house, "li.na") if verb == "refused"]
    assert refused == [{"command": "api", "reason": why, "token": held.token.id}] * 5, "and the chain is not filled by a dead token"


def test_a_scope_that_was_not_given(house: House) -> None:
    reads = program(house, "li.na", "read")
    assert reads.get("/api/v1/incidents").status_code == 200
    for answer in (reads.says("/whoami"), reads.alerts(title="x")):
        assert (answer.status_code, answer.json()["error"]) == (403, "token.scope")
    assert program(house, "li.na", "command").get("/api/v1/incidents").json()["error"] == "token.scope"
    assert [details["reason"] for verb, _, details in trail(house, "li.na") if verb == "refused"] == ["scope"] * 3


def test_guessing_is_slowed_by_address_and_a_real_token_goes_on(house: House) -> None:
    held = program(house, "li.na", address="10.9.9.9")
    found = [asked(house, f"gengfu_guess-{number}", address="10.9.9.9").status_code for number in range(GUESSES + 3)]
    assert found == [401] * GUESSES + [429] * 3
    assert held.get("/api/v1/incidents").status_code == 200
    assert asked(house, "gengfu_guess", address="10.9.9.8").status_code == 401
    house.clock.pass_time(minutes=11)
    assert asked(house, "gengfu_guess", address="10.9.9.9").status_code == 401


def test_its_life_stands_in_the_chain_of_its_person_who_also_hears_of_it(house: House) -> None:
    held = program(house, "li.na", "read")
    for _ in range(3):
        held.get("/api/v1/incidents")
    house.clock.pass_time(hours=1)
    held.get("/api/v1/incidents")
    house.parts.tokens.revoke(held.token.id)
    house.settle()
    assert [(verb, actor) for verb, actor, _ in trail(house, "li.na")] == [
        ("token_made", "operator"), ("token_used", "li.na"), ("token_used", "li.na"), ("token_revoked", "operator"),
    ]  # fmt: skip
    assert held.secret not in str(trail(house, "li.na"))
    assert [held.token.id in text for text in house.told("li.na")] == [True, True]


def test_a_token_sees_and_does_what_its_person_may_and_no_more(house: House) -> None:
    assert program(house, "lin.yue").says("/incident open restricted=yes 内幕线索").status_code == 200
    for person, sees in (("lin.yue", True), ("shi.lei", True), ("yang.fan", False)):
        held = program(house, person)
        assert held.get("/api/v1/incidents/I1").status_code == (200 if sees else 404), person
        for list_ in ("incidents", "tasks", "approvals", "reports"):
            assert bool(held.get(f"/api/v1/{list_}").json()["items"]) == (sees and list_ != "approvals"), (person, list_)
            if list_ != "incidents":
                assert held.get(f"/api/v1/{list_}", incident="I1").status_code == (200 if sees else 404)
    hidden = program(house, "yang.fan")
    assert hidden.get("/api/v1/incidents/I1").json()["text"].replace("I1", "I9") == hidden.get("/api/v1/incidents/I9").json()["text"]
    assert hidden.says("/incident show I1").status_code == 404
    keeper = program(house, "han.tao")
    assert keeper.get("/api/v1/incidents").json()["error"] == "access.keeper"
    assert program(house, "li.na").get("/api/v1/audit").json()["error"] == "access.trail"
    assert program(house, "shi.lei").get("/api/v1/audit").status_code == 200
    assert program(house, "shi.lei").says("/incident update I1 在看").status_code == 403


# The command line


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    """A migrated database, and the environment of an operator."""
    url = f"sqlite:///{tmp_path / 'gengfu.db'}"
    database = Database(url)
    with_schema(database)
    database.close()
    before, folder = dict(os.environ), Path.cwd()
    os.environ.update({"GENGFU_DATABASE_URL": url, "GENGFU_DATA_KEYS": f"k1:{KEY}", "GENGFU_SEAL_KEY": KEY})
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(before)


def test_new_list_and_revoke(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "new", "--person", "li.na", "--scope", "ingest,read", "--days", "7", "--name", "prometheus"]) == 0
    out = capsys.readouterr()
    secret = out.out.strip()
    assert secret.startswith("gengfu_")
    assert len(secret) == 50
    id = hashed(secret)[:12]
    assert id in out.err
    assert secret not in out.err
    assert main(["token", "list"]) == 0
    line = capsys.readouterr().out
    assert [word in line for word in (id, "live", "li.na", "read,ingest", "prometheus", secret)] == [True] * 5 + [False]
    assert main(["token", "revoke", id[:5]]) == 0
    assert main(["token", "revoke", id]) == 2
    assert "revoked" in capsys.readouterr().out


def test_what_is_wrong_is_said_in_one_sentence(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "li.na" in Plans(SAMPLE_PLAN).organization.people
    good = ["--person", "li.na", "--scope", "read"]
    for wrong in (["--person", "li.n", "--scope", "read"], ["--person", "li.na", "--scope", "all"], [*good, "--days", "0"]):
        assert main(["token", "new", *wrong]) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1), wrong
