"""The main job on Feishu, over callbacks and again over the long connection, before a stand-in that lets no mistake pass."""

from pathlib import Path

import pytest

from tests import feishu_duties, feishu_page
from tests.feishu_firm import Mode


@pytest.mark.parametrize("mode", ["http", "ws"])
def test_the_main_job_reads_as_its_page(mode: Mode, tmp_path: Path) -> None:
    assert feishu_page.page(tmp_path, mode) == feishu_page.PAGE.read_text("utf-8"), "if it is meant: python -m tests.feishu_page"


@pytest.mark.parametrize("mode", ["http", "ws"])
def test_a_regulators_duties_read_as_their_page(mode: Mode, tmp_path: Path) -> None:
    assert feishu_duties.page(tmp_path, mode) == feishu_duties.PAGE.read_text("utf-8"), "if it is meant: python -m tests.feishu_duties"
