"""The main job on WeCom by each of its deployments, before a stand-in that lets no mistake pass."""

from pathlib import Path

import pytest

from tests import wecom_page
from tests.wecom_firm import Mode


@pytest.mark.parametrize("mode", wecom_page.HEADS)
def test_the_main_job_reads_as_its_page(mode: Mode, tmp_path: Path) -> None:
    told = (wecom_page.PAGES / f"{mode}.md").read_text("utf-8")
    assert wecom_page.page(tmp_path, mode) == told, "if it is meant: python -m tests.wecom_page"
