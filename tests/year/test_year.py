"""A fortnight of the simulated year; the whole of it is run by hand (`python -m tests.year`)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.crash
def test_a_fortnight_of_the_year_holds() -> None:
    """In a process of its own, as it forks. What it prints begins with its seed, and ends with what did not hold."""
    command = [sys.executable, "-m", "tests.year", "--incidents", "6", "--days", "14", "--seed", "133"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    figures = json.loads(re.findall(r"^{.*}", ended.stdout, re.MULTILINE)[-1])
    assert figures["deaths"] > 0
    assert figures["jumped"] > 0, "timers were late because the clock was put forward"
