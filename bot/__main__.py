"""The command line: `gengfu <command>`; every command either works or says in one sentence what to change."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from bot.cli import BAD, GOOD, USAGE
from bot.headless_scenarios import FIRST_SCENARIO, names
from workflows.core.errors import BadConfig

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


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


def _late(name: str) -> Callable[[argparse.Namespace], int]:
    """The function `module:name` of `bot.cli`, loaded when it is asked for: a command does not wait for what the others need."""

    def run(given: argparse.Namespace) -> int:
        module, _, function = name.partition(":")
        found: Callable[[argparse.Namespace], int] = getattr(import_module(f"bot.cli.{module}"), function)
        return found(given)

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gengfu", description="更夫 · the night watchman of a securities firm's emergency office")
    commands = parser.add_subparsers(required=True, metavar="command")
    for add in (_add_server, _add_plan, _add_audit, _add_token, _add_care):
        add(commands)
    return parser


def _add_server(commands: Commands) -> None:
    demo = commands.add_parser("demo", help="a sample firm with the built-in chat, in var/ of this folder")
    demo.add_argument("--headless", action="store_true", help="play a whole incident in the terminal, at speed")
    demo.add_argument("--scenario", help=f"which one (with --headless): {', '.join(names())}; left out: {FIRST_SCENARIO}")
    demo.set_defaults(run=_late("serving:demo"))

    commands.add_parser("serve", help="run the bot").set_defaults(run=_late("serving:serve"))
    commands.add_parser("migrate", help="bring the database schema forward").set_defaults(run=_late("schema:forward"))


def _add_plan(commands: Commands) -> None:
    plan = commands.add_parser("plan", help="check, show, compare or preview the emergency plan, fill in its calendar").add_subparsers(
        required=True, metavar="check|show|diff|preview|calendar|thresholds"
    )
    for name, run, text in (("check", "plan:check", "find what is wrong in the plan"), ("show", "plan:show", "the plan in words")):
        one = plan.add_parser(name, help=text)
        one.add_argument("folder", nargs="?", type=Path, help="the plan's folder (default: the configured one)")
        one.set_defaults(run=_late(run))
        if name == "show":
            text = "also what a database keeps beside the plan: leave and changes of duty (default: the configured one)"
            one.add_argument("--database", nargs="?", const="", metavar="URL", help=text)
    calendar = plan.add_parser("calendar", help="fill in a year of calendar.toml, from the official notice")
    calendar.add_argument("folder", nargs="?", type=Path, help="the plan's folder (default: the configured one)")
    calendar.add_argument("--fill", required=True, type=int, metavar="YEAR", help="which year, like 2027")
    calendar.add_argument("--notice", metavar="FILE", help="the official notices as text, - for standard input (default: ask the packages)")
    calendar.add_argument("--write", action="store_true", help="write it into calendar.toml (nothing is written without it)")
    calendar.set_defaults(run=_late("plan:calendar"))
    thresholds = plan.add_parser("thresholds", help="the CSRC's grades: a form for compliance to fill in, and what was filled in")
    thresholds.add_argument("folder", nargs="?", type=Path, help="the plan's folder (default: the configured one)")
    which = thresholds.add_mutually_exclusive_group(required=True)
    which.add_argument("--form", type=Path, metavar="FILE", help="write the form, a spreadsheet (.csv) for Excel or WPS")
    which.add_argument("--import", type=Path, metavar="FILE", dest="filled", help="check what was filled in, and write thresholds.toml")
    thresholds.set_defaults(run=_late("plan:thresholds"))
    diff = plan.add_parser("diff", help="what changes from one plan to another, in words")
    diff.add_argument("before", type=Path, metavar="A", help="the folder of the plan that was")
    diff.add_argument("after", type=Path, metavar="B", help="the folder of the plan that is to be")
    diff.set_defaults(run=_late("plan:diff"))
    _add_preview(plan)


def _add_preview(plan: Commands) -> None:
    preview = plan.add_parser("preview", help="what the plan would make happen: who hears what, when, by which way; nothing is sent")
    preview.add_argument(
        "--incident",
        nargs="+",
        default=(),
        metavar="KEY=VALUE",
        help="type=system_failure, level=l2 (graded by hand so that it comes to that), and what /incident open and /incident grade take",
    )
    preview.add_argument("--ref", metavar="I1", default="", help="a live incident of the configured database instead, from now on")
    preview.add_argument("--at", metavar="TIME", default="", help='when it is reported, local, like "2026-09-30 16:00" (default: now)')
    text = "who never reacts; all others act at once on whatever they hear (default: nobody reacts)"
    preview.add_argument("--silent", nargs="+", metavar="PERSON", help=text)
    preview.add_argument("--for", dest="span", default="PT4H", metavar="SPAN", help="how far ahead, like PT24H (default PT4H)")
    preview.add_argument("--folder", type=Path, help="the plan's folder (default: the configured one)")
    preview.set_defaults(run=_late("plan:preview"))


def _add_audit(commands: Commands) -> None:
    audit = commands.add_parser("audit", help="export or verify the trail").add_subparsers(required=True, metavar="export|verify")
    export = audit.add_parser("export", help="write the trail as JSON lines to standard output or a file")
    export.add_argument("--output", type=Path, help="the file to write")
    export.set_defaults(run=_late("audit:export"))
    verify = audit.add_parser("verify", help="verify an exported file, away from the system")
    verify.add_argument("file", type=Path)
    verify.add_argument(
        "--public-key", required=True, help="base64, as `gengfu audit export` prints it; from whom you trust, not from the file"
    )
    mailed = "a seal that came by mail: the file must contain it (may be repeated)"
    verify.add_argument("--seal", action="append", default=[], metavar="NUMBER:HASH", help=mailed)
    verify.set_defaults(run=_late("audit:verify"))


def _add_token(commands: Commands) -> None:
    token = commands.add_parser("token", help="let programs act as a person of the plan").add_subparsers(
        required=True, metavar="new|revoke|list"
    )
    new = token.add_parser("new", help="make a token; it is shown once")
    new.add_argument("--person", required=True, help="the id of the person it acts as, like li.na")
    new.add_argument("--scope", required=True, help="what it may do: read, command, ingest, joined by commas")
    new.add_argument("--days", type=int, help="how long it works (default: a year)")
    new.add_argument("--name", default="", help="what it is for, to be recognised by")
    new.set_defaults(run=_late("token:new"))
    revoke = token.add_parser("revoke", help="end a token at once")
    revoke.add_argument("id", help="its id, as `token new` and `token list` show it; the first characters are enough")
    revoke.set_defaults(run=_late("token:revoke"))
    token.add_parser("list", help="all tokens, and when each was last used").set_defaults(run=_late("token:every"))


def _add_care(commands: Commands) -> None:
    doctor = commands.add_parser(
        "doctor", help="is everything set up? settings, database, plan, messengers, mail, SMS, each with the remedy"
    )
    doctor.add_argument("--verbose", action="store_true", help="name who cannot be reached, not only how many")
    doctor.add_argument("--send-to", metavar="ADDRESS", default="", help="send one test mail there (nothing is sent without it)")
    doctor.add_argument(
        "--link-people",
        action="store_true",
        help="look the plan's people up on Feishu, WeCom and DingTalk; prints lines for organization.toml",
    )
    doctor.set_defaults(run=_late("care:doctor"))

    watch = commands.add_parser(
        "watch", help="a second pair of eyes, on another host: calls people by mail and telephone when the bot falls silent"
    )
    watch.add_argument("--url", default="", help="the bot's address (default: GENGFU_PUBLIC_URL)")
    watch.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="WHO",
        help="a mail address or telephone number; may be repeated (default: the plan's office: duty and leaders)",
    )
    watch.add_argument("--minutes", type=float, default=3.0, help="how long the silence may last (default 3)")
    watch.add_argument("--once", action="store_true", help="look once, for cron; exit code 1 when the bot is not well")
    watch.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="with --once: remembers there what was said, so that it is said every 30 minutes and not at every look",
    )
    watch.set_defaults(run=_late("care:watch"))

    bench = commands.add_parser("bench", help="speed and size, against a floor measured in the same run")
    bench.add_argument("--quick", action="store_true", help="small figures, to see that it runs")
    bench.set_defaults(run=_late("care:bench"))


if __name__ == "__main__":
    sys.exit(main())
