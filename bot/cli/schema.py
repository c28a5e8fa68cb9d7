"""`gengfu migrate`."""

import argparse

from bot.cli import GOOD, settings_of_here
from bot.config import Settings
from storage.database import Database
from storage.schema import migrate


def migrated(settings: Settings) -> tuple[str | None, str]:
    database = Database(settings.database_url.reveal())
    try:
        return migrate(database)
    finally:
        database.close()


def forward(given: argparse.Namespace) -> int:
    before, after = migrated(settings_of_here())
    print(f"schema {after}" if before == after else f"schema {before or 'empty'} -> {after}")
    return GOOD
