"""Every route of the application against every kind of visitor. A route that is new has to be written into the table first."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from storage.tokens import SCOPES, Scope
from tests.bot.api_world import program
from tests.bot.web_world import Browser, House, hidden, made
from tests.make import Clock

NAMES = ("nobody", "ended", "guest", "administrator", "auditor", "member", "office", "lead")
PEOPLE = {"administrator": "han.tao", "auditor": "shi.lei", "member": "yang.fan", "office": "wu.di", "lead": "lin.yue"}
ROOM = "dm:yang.fan"

OPEN = dict.fromkeys(NAMES, 200)
"""says the same to everybody"""
LOGIN = {name: 200 if name in PEOPLE else 401 for name in NAMES}
MINE = {name: 404 if name in PEOPLE else 401 for name in NAMES} | {"member": 200}
"""the member's own chat"""
FORM = {name: 403 if name in PEOPLE else 401 for name in NAMES}
"""a form without its token"""

#: "METHOD path" -> status by kind of visitor, with a path filled in from PATHS and no form or body given.
EXPECTED: dict[str, Mapping[str, int]] = {
    "GET /healthz": OPEN,
    "GET /readyz": dict.fromkeys(NAMES, 503),  # no loop turns here
    "GET /metrics": OPEN,
    "GET /": OPEN,
    "GET /static/{name}": OPEN,
    "GET /login": {name: 303 if name in PEOPLE else 200 for name in NAMES},
    "GET /login/{token}": dict.fromkeys(NAMES, 410),
    "POST /login/{token}": dict.fromkeys(NAMES, 403),
    "GET /me": LOGIN,
    "POST /me/end": FORM,
    "POST /me/codes/new": FORM,
    "POST /me/codes/prove": FORM,
    "POST /me/codes/off": FORM,
    "POST /logout": {name: 403 if name in PEOPLE else 303 for name in NAMES},
    "GET /f/{token}": dict.fromkeys(NAMES, 410),
    "POST /f/{token}": dict.fromkeys(NAMES, 403),
    "GET /console": LOGIN,
    "GET /console/static/{name}": OPEN,
    "GET /console/rooms": LOGIN,
    "GET /console/rooms/{room}/messages": MINE,
    "GET /console/events": {name: 401 for name in NAMES if name not in PEOPLE},  # an endless answer to all others: see below
    "POST /console/rooms/{room}/messages": {name: 415 if name in PEOPLE else 401 for name in NAMES},
    "POST /console/rooms/{room}/click": {name: 415 if name in PEOPLE else 401 for name in NAMES},
    "POST /console/rooms/{room}/read": {name: 415 if name in PEOPLE else 401 for name in NAMES},
    "POST /console/files": {name: 415 if name in PEOPLE else 401 for name in NAMES},
    "GET /console/files/{file}": {name: 404 if name in PEOPLE else 401 for name in NAMES},
    "GET /papers/{paper}": {name: 404 if name in PEOPLE else 401 for name in NAMES},
}
#: Of the API: no cookie opens it, whoever's it is. What a token opens stands below.
EXPECTED |= dict.fromkeys(
    (
        *(f"GET /api/v1/{list_}" for list_ in ("incidents", "incidents/{ref}", "tasks", "approvals", "reports", "statements", "audit")),
        *(f"GET /api/v1/{list_}" for list_ in ("enquiries", "rumours")),
        *("POST /api/v1/commands", "POST /ingest/alert", "POST /ingest/alertmanager"),
    ),
    dict.fromkeys(NAMES, 401),
) | {"GET /openapi.json": OPEN, "GET /docs": OPEN}
READS = {"administrator": 403, "auditor": 200, "member": 200, "office": 200, "lead": 200}
SENDS = dict.fromkeys(PEOPLE, 415)
"""gets as far as its body, which is none"""
#: The same by kind of person whose token it is, with the scope that it needs.
BY_TOKEN: Mapping[str, tuple[Scope, Mapping[str, int]]] = {
    "GET /api/v1/incidents": ("read", READS),
    "GET /api/v1/incidents/{ref}": ("read", {**dict.fromkeys(PEOPLE, 404), "administrator": 403}),
    "GET /api/v1/tasks": ("read", READS),
    "GET /api/v1/approvals": ("read", READS),
    "GET /api/v1/reports": ("read", READS),
    "GET /api/v1/statements": ("read", READS),
    "GET /api/v1/enquiries": ("read", READS),
    "GET /api/v1/rumours": ("read", READS),
    "GET /api/v1/audit": ("read", {**dict.fromkeys(PEOPLE, 403), "auditor": 200}),
    "POST /api/v1/commands": ("command", SENDS),
    "POST /ingest/alert": ("ingest", SENDS | {"administrator": 403, "auditor": 403}),
    "POST /ingest/alertmanager": ("ingest", SENDS | {"administrator": 403, "auditor": 403}),
}
PATHS = {"{ref}": "I77", "{token}": "x" * 43, "{name}": "console.css", "{room}": ROOM, "{file}": "0123456789abcdef", "{paper}": "R77-1"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = made(tmp_path_factory.mktemp("doors"), Clock())
    found.parts.rooms.direct("yang.fan")
    yield found
    found.parts.close()


@pytest.fixture(scope="module")
def visitors(house: House) -> Mapping[str, Browser]:
    ended, guest = house.logged_in("wang.qiang"), house.browser()
    house.says("wang.qiang", "/login revoke")
    guest.cookies = {"gengfu-session": "guest"}
    return {"nobody": house.browser(), "ended": ended, "guest": guest} | {kind: house.logged_in(id) for kind, id in PEOPLE.items()}


def mounted(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route, also of routers that FastAPI keeps whole."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from mounted(inner.routes)


def routes(house: House) -> set[str]:
    return {f"{method} {route.path}" for route in mounted(house.app._app.routes) for method in route.methods}


def test_the_table_names_every_route_and_no_other(house: House) -> None:
    assert routes(house) == set(EXPECTED)
    odd = [route for route in mounted(house.app._app.routes) if not isinstance(route, APIRoute)]
    assert odd == [], "what the framework mounts by itself (documentation, OpenAPI) would have to be looked at too"


@pytest.mark.parametrize("route", sorted(EXPECTED))
def test_who_gets_what(house: House, visitors: Mapping[str, Browser], route: str) -> None:
    method, path = route.split(" ")
    for hole, value in PATHS.items():
        path = path.replace(hole, value)
    path += "?name=x.txt" if path == "/console/files" else ""
    found = {}
    for name in EXPECTED[route]:
        browser = visitors[name]
        kept = dict(browser.cookies)
        found[name] = browser.request(method, path).status_code
        browser.cookies = kept
    assert found == EXPECTED[route]


def test_the_table_of_tokens_names_every_route_of_the_api() -> None:
    assert set(BY_TOKEN) == {route for route in EXPECTED if " /api/" in route or " /ingest/" in route}


@pytest.mark.parametrize("route", sorted(BY_TOKEN))
def test_who_gets_what_by_a_token(house: House, route: str) -> None:
    method, path = route.split(" ")
    needed, expected = BY_TOKEN[route]
    for scope in SCOPES:
        held = {kind: program(house, person, scope) for kind, person in PEOPLE.items()}
        found = {kind: one.browser.request(method, path.replace("{ref}", "I77"), one.auth).status_code for kind, one in held.items()}
        assert found == (expected if scope == needed else dict.fromkeys(PEOPLE, 403)), scope


@pytest.mark.parametrize("kind", sorted(PEOPLE))
def test_nobody_acts_as_somebody_else_once_logged_in(house: House, visitors: Mapping[str, Browser], kind: str) -> None:
    for headers, query in (({"x-gengfu-as": "yang.fan"}, ""), ({}, "?as=yang.fan"), ({"x-gengfu-as": PEOPLE[kind]}, "")):
        answer = visitors[kind].request("GET", f"/console/rooms{query}", headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "login.no_acting")
    for path in ("/?as=lin.yue", "/console?as=lin.yue"):
        assert "林岳" not in visitors["member"].get(path).text.partition("data-config")[0]


def test_a_restricted_incident_is_on_the_board_of_those_only_who_may_see_it(house: House, visitors: Mapping[str, Browser]) -> None:
    assert house.says("lin.yue", "/incident open restricted=yes 内幕线索").error is None
    shown = {kind for kind in PEOPLE if "内幕线索" in visitors[kind].get("/").text}
    assert shown == {"auditor", "office", "lead"}
    assert "内幕线索" not in visitors["nobody"].get("/").text
    said = {"id": "event-9999", "kind": "text", "chat": ROOM, "text": "/incident show I1"}
    assert visitors["member"].says(ROOM, said).json()["error"] == "house.not_found"


def test_another_persons_chat_does_not_exist(house: House, visitors: Mapping[str, Browser]) -> None:
    said = {"id": "event-8888", "kind": "text", "chat": ROOM, "text": "/help"}
    for kind in ("office", "lead", "administrator"):
        answer = visitors[kind].says(ROOM, said)
        assert (answer.status_code, answer.json()["error"]) == (404, "console.no_room")


def test_the_page_of_ones_login_shows_ones_own_sessions_only(visitors: Mapping[str, Browser]) -> None:
    for kind in PEOPLE:
        page = visitors[kind].get("/me").text
        assert page.count("Chrome · Windows") == 1
        assert set(hidden(page)) == {"token", "value"}


def test_pages_with_forms_carry_strict_headers_and_nothing_inline(visitors: Mapping[str, Browser]) -> None:
    for path in ("/me", "/login/" + "x" * 43, "/f/" + "x" * 43):
        answer = visitors["office"].get(path)
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "same-origin")
        assert not any(inline in answer.text for inline in ("<script", "<style", " style=", " onclick"))


def test_with_the_console_off_there_is_a_login_and_no_console(tmp_path: Path) -> None:
    found = made(tmp_path, Clock(), GENGFU_CONSOLE="off")
    try:
        assert {route for route in EXPECTED if "/console" not in route} == routes(found)
        assert found.browser().get("/me").status_code == 401
    finally:
        found.parts.close()
