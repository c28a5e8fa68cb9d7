"""The command line as an operator meets it: separate processes, their exit codes and what they say."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.audit import append_personal
from storage.database import Database
from storage.outbox import OUTBOX
from storage.schema import migrate
from storage.seals import seal
from storage.verify import fingerprint
from tests.browser.live import Person
from tests.commands import Commands
from tests.make import START

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
KEY = "S0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0VZS0U="
LEASE = OUTBOX.lease.total_seconds() + 30
OTHER_KEY = "T1RIRVJPVEhFUk9USEVST1RIRVJPVEhFUk9USEVST1Q="


@dataclass
class Desk:
    """A folder to work in, with settings of its own."""

    folder: Path
    settings: dict[str, str]
    commands: Commands

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **self.settings, **more}

    def gengfu(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.commands.run(words, self.folder, self.environment(more))

    @contextmanager
    def running(self, *words: str, **more: str) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-m", "bot", *words]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def refuses(self, *words: str, **more: str) -> str:
        """The one sentence with which a command refuses; exit code 2, nothing on standard output."""
        done = self.gengfu(*words, **more)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("gengfu: ")
        return sentence.removeprefix("gengfu: ")


@pytest.fixture
def desk(tmp_path: Path, port: int, commands: Commands) -> Desk:
    url = f"sqlite:///{tmp_path / 'gengfu.db'}"
    settings = {"GENGFU_DATABASE_URL": url, "GENGFU_DATA_KEYS": f"k1:{KEY}", "GENGFU_SEAL_KEY": KEY, "GENGFU_PORT": str(port)}
    return Desk(tmp_path, settings, commands)


@pytest.fixture
def newcomer(tmp_path: Path, commands: Commands) -> Desk:
    """Somebody in an empty folder, who has set nothing."""
    return Desk(tmp_path, {}, commands)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


# Schema and settings


def test_migrate_twice_changes_once(desk: Desk) -> None:
    first, second = desk.gengfu("migrate"), desk.gengfu("migrate")
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.startswith("schema empty -> ")
    assert second.stdout == f"schema {first.stdout.split()[-1]}\n"


def test_serve_refuses_an_empty_database_and_an_old_and_a_newer_schema(desk: Desk) -> None:
    assert desk.refuses("serve") == "the database is empty; run `gengfu migrate` first"
    assert desk.refuses("audit", "export") == "the database is empty; run `gengfu migrate` first"
    assert desk.gengfu("migrate").returncode == 0
    set_schema(desk, "9999")
    assert "the database schema is 9999, which this version does not know" in desk.refuses("serve")


def set_schema(desk: Desk, revision: str) -> None:
    database = Database(desk.settings["GENGFU_DATABASE_URL"])
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    database.close()


def test_serve_says_which_key_is_missing_and_how_to_make_one(desk: Desk) -> None:
    desk.gengfu("migrate")
    assert "GENGFU_SEAL_KEY is not set: give what `openssl rand -base64 32` prints" in desk.refuses("serve", GENGFU_SEAL_KEY="")
    assert desk.refuses("serve", GENGFU_DATA_KEYS="").startswith("GENGFU_DATA_KEYS is not set")


def test_serve_refuses_a_plan_that_cannot_be_used(desk: Desk) -> None:
    desk.gengfu("migrate")
    (desk.folder / "plan").mkdir()
    assert desk.refuses("serve", GENGFU_PLAN_DIR="plan").startswith("The plan cannot be used: ")
    assert "GENGFU_PLAN_DIR is 'nowhere', which is no folder" in desk.refuses("serve", GENGFU_PLAN_DIR="nowhere")


def test_an_unknown_name_is_refused_with_the_nearest_known(desk: Desk) -> None:
    sentence = desk.refuses("serve", GENGFU_DATABSE_URL="sqlite:///x.db")
    assert sentence == "GENGFU_DATABSE_URL is not a name Gengfu knows; the nearest is GENGFU_DATABASE_URL"
    (desk.folder / ".env").write_text("GENGFU_PROT=9000\n")
    assert desk.refuses("demo") == "GENGFU_PROT in .env is not a name Gengfu knows; the nearest is GENGFU_PORT"


def test_a_database_that_does_not_answer_is_one_sentence_without_the_password(desk: Desk) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it, and it refuses
        refuse_without_a_database(desk, silent.getsockname()[1])


def refuse_without_a_database(desk: Desk, port: int) -> None:
    url = f"postgresql+psycopg://gengfu:geheim@127.0.0.1:{port}/gengfu"
    for command in ("serve", "migrate"):
        sentence = desk.refuses(command, GENGFU_DATABASE_URL=url)
        assert sentence.startswith("the database at GENGFU_DATABASE_URL does not answer: ")
        assert "geheim" not in sentence


def test_a_file_that_is_no_database_is_one_sentence(desk: Desk) -> None:
    (desk.folder / "gengfu.db").write_text("This is a letter, not a database. " * 100)
    assert "does not answer: file is not a database" in desk.refuses("migrate")


def test_words_it_does_not_know_are_answered_with_the_usage(desk: Desk) -> None:
    done = desk.gengfu("patrol")
    assert done.returncode == 2
    assert "usage: gengfu" in done.stderr
    assert desk.gengfu("--help").returncode == 0


# Plan


def test_the_plan_is_checked_and_shown(desk: Desk) -> None:
    sound = desk.gengfu("plan", "check")
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "\n预案无误:" in f"\n{sound.stdout}", "late in a year the next one's calendar is asked for before it"
    shown = desk.gengfu("plan", "show", GENGFU_LOCALE="en")
    assert shown.returncode == 0
    assert "System recovery" in shown.stdout


def test_a_broken_plan_is_named_with_file_key_and_meaning(desk: Desk) -> None:
    folder = desk.folder / "plan"
    copy_plan(folder, "playbooks/common.toml", 'group = "security"', 'group = "securty"')
    found = desk.gengfu("plan", "check", str(folder), GENGFU_LOCALE="en")
    assert found.returncode == 1
    assert "task[2].group: unknown group “securty”; did you mean security?" in found.stdout
    shown = desk.gengfu("plan", "show", str(folder))
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("gengfu: The plan cannot be used: ")
    assert len(shown.stderr.splitlines()) == 1


def copy_plan(folder: Path, file: str, old: str, new: str) -> None:
    for source in (ROOT / "bot" / "plan").rglob("*.toml"):
        target = folder / source.relative_to(ROOT / "bot" / "plan")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


# The demo


def address(process: "subprocess.Popen[str]") -> str:
    """What the demo printed: where to go."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "Ctrl-C stops it" in line, process.stderr.read() if process.stderr else ""
    return line.split("demo: ")[1].split("/console")[0]


#: What uvicorn says when it had to end what the pages hold open, ten seconds later.
WAITED = "timeout graceful shutdown exceeded"


def stopped(process: "subprocess.Popen[str]", sign: signal.Signals) -> tuple[int, str]:
    """(exit code, what it said on standard error)."""
    process.send_signal(sign)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stops_at_once_with_a_page_open_and_a_second_run_keeps_the_data(newcomer: Desk, port: int, sign: signal.Signals) -> None:
    with newcomer.running("demo", GENGFU_PORT=str(port)) as process:
        url = address(process)
        assert url == f"http://127.0.0.1:{port}"
        assert "李娜" in httpx.get(f"{url}/console", timeout=30).text
        with Person(url, "sun.jie") as sun, httpx.stream("GET", f"{url}/console/events?as=li.na", timeout=30) as events:
            assert next(events.iter_lines()).startswith("retry:")
            assert sun.says("/incident open 行情中断")["ref"] == "I1"
            code, said = stopped(process, sign)
    assert (code, "Traceback" in said, WAITED in said) == (0, False, False), said
    with newcomer.running("demo", GENGFU_PORT=str(port)) as process, Person(address(process), "li.na") as li:
        assert "行情中断" in li.says("/incident list")["text"]
        assert stopped(process, sign)[0] == 0


def test_killed_and_started_again_the_demo_goes_on_where_it_was(newcomer: Desk, port: int) -> None:
    with newcomer.running("demo", GENGFU_PORT=str(port)) as process:
        with Person(address(process), "sun.jie") as sun:
            sun.says("/incident open 行情中断")
            until(lambda: claims(sun))
        process.kill()
        process.wait(timeout=30)
    with newcomer.running("demo", GENGFU_PORT=str(port)) as process:
        with Person(address(process), "sun.jie") as sun:
            before = claims(sun)
            assert sun.taps(before[0])["error"] is None
            # what was being sent at the moment of the kill is sent when its lease has ended
            assert until(lambda: before if claims(sun) == before[1:] else [], seconds=LEASE)
            assert until(lambda: [room for room in sun.rooms() if room["number"]], seconds=LEASE)
        assert stopped(process, signal.SIGINT)[0] == 0


def claims(person: Person) -> list[str]:
    """The commands of the buttons that offer this person a task."""
    buttons = [button for message in person.messages() for button in (message["card"] or {}).get("buttons", [])]
    return [button["command"] for button in buttons if button["command"].startswith("/task claim")]


def until(look: Callable[[], Sequence[T]], *, seconds: float = 30) -> Sequence[T]:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing came")


def test_a_port_in_use_is_one_sentence_and_nothing_has_been_touched(newcomer: Desk, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        sentence = newcomer.refuses("demo", GENGFU_PORT=str(port))
    assert sentence == f"port {port} on 127.0.0.1 is in use; stop what listens there, or set GENGFU_PORT to another port"
    assert not (newcomer.folder / "var" / "demo.db").exists()


def test_an_address_that_is_not_ours_is_one_sentence(desk: Desk) -> None:
    desk.gengfu("migrate")
    assert "cannot listen on 192.0.2.1 port " in desk.refuses("serve", GENGFU_HOST="192.0.2.1")
    assert "which this machine cannot find" in desk.refuses("serve", GENGFU_HOST="no-such-host.invalid")


def test_serve_runs_with_real_settings_and_without_a_console(desk: Desk, port: int) -> None:
    desk.gengfu("migrate")
    with desk.running("serve", GENGFU_PORT=str(port)) as process:
        answer = until(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        assert answer
        assert httpx.get(f"http://127.0.0.1:{port}/console").status_code == 404
        code, said = stopped(process, signal.SIGTERM)
    assert code == 0
    assert '"action": "started"' in said
    assert '"action": "stopped"' in said
    assert "Traceback" not in said


def answers(url: str) -> list[int]:
    try:
        return [httpx.get(url, timeout=5).status_code]
    except httpx.TransportError:
        return []


# The trail


def test_the_trail_goes_out_in_a_file_and_is_verified_away_from_the_system(newcomer: Desk, port: int) -> None:
    demo = newcomer.folder / "var"
    with newcomer.running("demo", GENGFU_PORT=str(port)) as process:
        with Person(address(process), "sun.jie") as sun:
            sun.says("/incident open 行情中断")
            sun.says("/incident fact I1 系统=集中交易")
        stopped(process, signal.SIGINT)
    newcomer.settings |= {
        "GENGFU_DATABASE_URL": f"sqlite:///{demo / 'demo.db'}",
        "GENGFU_DATA_KEYS": "demo:" + (demo / "demo-data.key").read_text().strip(),
        "GENGFU_SEAL_KEY": (demo / "demo-seal.key").read_text().strip(),
    }
    file = newcomer.folder / "trail.jsonl"
    exported = newcomer.gengfu("audit", "export", "--output", str(file))
    assert exported.returncode == 0, exported.stderr
    public = exported.stdout.split("public key ")[1].strip()
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    assert exported.stdout.startswith(f"{len(lines)} lines in ")
    assert piped(newcomer, public).splitlines(keepends=True)[1:-1] == lines[1:-1]

    whole = newcomer.gengfu("audit", "verify", str(file), "--public-key", public)
    assert (whole.returncode, whole.stdout.startswith("the trail is whole (rows ")) == (0, True), whole.stdout

    number = next(n for n, line in enumerate(lines) if "集中交易" in line)
    file.write_text("".join([*lines[:number], lines[number].replace("集中交易", "行情系统"), *lines[number + 1 :]]), encoding="utf-8")
    changed = newcomer.gengfu("audit", "verify", str(file), "--public-key", public)
    assert changed.returncode == 1
    assert changed.stdout.startswith("THE TRAIL IS NOT WHOLE")
    assert "row_changed" in changed.stdout

    file.write_text("".join([*lines[:number], *lines[number + 1 :]]), encoding="utf-8")
    assert newcomer.gengfu("audit", "verify", str(file), "--public-key", public).returncode == 1
    file.write_text("".join(lines), encoding="utf-8")
    assert newcomer.gengfu("audit", "verify", str(file), "--public-key", OTHER_KEY).returncode == 1
    assert newcomer.refuses("audit", "verify", "missing.jsonl", "--public-key", public).startswith("cannot read the file or the key: ")
    assert newcomer.refuses("audit", "verify", str(file), "--public-key", "%%%").startswith("cannot read the file or the key: ")


def test_an_export_with_another_seal_key_is_refused_and_an_earlier_one_is_said(newcomer: Desk) -> None:
    first, second = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
    url = f"sqlite:///{newcomer.folder / 'trail.db'}"
    newcomer.settings |= {"GENGFU_DATABASE_URL": url, "GENGFU_DATA_KEYS": f"a:{base64.b64encode(bytes(32)).decode()}"}
    database = Database(url)
    migrate(database)

    def sealed(by: Ed25519PrivateKey) -> None:
        database.write(lambda tx: append_personal(tx, "li.na", at=START, actor="li.na", verb="refused"))
        database.write(lambda tx: seal(tx, START, by))

    def export(seed: int) -> subprocess.CompletedProcess[str]:
        newcomer.settings["GENGFU_SEAL_KEY"] = base64.b64encode(bytes([seed] * 32)).decode()
        return newcomer.gengfu("audit", "export")

    sealed(first)
    whole, strange = export(1), export(2)
    assert (whole.returncode, whole.stderr.startswith("public key ")) == (0, True)
    assert (strange.returncode, strange.stdout) == (1, "")
    assert "is not the key that the trail is sealed with: seal 1 carries another signature" in strange.stderr
    sealed(second)
    later = export(2)
    assert later.returncode == 0
    assert later.stderr.startswith("gengfu: WARNING: seal 1 carries the signature of another key")
    assert export(1).returncode == 1, "the newest seal counts"
    database.close()


def test_a_seal_that_came_by_mail_is_looked_for_in_the_file(desk: Desk) -> None:
    desk.gengfu("migrate")
    database = Database(desk.settings["GENGFU_DATABASE_URL"])
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(KEY))
    database.write(lambda tx: append_personal(tx, "li.na", at=START, actor="li.na", verb="refused"))
    row = database.write(lambda tx: seal(tx, START, key))
    database.close()
    assert row is not None
    file, mailed = str(desk.folder / "trail.jsonl"), f"1:{row.hash}"
    public = desk.gengfu("audit", "export", "--output", file).stdout.split("public key ")[1].strip()
    found = desk.gengfu("audit", "verify", file, "--public-key", public, "--seal", f" {mailed.upper()} ")
    assert found.returncode == 0
    assert f"fingerprint {fingerprint(key.public_key().public_bytes_raw())}" in found.stdout
    missing = desk.gengfu("audit", "verify", file, "--public-key", public, "--seal", mailed, "--seal", f"2:{row.hash}")
    assert (missing.returncode, "seal_unknown: seal=2" in missing.stdout) == (1, True)
    assert "give NUMBER:HASH" in desk.refuses("audit", "verify", file, "--public-key", public, "--seal", "97")


def piped(desk: Desk, public: str) -> str:
    """The trail on standard output, the key beside it on standard error."""
    done = desk.gengfu("audit", "export")
    assert (done.returncode, done.stderr) == (0, f"public key {public}\n")
    return done.stdout
