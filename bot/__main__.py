"""The command line: `gengfu <command>`; every command either works or says in one sentence what to change."""

import argparse
import asyncio
import base64
import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.app import create_app
from bot.bootstrap import build, plan_folder, real_now
from bot.config import Settings, demo_settings, read_settings
from bot.doctor import Doctor
from bot.headless import play
from bot.headless_scenarios import FIRST_SCENARIO, names
from bot.logs import log_uncaught, setup
from bot.plan_cli import check_command, diff_command, show_command
from bot.token_cli import USUAL, list_command, new_command, revoke_command
from bot.web.bell import Bell
from storage.audit import export_lines
from storage.database import Database
from storage.plan import PlanError
from storage.schema import migrate, require_current
from storage.verify import Report, foreign_seals, last_seal, verify_lines
from workflows.core.errors import BadConfig

GOOD, BAD, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 good, 1 the thing asked about is bad, 2 usage or configuration."""
    given = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except BadConfig as error:
        print(f"gengfu: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # whoever read our output has seen enough; what is left must not be flushed into the void at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BAD
    except OSError as error:
        if error.filename is None:
            raise
        print(f"gengfu: cannot use {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return GOOD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gengfu", description="更夫 · the night watchman of a securities firm's emergency office")
    commands = parser.add_subparsers(required=True, metavar="command")

    demo = commands.add_parser("demo", help="a sample firm with the built-in chat, in var/ of this folder")
    demo.add_argument("--headless", action="store_true", help="play a whole incident in the terminal, at speed")
    demo.add_argument("--scenario", help=f"which one (with --headless): {', '.join(names())}; left out: {FIRST_SCENARIO}")
    demo.set_defaults(run=_demo)

    commands.add_parser("serve", help="run the bot").set_defaults(run=_serve)
    commands.add_parser("migrate", help="bring the database schema forward").set_defaults(run=_migrate)

    doctor = commands.add_parser("doctor", help="is everything set up? settings, database, plan, Feishu, mail, SMS, each with the remedy")
    doctor.add_argument("--verbose", action="store_true", help="name who cannot be reached, not only how many")
    doctor.add_argument("--send-to", metavar="ADDRESS", default="", help="send one test mail there (nothing is sent without it)")
    doctor.add_argument(
        "--link-people", action="store_true", help="look the plan's people up on Feishu; prints lines for organization.toml"
    )
    doctor.set_defaults(run=_doctor)

    plan = commands.add_parser("plan", help="check, show or compare the emergency plan").add_subparsers(
        required=True, metavar="check|show|diff"
    )
    for name, run, text in (("check", _plan_check, "find what is wrong in the plan"), ("show", _plan_show, "the plan in words")):
        one = plan.add_parser(name, help=text)
        one.add_argument("folder", nargs="?", type=Path, help="the plan's folder (default: the configured one)")
        one.set_defaults(run=run)
        if name == "show":
            text = "also what a database keeps beside the plan: leave and changes of duty (default: the configured one)"
            one.add_argument("--database", nargs="?", const="", metavar="URL", help=text)
    diff = plan.add_parser("diff", help="what changes from one plan to another, in words")
    diff.add_argument("before", type=Path, metavar="A", help="the folder of the plan that was")
    diff.add_argument("after", type=Path, metavar="B", help="the folder of the plan that is to be")
    diff.set_defaults(run=_plan_diff)

    audit = commands.add_parser("audit", help="export or verify the trail").add_subparsers(required=True, metavar="export|verify")
    export = audit.add_parser("export", help="write the trail as JSON lines to standard output or a file")
    export.add_argument("--output", type=Path, help="the file to write")
    export.set_defaults(run=_audit_export)
    verify = audit.add_parser("verify", help="verify an exported file, away from the system")
    verify.add_argument("file", type=Path)
    verify.add_argument(
        "--public-key", required=True, help="base64, as `gengfu audit export` prints it; from whom you trust, not from the file"
    )
    verify.set_defaults(run=_audit_verify)

    token = commands.add_parser("token", help="let programs act as a person of the plan").add_subparsers(
        required=True, metavar="new|revoke|list"
    )
    new = token.add_parser("new", help="make a token; it is shown once")
    new.add_argument("--person", required=True, help="the id of the person it acts as, like li.na")
    new.add_argument("--scope", required=True, help="what it may do: read, command, ingest, joined by commas")
    new.add_argument("--days", type=int, default=USUAL, help=f"how long it works (default {USUAL})")
    new.add_argument("--name", default="", help="what it is for, to be recognised by")
    new.set_defaults(run=_token_new)
    revoke = token.add_parser("revoke", help="end a token at once")
    revoke.add_argument("id", help="its id, as `token new` and `token list` show it; the first characters are enough")
    revoke.set_defaults(run=_token_revoke)
    token.add_parser("list", help="all tokens, and when each was last used").set_defaults(run=_token_list)

    bench = commands.add_parser("bench", help="speed and size, against a floor measured in the same run")
    bench.add_argument("--quick", action="store_true", help="small figures, to see that it runs")
    bench.set_defaults(run=_bench)
    return parser


def _settings() -> Settings:
    return read_settings(os.environ, Path(".env") if Path(".env").exists() else None)


def _demo(given: argparse.Namespace) -> int:
    if given.headless:
        setup("ERROR", sys.stderr)
        return play(given.scenario or FIRST_SCENARIO, print)
    if given.scenario:
        raise BadConfig("a scenario is played in the terminal: gengfu demo --headless --scenario NAME")
    settings = demo_settings(Path(), os.environ, Path(".env") if Path(".env").exists() else None)
    with _listening(settings.host, settings.port) as door:
        _migrated(settings)
        greeting = f"更夫 Gengfu · demo: {settings.public_url}/console   (Ctrl-C stops it; a second run keeps the data; "
        return _run(settings, "WARNING", door, f"{greeting}make demo-reset forgets it)")


def _serve(given: argparse.Namespace) -> int:
    settings = _settings()
    with _listening(settings.host, settings.port) as door:
        return _run(settings, "INFO", door)


def _listening(host: str, port: int) -> socket.socket:
    """The door, open before anything else is touched: when the port is taken nothing has happened yet."""
    try:
        family, kind, _, _, address = min(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), key=lambda found: found[0])
    except OSError:
        raise BadConfig(f"GENGFU_HOST is {host!r}, which this machine cannot find; give an address of its own, like 127.0.0.1") from None
    door = socket.socket(family, kind)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(2048)
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            raise BadConfig(f"port {port} on {host} is in use; stop what listens there, or set GENGFU_PORT to another port") from None
        raise BadConfig(f"cannot listen on {host} port {port} ({error.strerror}); change GENGFU_HOST or GENGFU_PORT") from None
    return door


class _Server(uvicorn.Server):
    """Stops at the first signal, open event streams included, and does not raise the signal again: being stopped is no failure."""

    def __init__(self, config: uvicorn.Config, bell: Bell) -> None:
        super().__init__(config)
        self._bell = bell

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._bell.close()
        await super().shutdown(sockets)


def _run(settings: Settings, level: str, door: socket.socket, greeting: str = "") -> int:
    setup(level, sys.stderr)
    log_uncaught()
    parts = build(settings)
    if greeting:
        print(greeting, flush=True)
    config = uvicorn.Config(
        create_app(parts),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, parts.pages)
    asyncio.run(server.serve([door]))
    return GOOD if server.started else BAD


def _migrated(settings: Settings) -> tuple[str | None, str]:
    database = Database(settings.database_url.reveal())
    try:
        return migrate(database)
    finally:
        database.close()


def _migrate(given: argparse.Namespace) -> int:
    before, after = _migrated(_settings())
    print(f"schema {after}" if before == after else f"schema {before or 'empty'} -> {after}")
    return GOOD


def _doctor(given: argparse.Namespace) -> int:
    setup("CRITICAL", sys.stderr)  # what a check meets stands in its line
    doctor = Doctor(_settings(), real_now, verbose=given.verbose)
    say = partial(print, flush=True)
    return doctor.link_people(say) if given.link_people else doctor.run(say, given.send_to)


def _plan_check(given: argparse.Namespace) -> int:
    settings = _settings()
    today = real_now().astimezone(settings.timezone).date()
    code, text = check_command(given.folder or plan_folder(settings), settings.locale, today)
    print(text)
    return code


def _plan_diff(given: argparse.Namespace) -> int:
    code, text = diff_command(given.before, given.after, _settings().locale)
    print(text)
    return code


def _plan_show(given: argparse.Namespace) -> int:
    settings = _settings()
    database = None if given.database is None else Database(given.database or settings.database_url.reveal())
    try:
        if database is not None:
            require_current(database)
        print(show_command(given.folder or plan_folder(settings), settings.locale, real_now(), settings.timezone, database))
    except PlanError as error:
        print(f"gengfu: {error}", file=sys.stderr)
        return BAD
    finally:
        if database is not None:
            database.close()
    return GOOD


def _audit_export(given: argparse.Namespace) -> int:
    settings = _settings()
    key = Ed25519PrivateKey.from_private_bytes(settings.keys().seal.reveal())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    database = Database(settings.database_url.reveal())
    try:
        require_current(database)
        lines = database.read(lambda tx: list(export_lines(tx, now=real_now(), public_key=public)))
    finally:
        database.close()
    text = "".join(line + "\n" for line in lines)
    foreign = foreign_seals(lines, public)
    if foreign:
        newest = foreign[-1] == last_seal(lines)
        print(f"gengfu: {_not_ours(foreign, public, newest=newest)}", file=sys.stderr)
        if newest:
            return BAD
    if given.output:
        given.output.write_text(text, encoding="utf-8")
        print(f"{len(lines)} lines in {given.output}; public key {base64.b64encode(public).decode()}")
    else:
        print(text, end="")
        print(f"public key {base64.b64encode(public).decode()}", file=sys.stderr)
    return GOOD


def _not_ours(foreign: Sequence[int], public: bytes, *, newest: bool) -> str:
    ours, seals = base64.b64encode(public).decode(), f"{foreign[0]} to {foreign[-1]}" if len(foreign) > 1 else f"{foreign[0]}"
    if newest:
        return (
            f"GENGFU_SEAL_KEY (public half {ours}) is not the key that the trail is sealed with: seal {seals} carries another signature. "
            "Nothing was written; set GENGFU_SEAL_KEY to the key that the server runs with"
        )
    return (
        f"WARNING: seal {seals} carries the signature of another key than GENGFU_SEAL_KEY (public half {ours}); "
        "whoever verifies this file with this key will see them as forged, and needs the earlier public key for them"
    )


def _audit_verify(given: argparse.Namespace) -> int:
    try:
        key = base64.b64decode(given.public_key, validate=True)
        with given.file.open(encoding="utf-8") as lines:
            report = verify_lines(lines, key)
    except (ValueError, OSError) as error:
        raise BadConfig(f"cannot read the file or the key: {error}") from None
    print(_told(report))
    return GOOD if report.ok else BAD


def _told(report: Report) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in dict(report.counts).items())
    head = "the trail is whole" if report.ok else "THE TRAIL IS NOT WHOLE"
    found = [f"  {finding.code}: " + ", ".join(f"{k}={v}" for k, v in dict(finding.values).items()) for finding in report.findings]
    return "\n".join([f"{head} ({counts})", *found])


def _token_new(given: argparse.Namespace) -> int:
    secret, beside = new_command(_settings(), given.person, given.scope, given.days, given.name)
    print(secret)
    print(beside, file=sys.stderr)
    return GOOD


def _token_revoke(given: argparse.Namespace) -> int:
    print(revoke_command(_settings(), given.id))
    return GOOD


def _token_list(given: argparse.Namespace) -> int:
    print(list_command(_settings()))
    return GOOD


def _bench(given: argparse.Namespace) -> int:
    from bot.bench import run_all  # measuring tools are not loaded by a server

    return run_all(quick=given.quick, say=print)


if __name__ == "__main__":
    sys.exit(main())
