"""Who watches the watchman: the beat that stops, and the second process that calls out, against real servers on loopback."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.auditor import Auditor
from bot.bootstrap import SAMPLE_PLAN
from bot.config import read_settings
from bot.metrics import Metrics
from bot.outside.heartbeat import beat
from bot.outside.readiness import Seen, ask
from bot.watch import State, Word, read_state, step, write_state
from storage.database import Database
from storage.plan import load_plan
from tests.letterbox import Letterbox, free_port
from tests.make import START
from tests.ready import patient, with_schema
from tests.world import make_world
from workflows.core.errors import BadConfig

ROOT = Path(__file__).parents[2]
KEY = "S0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0U="
LIMIT = timedelta(minutes=3)


# A receiver


@dataclass
class Receiver:
    """A real HTTP server, and what it was sent."""

    port: int = 0
    status: int = 200
    answer: bytes = b"{}"
    got: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.got.append((self.command, self.path, dict(self.headers), body))
            self.send_response(found.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Location", f"{found.url}/elsewhere")
            self.send_header("Content-Length", str(len(found.answer)))
            self.end_headers()
            self.wfile.write(found.answer)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


# The heartbeat


def test_the_beat_carries_nothing(receiver: Receiver) -> None:
    assert asyncio.run(beat(f"{receiver.url}/ping/secret"))
    ((method, path, headers, body),) = receiver.got
    assert (method, path, body) == ("GET", "/ping/secret", b"")
    assert {name.lower() for name in headers} <= {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert headers["User-Agent"] == "gengfu"


def test_a_redirect_is_not_followed_and_silence_is_no_error(receiver: Receiver) -> None:
    receiver.status = 302
    assert not asyncio.run(beat(receiver.url))
    assert [path for _, path, _, _ in receiver.got] == ["/"]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert not asyncio.run(beat(f"http://127.0.0.1:{nobody.getsockname()[1]}"))


def test_it_beats_only_while_all_is_well(database: Database, receiver: Receiver) -> None:
    world, turns = make_world(database), [True]
    world.says("li.na", "/事件 上报 行情中断")
    auditor = Auditor(world.road, Metrics(), "one", lambda: turns[0], lambda: beat(receiver.url))

    def minute() -> int:
        receiver.got.clear()
        world.passes(minutes=1)
        asyncio.run(auditor.knock())
        return len(receiver.got)

    assert minute() == 1
    assert minute() == 1
    turns[0] = False
    assert minute() == 0, "a loop stands still"
    turns[0] = True
    assert minute() == 1
    world.database.write(lambda tx: tx.connection().exec_driver_sql("UPDATE incident SET commander = 'gone'"))
    assert minute() == 0, "something is wrong with the engine's work"
    world.database.write(lambda tx: tx.connection().exec_driver_sql("UPDATE incident SET commander = 'li.na'"))
    assert minute() == 1


def test_a_look_that_fails_does_not_beat_and_does_not_end_the_scheduler(database: Database, receiver: Receiver) -> None:
    world = make_world(database)
    auditor = Auditor(world.road, Metrics(), "one", lambda: True, lambda: beat(receiver.url))
    world.database.write(lambda tx: tx.connection().exec_driver_sql("ALTER TABLE tip RENAME TO tips"))
    asyncio.run(auditor.knock())
    assert receiver.got == []


@pytest.mark.parametrize("url", ["ftp://h.example/x", "h.example/x", "https://", "http://h.example:0/x", "http://h.example/a b"])
def test_the_address_of_the_beat_is_an_address_and_is_never_quoted(url: str) -> None:
    with pytest.raises(BadConfig, match="GENGFU_HEARTBEAT_URL must be") as refused:
        read_settings({"GENGFU_HEARTBEAT_URL": url}, None)
    assert "h.example" not in str(refused.value)


# What the second process makes of what it sees


def at(minutes: float) -> Any:
    return START + timedelta(minutes=minutes)


def seen(ages: list[float | None]) -> list[Word | None]:
    """The words of a look each minute; whoever is called is reached."""
    state = State(START)
    words: list[Word | None] = []
    for minute, age in enumerate(ages):
        state, word = step(state, Seen(age), at(minute), LIMIT)
        state = State(state.clean, {"down": at(minute), "back": None, None: state.called}[word])
        words.append(word)
    return words


def test_all_well_says_nothing() -> None:
    assert seen([30.0] * 100) == [None] * 100


def test_silence_is_said_after_three_minutes_again_each_half_hour_and_once_when_it_is_over() -> None:
    words = seen([0.0, *[None] * 70, 10.0, 10.0])
    assert {minute: word for minute, word in enumerate(words) if word} == {3: "down", 33: "down", 63: "down", 71: "back"}


def test_an_engine_that_answers_but_is_not_clean_is_as_silent() -> None:
    assert seen([0.0, 60.0, 120.0, 180.0, 240.0]) == [None, None, None, "down", None]


def test_one_answer_that_got_lost_is_nothing() -> None:
    assert seen([10.0, None, 50.0, None, None, 30.0]) == [None] * 6


def test_what_was_remembered_is_read_back_and_what_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "state"
    for state in (State(START), State(START, at(5))):
        write_state(file, state)
        assert read_state(file, at(9)) == state
    for text in ("", "{", "[]", '{"clean": 3, "called": null}', '{"clean": "x", "called": null}'):
        file.write_text(text)
        assert read_state(file, at(9)) == State(at(9))
    assert read_state(tmp_path / "none", at(9)) == State(at(9))


@pytest.mark.parametrize(
    ("status", "answer", "age", "why"),
    [
        (200, {"ready": True, "troubles": [], "clean_at": "…", "clean_age": 12.5}, 12.5, ""),
        (503, {"ready": False, "troubles": ["the inbox loop does not turn"], "clean_age": 90}, 90.0, "the inbox loop does not turn"),
        (200, {"ready": True, "troubles": [], "clean_age": None}, None, "its own audit was never clean"),
        (200, {"ready": True, "troubles": [], "clean_age": -5}, None, "its own audit was never clean"),
        (200, {"hello": "world"}, None, "answered 200, but not as Gengfu does"),
        (502, None, None, "answered 502 and no JSON"),
    ],
)
def test_what_an_answer_means(receiver: Receiver, status: int, answer: object, age: float | None, why: str) -> None:
    receiver.status, receiver.answer = status, json.dumps(answer).encode() if answer else b"<html>"
    assert asyncio.run(ask(receiver.url)) == Seen(age, why)


# Real processes


@dataclass
class Hosts:
    """The bot's, and the one that watches it: settings of two processes that share nothing but the network."""

    folder: Path
    bot: dict[str, str]
    other: dict[str, str]

    @contextmanager
    def serving(self) -> Iterator["subprocess.Popen[bytes]"]:
        command = [sys.executable, "-m", "bot", "serve"]
        with subprocess.Popen(command, cwd=self.folder, env=clear() | self.bot, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    def watch(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot", "watch", *words]
        return subprocess.run(
            command, cwd=self.folder, env=clear() | self.other, capture_output=True, encoding="utf-8", timeout=120, check=False
        )

    def time_passes(self, **span: float) -> None:
        """As if the last look had been so much earlier."""
        file = self.folder / "state"
        found = json.loads(file.read_text())
        then = read_state(file, START)
        earlier = State(then.clean - timedelta(**span), then.called - timedelta(**span) if then.called else None)
        assert set(found) == {"clean", "called"}
        write_state(file, earlier)


def clear() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


@pytest.fixture
def hosts(tmp_path: Path, letterbox: tuple[Letterbox, int], receiver: Receiver) -> Hosts:
    url, port = f"sqlite:///{tmp_path / 'gengfu.db'}", free_port()
    database = Database(url)
    with_schema(database)
    database.close()
    bot = {"GENGFU_DATABASE_URL": url, "GENGFU_DATA_KEYS": f"k1:{KEY}", "GENGFU_SEAL_KEY": KEY, "GENGFU_PORT": str(port)}
    other = {
        "GENGFU_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "GENGFU_DATABASE_URL": f"sqlite:///{tmp_path / 'nowhere' / 'gengfu.db'}",
        "SMTP_URL": f"smtp://127.0.0.1:{letterbox[1]}",
        "SMTP_FROM": "gengfu@example.com",
        "GENGFU_SMS_URL": f"{receiver.url}/sms",
        "GENGFU_SMS_SECRET": "hush",
    }
    return Hosts(tmp_path, bot, other)


def until(found: Callable[[], bool], seconds: float = 90) -> None:
    give_up = time.monotonic() + patient(seconds)
    while not found():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.1)


def clean(url: str) -> bool:
    """It has looked lately: an audit of before it stood still is too old for the watch, and soon another."""
    try:
        age = httpx.get(f"{url}/readyz", timeout=5).json()["clean_age"]
        return bool(age is not None and age < LIMIT.total_seconds() / 3)
    except httpx.HTTPError:
        return False


def test_a_server_that_stops_is_noticed_from_outside_and_people_are_called(
    hosts: Hosts, letterbox: tuple[Letterbox, int], receiver: Receiver
) -> None:
    box, state = letterbox[0], ("--once", "--state", str(hosts.folder / "state"))
    url = hosts.other["GENGFU_PUBLIC_URL"]
    with hosts.serving() as server:
        until(lambda: clean(url))
        well = hosts.watch(*state)
        assert (well.returncode, well.stdout, box.letters) == (0, "", []), well.stderr

        os.kill(server.pid, signal.SIGSTOP)  # the kernel still takes the connection, and nobody answers
        hosts.time_passes(minutes=1)
        assert hosts.watch(*state).returncode == 0, "not after one silent minute"
        hosts.time_passes(minutes=3)
        down = hosts.watch(*state)
        assert (down.returncode, " down: " in down.stdout) == (1, True), down.stderr
        check_called(box, receiver)

        hosts.time_passes(minutes=20)
        assert hosts.watch(*state).returncode == 1
        assert len(box.letters) == 2, "said once in half an hour"
        hosts.time_passes(minutes=11)
        hosts.watch(*state)
        assert len(box.letters) == 4

        os.kill(server.pid, signal.SIGCONT)
        until(lambda: clean(url))
        receiver.got.clear()
        back = hosts.watch(*state)
        assert (back.returncode, " back: " in back.stdout) == (0, True), back.stderr
        assert "更夫恢复值守" in box.letters[-1][1]
        assert {json.loads(body)["kind"] for _, _, _, body in receiver.got} == {"sms"}, "good news does not ring"
        assert hosts.watch(*state).stdout == ""

        server.kill()
        server.wait()
    hosts.time_passes(minutes=4)
    gone = hosts.watch(*state)
    assert (gone.returncode, "ConnectError" in gone.stdout) == (1, True), gone.stdout
    assert not (hosts.folder / "nowhere").exists(), "it needs no database"


def check_called(box: Letterbox, receiver: Receiver) -> None:
    """The head and the deputy of the office, by letter, message and ring, each signed."""
    organization = load_plan(SAMPLE_PLAN).organization
    assert {to for to, _ in box.letters} == {organization.people[one].email for one in organization.groups["office"].leaders}
    assert all("更夫不在值守" in text and "ReadTimeout" in text for _, text in box.letters)
    calls = [json.loads(body) for _, _, _, body in receiver.got]
    assert sorted(call["kind"] for call in calls) == ["sms", "sms", "voice", "voice"]
    assert len({call["id"] for call in calls}) == 4
    for _, path, headers, body in receiver.got:
        signed = hmac.new(b"hush", f"{headers['X-Gengfu-Timestamp']}.".encode() + body, hashlib.sha256).hexdigest()
        assert (path, headers["X-Gengfu-Signature"]) == ("/sms", signed)


def test_a_watch_that_goes_on_calls_when_the_answers_end(hosts: Hosts, letterbox: tuple[Letterbox, int]) -> None:
    """Without cron: one process. The engine before it is a stand-in that can be as clean as the test wants."""
    box = letterbox[0]
    with receiving() as engine:
        engine.answer = json.dumps({"ready": True, "troubles": [], "clean_age": 0}).encode()
        command = [sys.executable, "-m", "bot", "watch", "--url", engine.url, "--to", "night@example.com", "--minutes", "0.05"]
        with subprocess.Popen(command, cwd=hosts.folder, env=clear() | hosts.other, stdout=subprocess.PIPE, encoding="utf-8") as process:
            try:
                until(lambda: len(engine.got) >= 3)
                assert box.letters == []
                engine.answer = json.dumps({"ready": True, "troubles": [], "clean_age": 400}).encode()
                until(lambda: len(box.letters) == 1)
                assert box.letters[0][0] == "night@example.com"
                assert "自查一直不干净" in box.letters[0][1]
                engine.answer = json.dumps({"ready": True, "troubles": [], "clean_age": 0}).encode()
                until(lambda: len(box.letters) == 2)
                assert "恢复值守" in box.letters[1][1]
                process.send_signal(signal.SIGTERM)
                assert process.wait(patient(20)) == 0
            finally:
                process.kill()


def test_without_memory_it_calls_at_every_bad_look(hosts: Hosts, letterbox: tuple[Letterbox, int]) -> None:
    for count in (1, 2):
        assert hosts.watch("--once", "--to", "night@example.com").returncode == 1
        assert len(letterbox[0].letters) == count


def test_whoever_could_not_be_called_is_tried_again(hosts: Hosts, letterbox: tuple[Letterbox, int], receiver: Receiver) -> None:
    receiver.status = 500
    state = ("--once", "--state", str(hosts.folder / "state"), "--to", "+86 138 0000 0001")
    assert hosts.watch(*state).returncode == 0, "the watch begins now"
    hosts.time_passes(minutes=5)
    tried = hosts.watch(*state)
    assert (tried.returncode, "did not get through" in tried.stdout) == (1, True)
    receiver.status = 200
    receiver.got.clear()
    hosts.watch(*state)
    assert [json.loads(body)["to"] for _, _, _, body in receiver.got] == ["+8613800000001"] * 2


@pytest.mark.parametrize(
    ("words", "more", "about"),
    [
        (("--once",), {"SMTP_URL": "", "SMTP_FROM": "", "GENGFU_SMS_URL": "", "GENGFU_SMS_SECRET": ""}, "by mail or telephone"),
        (("--once", "--to", "+8613800000001"), {"GENGFU_SMS_URL": "", "GENGFU_SMS_SECRET": ""}, "nobody whom it could call"),
        (("--once", "--minutes", "0"), {}, "--minutes must be more than 0"),
        (("--state", "x"), {}, "--state is for --once"),
    ],
)
def test_what_cannot_work_is_one_sentence(hosts: Hosts, words: tuple[str, ...], more: dict[str, str], about: str) -> None:
    hosts.other |= more
    done = hosts.watch(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert about in done.stderr
    assert len(done.stderr.splitlines()) == 1
