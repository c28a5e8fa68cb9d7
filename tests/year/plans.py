"""The plan of the simulated year, edited every few weeks: other waits, another ladder, another pace of regulators' clocks."""

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from tests.world import SMALL_PLAN
from tests.year.script import START

#: What stands in the response, and what it is edited to.
_EDITS = {
    'progress_grace = "PT30M"': ('progress_grace = "PT30M"', 'progress_grace = "PT20M"', 'progress_grace = "PT45M"'),
    'claim_within = "PT15M"': ('claim_within = "PT15M"', 'claim_within = "PT12M"'),
    'verify_within = "PT2H"': ('verify_within = "PT2H"', 'verify_within = "PT1H30M"'),
    'quiet = { from = "22:00", to = "07:30" }': ('quiet = { from = "22:00", to = "07:30" }', 'quiet = { from = "23:00", to = "07:00" }'),
    'to = ["lead.deputy"]': ('to = ["lead.deputy"]', 'to = ["lead"]'),
    'overdue_repeat = "PT15M"': ('overdue_repeat = "PT15M"', 'overdue_repeat = "PT20M"'),
}

_REPORT = """
[[obligation]]
id = "csrc_first_phone"
name = "证监局首报"
name_en = "First report to the CSRC bureau"
when = {}
clock = "known"
calendar = "continuous"
within = { any = "{within}" }
to = ["属地证监局"]
doer = "office"
binding = "default"
confidence = "unverified"
basis = "模拟"
"""


def plan_of(seed: int, folder: Path, at: datetime) -> Path:
    """The plan as it stands at `at`; the first who needs an edition makes it."""
    edition = (at - START) // timedelta(days=20)
    plan = folder / f"plan-{edition}"
    if not plan.exists():
        fresh = folder / f"plan-{edition}-{os.getpid()}"
        shutil.copytree(SMALL_PLAN, fresh)
        _edit(fresh, Random(f"{seed}:plan:{edition}"))
        fresh.rename(plan)
    return plan


def _edit(plan: Path, chance: Random) -> None:
    response, obligations = plan / "response.toml", plan / "obligations.toml"
    text = response.read_text(encoding="utf-8")
    for found, others in _EDITS.items():
        assert found in text, f"{found} is not in the plan"
        text = text.replace(found, chance.choice(others))
    response.write_text(text, encoding="utf-8")
    within = chance.choice(("PT30M", "PT1H", "PT2H"))
    obligations.write_text(obligations.read_text(encoding="utf-8") + _REPORT.replace("{within}", within), encoding="utf-8")
