"""The seals leave the house: one mail a day to each auditor, over a real mail server; what is pasted from it catches a forged trail."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.bootstrap import SAMPLE_PLAN, Parts, build
from bot.config import read_settings
from bot.doctor import Doctor
from bot.seal_mail import mail_seals
from storage.audit import append_personal, export_lines
from storage.database import Database
from storage.plan import load_plan
from storage.seals import seal
from storage.verify import fingerprint, verify_lines
from tests.firm import KEYS
from tests.letterbox import Letterbox
from tests.make import Clock
from tests.ready import with_schema

AUDITOR = "shi.lei@example.com"


@dataclass
class Firm:
    """One firm, two replicas."""

    parts: Parts
    other: Parts
    clock: Clock

    @property
    def public(self) -> bytes:
        return self.parts.seal_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def acts(self, times: int = 1) -> None:
        """So many acts, each sealed."""
        for _ in range(times):
            self.parts.database.write(lambda tx: append_personal(tx, "li.na", at=self.clock(), actor="li.na", verb="acted"))
            self.parts.database.write(lambda tx: seal(tx, self.clock(), self.parts.seal_key))

    def knocks(self) -> list[int]:
        """Both replicas, as the scheduler has them knock; then what waits goes out."""
        told = [self._knock(replica) for replica in (self.parts, self.other)]
        asyncio.run(self._sends())
        return told

    def _knock(self, replica: Parts) -> int:
        words, organization = replica.words, replica.plans.organization
        return replica.database.write(lambda tx: mail_seals(tx, words, organization, self.public, self.clock()))

    async def _sends(self) -> None:
        while await self.parts.worker.outbox_turn():
            pass

    def export(self) -> list[str]:
        return self.parts.database.read(lambda tx: list(export_lines(tx, now=self.clock(), public_key=self.public)))


def settings(folder: Path, port: int | None, locale: str = "zh") -> dict[str, str]:
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "SMTP_FROM": "gengfu@example.com"} if port else {}
    return {**KEYS, "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}", "GENGFU_LOCALE": locale, "GENGFU_CONSOLE": "on", **mail}


@contextmanager
def firm(folder: Path, port: int, locale: str = "zh") -> Iterator[Firm]:
    database = Database(settings(folder, port)["GENGFU_DATABASE_URL"])
    with_schema(database)
    database.close()
    clock = Clock()
    one, other = (build(read_settings(settings(folder, port, locale), None), now=clock) for _ in range(2))
    try:
        yield Firm(one, other, clock)
    finally:
        one.close()
        other.close()


def test_one_mail_a_day_and_none_without_a_new_seal(tmp_path: Path, letterbox: tuple[Letterbox, int]) -> None:
    box, port = letterbox
    with firm(tmp_path, port) as house:
        assert house.knocks() == [0, 0], "nothing was ever sealed"
        house.acts(3)
        assert sum(house.knocks()) == 1, "two replicas, one mail"
        house.acts()
        assert house.knocks() == [0, 0], "one a day"
        house.clock.pass_time(hours=24)
        assert sum(house.knocks()) == 1
        house.clock.pass_time(hours=24)
        assert house.knocks() == [0, 0], "a day without a new seal"
    assert [to for to, _ in box.letters] == [AUDITOR, AUDITOR]
    first, second = (text for _, text in box.letters)
    assert "新增封印 1 至 3" in first
    assert "新增封印 4 至 4" in second


def test_at_night_nobody_is_written_to(tmp_path: Path, letterbox: tuple[Letterbox, int]) -> None:
    box, port = letterbox
    with firm(tmp_path, port) as house:
        house.acts()
        house.clock.now = house.clock.now.replace(hour=16, minute=30)  # half past midnight in Shanghai
        assert house.knocks() == [0, 0]
        house.clock.pass_time(hours=6)
        assert sum(house.knocks()) == 1
    assert len(box.letters) == 1


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_what_is_pasted_from_the_mail_catches_a_trail_that_was_written_anew(
    tmp_path: Path, letterbox: tuple[Letterbox, int], locale: str
) -> None:
    box, port = letterbox
    with firm(tmp_path / "true", port, locale) as house:
        house.acts(2)
        assert sum(house.knocks()) == 1
        house.acts()
        honest, public = house.export(), house.public
    with firm(tmp_path / "false", port) as house:  # the same key, another story: signed as well as the true one
        house.clock.pass_time(minutes=1)
        house.acts(3)
        forged = house.export()
    ((_, text),) = box.letters
    number, seal_hash = re.findall(r"--seal (\d+):([0-9a-f]{64})", text)[0]
    known = [(int(number), seal_hash)]
    assert verify_lines(honest, public, known).ok
    assert verify_lines(forged, public).ok, "which nobody could tell without the mail"
    assert [finding.code for finding in verify_lines(forged, public, known).findings] == ["seal_unknown"]
    assert fingerprint(public) in text
    assert "ed25519-sha256" in text


def test_the_doctor_says_whether_seals_leave_the_house(tmp_path: Path) -> None:
    def says(port: int | None, **more: str) -> str:
        lines: list[str] = []
        Doctor(read_settings({**settings(tmp_path, port, "en"), **more}, None), Clock()).run(lines.append)
        return next(line for line in lines if "seals" in line and "keys" not in line)

    assert says(None).startswith("attention  seals: without mail, seals stay in the house")
    assert says(9) == "ok  seals: go to 1 auditors by mail once a day"
    copy = tmp_path / "plan"
    for source in SAMPLE_PLAN.rglob("*"):
        if source.is_file():
            target = copy / source.relative_to(SAMPLE_PLAN)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    file = copy / "organization.toml"
    file.write_text(file.read_text("utf-8").replace(f'email = "{AUDITOR}"\n', ""), "utf-8")
    assert load_plan(copy).organization.people["shi.lei"].email == ""
    assert says(9, GENGFU_PLAN_DIR=str(copy)).startswith("attention  seals: no auditor can be written to")
