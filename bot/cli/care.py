"""`gengfu doctor`, `watch` and `bench`: is it well, does it stay so, how fast is it?"""

import argparse
import signal
import sys
from functools import partial

from bot.bootstrap import plan_folder, real_now
from bot.cli import BAD, GOOD, settings_of_here
from bot.doctor import Doctor
from bot.logs import setup
from bot.watch import Given
from bot.watch import watch as keep_watch
from storage.plan import load_plan


def doctor(given: argparse.Namespace) -> int:
    setup("CRITICAL", sys.stderr)  # what a check meets stands in its line
    doctor = Doctor(settings_of_here(), real_now, verbose=given.verbose)
    say = partial(print, flush=True)
    return doctor.link_people(say) if given.link_people else doctor.run(say, given.send_to)


def watch(given: argparse.Namespace) -> int:
    setup("CRITICAL", sys.stderr)  # what a look meets stands in its line
    settings = settings_of_here()
    asked = Given(given.url.rstrip("/"), tuple(given.to), given.minutes, given.once, given.state)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by a service manager as by Ctrl-C
    well = keep_watch(asked, settings, lambda: load_plan(plan_folder(settings)).organization, real_now, partial(print, flush=True))
    return GOOD if well else BAD


def bench(given: argparse.Namespace) -> int:
    from bot.bench import run_all  # measuring tools are not loaded by a server

    return run_all(quick=given.quick, say=print)
