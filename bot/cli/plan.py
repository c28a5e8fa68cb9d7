"""`gengfu plan …`."""

import argparse
import sys
from pathlib import Path

from bot.bootstrap import plan_folder, real_now
from bot.cli import BAD, GOOD, settings_of_here
from bot.plan_calendar import Filling, fill_command
from bot.plan_cli import check_command, diff_command, show_command
from bot.plan_thresholds import form_command, import_command
from bot.preview_cli import Asked, preview_command
from storage.database import Database
from storage.plan import PlanError
from storage.schema import require_current
from workflows.core.errors import BadConfig


def check(given: argparse.Namespace) -> int:
    settings = settings_of_here()
    today = real_now().astimezone(settings.timezone).date()
    code, text = check_command(given.folder or plan_folder(settings), settings.locale, today)
    print(text)
    return code


def diff(given: argparse.Namespace) -> int:
    code, text = diff_command(given.before, given.after, settings_of_here().locale)
    print(text)
    return code


def calendar(given: argparse.Namespace) -> int:
    if not 2000 <= given.fill <= 2099:
        raise BadConfig(f"--fill {given.fill}: give a year of this century, like 2027")
    settings = settings_of_here()
    notice = (
        None if given.notice is None else sys.stdin.read() if given.notice == "-" else Path(given.notice).read_text(encoding="utf-8-sig")
    )
    code, text = fill_command(given.folder or plan_folder(settings), settings.locale, Filling(given.fill, notice, given.write))
    print(text)
    return code


def thresholds(given: argparse.Namespace) -> int:
    settings = settings_of_here()
    folder = given.folder or plan_folder(settings)
    if given.form is not None:
        code, text = form_command(folder, settings.locale, given.form)
    else:
        code, text = import_command(folder, settings.locale, given.filled, real_now().astimezone(settings.timezone).date())
    print(text)
    return code


def show(given: argparse.Namespace) -> int:
    settings = settings_of_here()
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


def preview(given: argparse.Namespace) -> int:
    settings = settings_of_here()
    asked = Asked(tuple(given.incident), given.at, None if given.silent is None else tuple(given.silent), given.span, given.ref)
    return preview_command(given.folder or plan_folder(settings), settings, asked, real_now(), print)
