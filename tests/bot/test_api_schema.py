"""Schemathesis against the description we give of ourselves: whatever is sent, nothing breaks."""

from collections.abc import Iterator

import pytest

from tests.bot.api_world import program
from tests.bot.web_world import House, made
from tests.make import Clock

#: For each operation; two of them open incidents, which takes its time.
EXAMPLES = 40


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = made(tmp_path_factory.mktemp("schema"), Clock())
    assert program(found, "li.na").says("/incident open type=system_failure 行情中断").status_code == 200
    yield found
    found.parts.close()
