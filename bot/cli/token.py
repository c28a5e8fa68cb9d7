"""`gengfu token …`."""

import argparse
import sys

from bot.cli import GOOD, settings_of_here
from bot.token_cli import USUAL, list_command, new_command, revoke_command


def new(given: argparse.Namespace) -> int:
    secret, beside = new_command(settings_of_here(), given.person, given.scope, USUAL if given.days is None else given.days, given.name)
    print(secret)
    print(beside, file=sys.stderr)
    return GOOD


def revoke(given: argparse.Namespace) -> int:
    print(revoke_command(settings_of_here(), given.id))
    return GOOD


def every(given: argparse.Namespace) -> int:
    print(list_command(settings_of_here()))
    return GOOD
