"""Schemathesis, against the description that the API gives of itself: whatever is sent, allowed or not, nothing breaks."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from tests.bot.api_world import Program, program
from tests.bot.web_world import House, made
from tests.make import Clock

#: For each operation, half of them allowed by the description.
EXAMPLES = 60
OPERATIONS = (
    "GET /api/v1/incidents", "GET /api/v1/incidents/{ref}", "GET /api/v1/tasks", "GET /api/v1/approvals", "GET /api/v1/reports",
    "GET /api/v1/statements", "GET /api/v1/enquiries", "GET /api/v1/rumours", "GET /api/v1/audit",
    "POST /api/v1/commands", "POST /ingest/alert", "POST /ingest/alertmanager",
)  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = made(tmp_path_factory.mktemp("schema"), Clock())
    assert program(found, "li.na").says("/incident open type=system_failure 行情中断").status_code == 200
    yield found
    found.parts.close()


@pytest.fixture(scope="module")
def spec(house: House) -> Mapping[str, Any]:
    found: Mapping[str, Any] = house.browser().get("/openapi.json").json()
    return found


def sent(held: Program, case: Case[Any]) -> httpx.Response:
    """The case as a request to the application: schemathesis' own client would start, and stop, everything that lives with it."""
    given = case.as_transport_kwargs(base_url=held.browser.base)
    headers = {name: value for name, value in dict(given["headers"]).items() if name.lower() not in ("authorization", "user-agent")}
    body = given.get("data")
    content = json.dumps(given["json"]).encode() if "json" in given else body.encode() if isinstance(body, str) else body
    latin = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
    path = given["url"].removeprefix(held.browser.base)
    return held.browser.request(given["method"], path, latin | held.auth, params=given.get("params"), content=content)


def test_the_description_names_the_operations_that_are_tried(spec: Mapping[str, Any]) -> None:
    assert set(OPERATIONS) == {f"{method.upper()} {path}" for path, methods in spec["paths"].items() for method in methods}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_that_is_sent_breaks_it(house: House, spec: Mapping[str, Any], operation: str) -> None:
    method, path = operation.split(" ")
    schema = schemathesis.openapi.from_dict(dict(spec))
    held = program(house, "shi.lei" if path.endswith("/audit") else "li.na")
    modes = [schema[path][method].as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]
    seen: set[int] = set()

    @given(case=st.one_of(modes))
    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def tried(case: Case[Any]) -> None:
        answer = sent(held, case)
        seen.add(answer.status_code)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        if answer.status_code >= 400 and answer.status_code not in (404, 405):
            assert set(answer.json()) == {"error", "text", "usage"}

    tried()
    assert (404 if "{" in path else 200) in seen, "nothing got as far as to be answered"
