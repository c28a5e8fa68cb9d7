"""The main job on Feishu, over callbacks and again over the long connection, before a stand-in that lets no mistake pass."""

from pathlib import Path

import pytest

from tests.feishu_firm import Mode
from tests.feishu_page import PAGE, page


@pytest.mark.parametrize("mode", ["http", "ws"])
def test_the_main_job_reads_as_its_page(mode: Mode, tmp_path: Path) -> None:
    assert page(tmp_path, mode) == PAGE.read_text("utf-8"), "if it is meant: python -m tests.feishu_page"
