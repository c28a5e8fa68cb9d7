"""The API: shapes as the contract has them, one road for commands, and tokens that act as their person and no other."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bot.web_world import House, made
from tests.make import Clock


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


def test_walk(house: House) -> None:
    house.parts.tokens.make("gengfu_x", "li.na", ("read", "command"), timedelta(days=1))
    b = house.browser()
    auth = {"authorization": "Bearer gengfu_x"}
    r = b.request("POST", "/api/v1/commands", auth, json={"text": "/incident open type=system_failure 行情中断"})
    print(r.status_code, r.json())
    r = b.request("GET", "/api/v1/incidents/I1", auth)
    print(r.status_code, r.text[:3000])
    for p in ("incidents", "tasks?limit=2", "approvals", "reports", "audit"):
        r = b.request("GET", f"/api/v1/{p}", auth)
        print(p, r.status_code, r.text[:300])
    print(b.get("/docs").text[:1500])
    r = b.request("POST", "/api/v1/commands", auth, json={"text": "/incident activate I1"})
    print(r.status_code, r.json())
    assert 0
