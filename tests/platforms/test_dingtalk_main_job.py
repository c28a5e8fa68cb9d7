"""The main job on DingTalk, over the stream and again over callbacks, before a stand-in that lets no mistake pass."""

from pathlib import Path

import pytest

from tests import dingtalk_page
from tests.dingtalk_firm import Mode


@pytest.mark.parametrize("mode", ["stream", "http"])
def test_the_main_job_reads_as_its_page(mode: Mode, tmp_path: Path) -> None:
    assert dingtalk_page.page(tmp_path, mode) == dingtalk_page.PAGES[mode].read_text("utf-8"), (
        "if it is meant: python -m tests.dingtalk_page"
    )
