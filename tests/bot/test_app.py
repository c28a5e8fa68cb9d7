"""What the application answers, by console mode and by the state of its loops and its database."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import create_app
from bot.bootstrap import Parts, build
from bot.config import demo_settings, read_settings
from bot.web.security import HEADERS
from bot.worker import STUCK
from handlers.core.message import Message
from storage.database import Database
from tests.browser.live import on_watch
from tests.make import Clock
from tests.ready import with_schema

LOOPS = ("inbox", "timers", "urgent", "outbox", "work")
KEY = "S0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0U="


def made(environment: Mapping[str, str], clock: Clock) -> Parts:
    settings = read_settings(environment, None)
    database = Database(settings.database_url.reveal())
    with_schema(database)
    database.close()
    return build(settings, now=clock)


def environment(folder: Path, **more: str) -> dict[str, str]:
    url = f"sqlite:///{folder / 'app' / 'gengfu.db'}"
    return {"GENGFU_DATABASE_URL": url, "GENGFU_DATA_KEYS": f"k1:{KEY}", "GENGFU_SEAL_KEY": KEY, **more}


class Asker:
    """Requests to the application without a socket and without its loops."""

    def __init__(self, parts: Parts) -> None:
        self._transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=False)

    def __call__(self, path: str, method: str = "GET", host: str = "127.0.0.1:8000", **given: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=f"http://{host}") as client:
                return await client.request(method, path, **given)

        return asyncio.run(request())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["off", "demo"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def parts(tmp_path: Path, clock: Clock, mode: str) -> Iterator[Parts]:
    running = made(environment(tmp_path, GENGFU_CONSOLE=mode), clock)
    yield running
    running.close()


@pytest.fixture
def ask(parts: Parts) -> Asker:
    return Asker(parts)


def opened(parts: Parts, title: str) -> None:
    said = Message("console", "sun.jie:event-0001", "text", "dm:sun.jie", "direct", "sun.jie", f"/incident open {title}", parts.now())
    parts.rooms.direct("sun.jie")
    assert parts.road.ask(said).error is None


@pytest.mark.parametrize("mode", ["off"], indirect=True)
def test_without_the_console_there_is_none_and_the_board_tells_nothing(ask: Asker, parts: Parts) -> None:
    opened(parts, "行情中断")
    for path in ("/console", "/console/rooms", "/console/events?as=li.na", "/console/static/console.js"):
        assert ask(path).status_code == 404
    board = ask("/?as=li.na")
    assert board.status_code == 200
    assert "行情中断" not in board.text
    assert ask("/static/console.css").status_code == ask("/static/lantern.svg").status_code == 200


@pytest.mark.parametrize("mode", ["off"], indirect=True)
def test_everything_the_board_loads_is_there(ask: Asker) -> None:
    loaded = [part.split('"')[0] for part in ask("/").text.replace('src="', 'href="').split('href="')[1:]]
    assert len(loaded) == 3
    assert {ask(path).status_code for path in loaded} == {200}


@pytest.mark.parametrize("mode", ["demo"], indirect=True)
def test_in_the_demo_the_first_page_leads_to_the_console_and_the_board_lists_what_is_open(ask: Asker, parts: Parts) -> None:
    assert (ask("/").status_code, ask("/").headers["location"]) == (307, "/console")
    assert "李娜" in ask("/console").text
    opened(parts, "<b>行情中断</b>")
    board = ask("/?as=li.na").text
    assert "行情中断" in board
    assert "<b>" not in board


@pytest.mark.parametrize("mode", ["demo"], indirect=True)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.1"])
def test_the_demo_answers_to_loopback_names_only(ask: Asker, host: str) -> None:
    for path in ("/", "/console", "/console/rooms", "/static/console.css"):
        assert ask(path, host=host, headers={"X-Gengfu-As": "li.na"}).status_code == 421
    for path in ("/healthz", "/readyz", "/metrics"):
        assert ask(path, host=host).status_code != 421


@pytest.mark.parametrize("name", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
@pytest.mark.parametrize("mode", ["demo"], indirect=True)
def test_every_name_of_loopback_is_ours(ask: Asker, name: str) -> None:
    assert ask("/console", host=name).status_code == 200


def test_a_public_address_is_answered_by_its_name_only(tmp_path: Path, clock: Clock) -> None:
    parts = made(environment(tmp_path, GENGFU_HOST="0.0.0.0", GENGFU_PUBLIC_URL="https://gengfu.example.com"), clock)
    ask = Asker(parts)
    assert [ask("/", host=name).status_code for name in ("gengfu.example.com", "127.0.0.1:8000", "other.example.com")] == [200, 421, 421]
    parts.close()


@pytest.mark.parametrize(
    ("path", "method", "host"),
    [
        ("/", "GET", "127.0.0.1"),
        ("/console", "GET", "127.0.0.1"),
        ("/console/rooms", "GET", "127.0.0.1"),
        ("/console/rooms/g:office/messages", "POST", "127.0.0.1"),
        ("/console/static/console.js", "GET", "127.0.0.1"),
        ("/static/console.css", "GET", "127.0.0.1"),
        ("/healthz", "GET", "127.0.0.1"),
        ("/readyz", "GET", "127.0.0.1"),
        ("/metrics", "GET", "127.0.0.1"),
        ("/nowhere", "GET", "127.0.0.1"),
        ("/healthz", "DELETE", "127.0.0.1"),
        ("/", "GET", "evil.example"),
    ],
)
def test_every_answer_carries_the_strict_headers(ask: Asker, path: str, method: str, host: str) -> None:
    answer = ask(path, method, host)
    for name, value in HEADERS.items():
        allowed = (value, "no-cache") if name == "Cache-Control" else (value,)
        assert answer.headers.get(name) in allowed, (name, answer.status_code)
    assert "server" not in answer.headers


@pytest.mark.parametrize("mode", ["demo"], indirect=True)
def test_no_documentation_of_the_framework_is_served(ask: Asker) -> None:
    assert ask("/redoc").status_code == 404
    for path in ("/docs", "/openapi.json"):  # our own pages, which load nothing from anywhere else
        assert "cdn" not in ask(path).text
        assert ask(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize("mode", ["off"], indirect=True)
def test_ready_while_every_loop_turns_and_not_when_one_is_stuck(ask: Asker, parts: Parts, clock: Clock) -> None:
    assert ask("/readyz").status_code == 503
    assert ask("/readyz").json()["troubles"] == [f"the {name} loop does not turn" for name in LOOPS]
    parts.worker.beats.update(dict.fromkeys(LOOPS, clock()))
    assert (ask("/readyz").status_code, ask("/readyz").json()) == (
        200,
        {"ready": True, "troubles": [], "clean_at": None, "clean_age": None},
    )
    clock.pass_time(seconds=STUCK.total_seconds() + 1)
    parts.worker.beats.update({"inbox": clock(), "urgent": clock(), "work": clock(), "outbox": clock() - timedelta(seconds=2)})
    assert ask("/readyz").status_code == 503
    assert ask("/readyz").json()["troubles"] == ["the timers loop does not turn"]
    assert ask("/healthz").status_code == 200


@pytest.mark.parametrize("mode", ["off"], indirect=True)
def test_it_tells_how_long_ago_the_engine_was_last_clean(ask: Asker, parts: Parts, clock: Clock) -> None:
    parts.worker.beats.update(dict.fromkeys(LOOPS, clock()))
    assert parts.auditor.look()
    clock.pass_time(seconds=90)
    answer = ask("/readyz").json()
    assert (answer["clean_age"], answer["ready"]) == (90.0, False), "the age counts even where the loops stand still"


@pytest.mark.parametrize("mode", ["off"], indirect=True)
def test_not_ready_while_the_database_is_away_and_ready_when_it_is_back(ask: Asker, parts: Parts, clock: Clock, tmp_path: Path) -> None:
    parts.worker.beats.update(dict.fromkeys(LOOPS, clock()))
    parts.database.engine.dispose()
    (tmp_path / "app").rename(tmp_path / "away")
    assert ask("/readyz").status_code == 503
    assert ask("/readyz").json()["troubles"] == ["the database does not answer"]
    assert ask("/healthz").status_code == 200
    (tmp_path / "away").rename(tmp_path / "app")
    assert ask("/readyz").status_code == 200


@pytest.mark.parametrize("mode", ["off"], indirect=True)
def test_not_ready_on_another_schema(ask: Asker, parts: Parts, clock: Clock) -> None:
    parts.worker.beats.update(dict.fromkeys(LOOPS, clock()))
    with parts.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'zzzz'")
    (trouble,) = ask("/readyz").json()["troubles"]
    assert trouble.startswith("the schema is zzzz, needed is ")
    assert trouble.endswith("run gengfu migrate")


def test_running_it_is_ready_counts_what_it_does_and_stops(tmp_path: Path) -> None:
    with on_watch(tmp_path) as live, httpx.Client(base_url=live.url, headers={"X-Gengfu-As": "sun.jie"}) as client:
        said = {"id": "event-0001", "kind": "text", "chat": "dm:sun.jie", "text": "/incident open"}
        client.get("/console/rooms")
        assert client.post("/console/rooms/dm:sun.jie/messages", json=said).json()["ref"] == "I1"
        wait_until_ready(client)
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        families = text_string_to_metric_families(answer.text)
        counted = {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}
        assert counted["gengfu_commands_total", "incident open", "done"] == 1
        assert counted["gengfu_handle_seconds_count",] == 1
    parts_closed = live.parts.bell.closed
    assert parts_closed


def wait_until_ready(client: httpx.Client) -> None:
    for _ in range(200):
        if client.get("/readyz").status_code == 200:
            return
        time.sleep(0.1)
    raise AssertionError(client.get("/readyz").text)


def test_the_demo_makes_the_groups_chats_once(tmp_path: Path, clock: Clock) -> None:
    settings = demo_settings(tmp_path)
    database = Database(settings.database_url.reveal())
    with_schema(database)
    database.close()
    for _ in range(2):
        parts = build(settings, now=clock)
        names = [room.name for room in parts.rooms.rooms_of("sun.jie")]
        parts.close()
        assert sorted(names) == ["应急办(综合协调组)", "舆情应对小组", "营业部群"]
