"""The API: shapes as the contract has them, pages, one road for commands."""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import func, select

from bot.api.commands import Commands, commands_router
from bot.api.door import ApiDoor
from bot.api.keys import Keys
from storage import inbox
from storage.shelf import DatabaseShelf
from storage.tables.audit import AuditRow
from tests.bot.api_world import Program, program
from tests.bot.web_world import House, made
from tests.make import Clock

#: Section 5 of the contract, to the letter.
EXAMPLE = """
{"ref": "I1", "number": "INC-20261121-003", "title": "行情中断", "type": "system_failure", "playbooks": ["system_failure"], "state": "active",
 "drill": false, "restricted": false, "opened_at": "2026-11-21T01:41:00Z", "graded_at": "…Z", "commander": "li.na", "response_level": "l3", "plan": "sha256:…",
 "csrc_grade": "larger", "cac_grade": null,
 "opinion": {"level": "moderate", "total": 8, "provisional": true, "floor": null,
             "scores": {"incident_level": 2, "reach": 2, "spread": 2, "trend": 2}},
 "tasks": [{"ref": "T1", "code": "common.rollcall", "title": "…", "group": "office", "owner": null, "state": "open", "due_at": "…Z", "mandatory": true, "standing": false}],
 "approvals": [{"ref": "A1", "kind": "end", "state": "pending", "needed": ["lead.head"]}],
 "statements": [{"ref": "S1", "version": 2, "state": "submitted", "sha256": "…", "approvals": [{"by": "…", "at": "…"}], "needed": ["role:compliance"],
                 "publications": [{"channel": "website", "state": "done", "at": "…"}]}],
 "complaints": {"open": 3, "closed": 1, "agitated": 1, "refs": ["C1", "C2", "C3", "C4"]},
 "reports": [{"ref": "R1", "obligation": "csrc_first_phone", "state": "due", "deadline": "…Z", "binding": "default"}],
 "timeline": [{"at": "…Z", "actor": "li.na", "verb": "opened", "text": "…"}]}
"""  # noqa: E501 - as it stands there
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


@pytest.fixture
def li_na(house: House) -> Program:
    return program(house, "li.na")


def told(text: str, answer: httpx.Response) -> Any:
    assert (answer.status_code, answer.json().get("error")) == (200, None), text
    return answer.json()


# Shapes


SAID = hashlib.sha256("行情中断,正在恢复。".encode()).hexdigest()


def check(wanted: Any, found: Any, where: str) -> None:
    """Every key of the contract's example is there, with the same kind of value."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), where
        for name, value in wanted.items():
            assert name in found, f"{where}.{name} is missing"
            check(value, found[name], f"{where}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), where
        for number, one in enumerate(found):
            check(wanted[0], one, f"{where}[{number}]")
    elif where.endswith(("_at", ".at", ".deadline")):
        assert found is None or MOMENT.fullmatch(found), f"{where}: {found}"
    elif wanted is not None and found is not None:
        assert type(found) is type(wanted), f"{where}: {found!r}"


def test_an_incident_has_the_shape_of_the_contract_key_by_key(house: House, li_na: Program) -> None:
    told("open", li_na.says("/incident open type=system_failure 行情中断"))
    told("grade", li_na.says("/incident grade I1 csrc_grade=larger"))
    assert house.says("li.na", "/incident activate I1").error is None
    assert house.says("xu.jing", "/statement draft I1 text: 行情中断,正在恢复。").error is None
    assert house.says("xu.jing", "/statement submit S1").error is None
    assert house.says("chen.bo", "/approve A2").error is None
    found = told("show", li_na.get("/api/v1/incidents/I1"))
    check(json.loads(EXAMPLE), found, "incident")
    assert [found[one] for one in ("playbooks", "state", "commander", "csrc_grade")] == [["system_failure"], "open", "li.na", "larger"]
    assert found["plan"].startswith("sha256:")
    assert found["graded_at"] == "2026-03-10T06:00:00Z"
    assert (found["approvals"][0]["kind"], found["approvals"][0]["state"]) == ("activate", "pending")
    assert all(found[name] for name in ("tasks", "approvals", "statements", "reports", "timeline")), "an empty list proves nothing"
    assert found["complaints"] == {"open": 0, "closed": 0, "agitated": 0, "refs": []}
    (statement,) = found["statements"]
    named = ("ref", "version", "state", "sha256", "needed", "publications")
    assert [statement[name] for name in named] == ["S1", 1, "submitted", SAID, ["role:compliance"], []]
    assert statement["approvals"] == [{"by": "chen.bo", "at": "2026-03-10T06:00:00Z", "step": "technical", "approval": "A2"}]


@pytest.mark.parametrize("list_", ["incidents", "tasks", "approvals", "statements", "reports"])
def test_lists_have_the_shapes_of_what_they_list(house: House, li_na: Program, list_: str) -> None:
    told("open", li_na.says("/incident open type=system_failure 行情中断"))
    house.says("li.na", "/incident activate I1")
    house.says("xu.jing", "/statement draft I1 text: 行情中断,正在恢复。")
    found = told(list_, li_na.get(f"/api/v1/{list_}", limit=200))
    example = json.loads(EXAMPLE)
    whole = told("show", li_na.get("/api/v1/incidents/I1"))
    wanted = [whole] if list_ == "incidents" else whole[list_]
    assert found["next"] is None
    assert sorted(one["ref"] for one in found["items"]) == sorted(one["ref"] for one in wanted)
    plain = {
        name: value
        for name, value in example.items()
        if name not in ("tasks", "approvals", "statements", "complaints", "reports", "timeline")
    }
    check([plain] if list_ == "incidents" else example[list_], found["items"], list_)


def test_enquiries_and_rumours_are_counted_listed_and_name_no_contact(house: House, li_na: Program) -> None:
    told("open", li_na.says("/incident open type=system_failure 行情中断"))
    told("new", li_na.says("/enquiry new I1 outlet=财新 journalist=章某 contact=010-8888-0000 能登录了吗"))
    assert house.says("xu.jing", "/opinion rumour I1 reach=30000 资金没了").error is None
    assert house.says("xu.jing", "/enquiry decline Q1 还在核实").error is None
    assert house.says("xu.jing", "/enquiry remind I1").error is None
    whole = told("show", li_na.get("/api/v1/incidents/I1"))
    assert whole["enquiries"] == {"open": 0, "closed": 1, "refs": ["Q1"]}
    assert whole["rumours"] == {"open": 1, "closed": 0, "refs": ["M1"]}
    assert [(one["ref"], one["read"], one["others"], one["shown"]) for one in whole["reminders"]] == [("E1", 0, 0, 0)]
    (asked,) = told("enquiries", li_na.get("/api/v1/enquiries", incident="I1", state="declined"))["items"]
    assert [asked[name] for name in ("ref", "outlet", "reason", "answer")] == ["Q1", "财新", "还在核实", None]
    (said,) = told("rumours", li_na.get("/api/v1/rumours"))["items"]
    assert [said[name] for name in ("ref", "state", "claim", "reach", "finding")] == ["M1", "heard", "资金没了", 30000, None]
    trail = told("audit", program(house, "shi.lei", "read").get("/api/v1/audit", incident="I1", limit=200))
    everything = json.dumps([whole, asked, trail], ensure_ascii=False)
    assert not [one for one in ("章某", "010-8888-0000") if one in everything]


# Pages


def pages(program: Program, path: str, between: Any = lambda: None, **query: str | int) -> list[str]:
    """The refs of all pages, with something done between them."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = told(path, program.get(path, **query, **({"cursor": cursor} if cursor else {})))
        found += [one.get("ref") or f"{one['record']}/{one['version']}" for one in answer["items"]]
        assert len(answer["items"]) <= int(query.get("limit", 50))
        cursor = answer["next"]
        between()
    return found


def test_pages_neither_skip_nor_repeat_while_rows_are_added(house: House, li_na: Program) -> None:
    for number in range(12):
        told("open", li_na.says(f"/incident open 第 {number} 件"))
    before = [f"I{number}" for number in range(12, 0, -1)]
    again = iter(range(100))
    assert pages(li_na, "/api/v1/incidents", lambda: li_na.says(f"/incident open 又一件 {next(again)}"), limit=5) == before
    assert pages(li_na, "/api/v1/incidents", limit=4) == [f"I{number}" for number in range(15, 0, -1)], (
        "and a full page that is the last one"
    )


def test_the_trail_pages_through_every_row_once(house: House, li_na: Program) -> None:
    auditor = program(house, "shi.lei", "read")
    told("open", li_na.says("/incident open type=system_failure 行情中断"))
    told("update", li_na.says("/incident update I1 正在切换"))
    told("warm", auditor.get("/api/v1/audit"))
    count = house.parts.database.read(lambda tx: tx.exec(select(func.count()).select_from(AuditRow)).one())

    def later() -> None:
        house.clock.pass_time(seconds=1)
        told("update", li_na.says("/incident update I1 又一句"))

    found = pages(auditor, "/api/v1/audit", later, limit=7)
    assert len(found) == len(set(found)) == count
    versions = range(1, 3 + -(-count // 7))
    assert pages(auditor, "/api/v1/audit", incident="I1", record="I1") == [f"I1/{version}" for version in reversed(versions)]


def test_filters_narrow_and_what_is_unknown_is_refused(house: House, li_na: Program) -> None:
    told("open", li_na.says("/incident open type=system_failure 行情中断"))
    told("open", li_na.says("/incident open type=data_leak 泄露"))
    told("claim", li_na.says("/task claim T1"))
    mine = told("mine", li_na.get("/api/v1/tasks", owner="li.na"))["items"]
    assert [(one["ref"], one["state"]) for one in mine] == [("T1", "claimed")]
    assert {one["incident"] for one in told("of I2", li_na.get("/api/v1/tasks", incident="I2", limit=200))["items"]} == {"I2"}
    assert told("none", li_na.get("/api/v1/incidents", state="closed")) == {"items": [], "next": None}
    assert {one["group"] for one in told("group", li_na.get("/api/v1/tasks", group="office"))["items"]} == {"office"}
    wrong: list[dict[str, str | int]] = [
        {"state": "opne"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"cursor": "???"}, {"cursor": "WzFd"}, {"owner": "li.na"},
    ]  # fmt: skip
    for query in wrong:
        answer = li_na.get("/api/v1/incidents", **query)
        assert (answer.status_code, answer.json()["error"] in ("api.fields", "api.cursor")) == (422, True), query
        assert re.search("[一-鿿]", answer.json()["text"])
    assert li_na.get("/api/v1/tasks", incident="I9").status_code == 404


# Commands


def test_a_command_is_answered_with_ref_text_and_card(house: House, li_na: Program) -> None:
    opened = told("open", li_na.says("/事件 上报 类型=系统故障 行情中断"))
    assert set(opened) == {"ref", "text", "card"}
    assert opened["ref"] == "I1"
    assert opened["card"]["buttons"][0]["command"] == "/incident fact I1"
    claimed = told("claim", li_na.says("/task claim T1"))
    assert claimed["ref"] == "T1"
    house.settle()
    rooms = [room.name for room in house.parts.rooms.rooms_of("li.na")]
    assert any("行情中断" in name for name in rooms), "asked for from no messenger, the incident's room is made where one can be"


def test_refusals_have_a_key_a_sentence_and_a_usage(house: House, li_na: Program) -> None:
    told("open", li_na.says("/incident open 行情中断"))
    refused = {
        "/incident shwo I1": (422, ""),
        "/task claim T99": (404, "house.not_found"),
        "/task claim": (422, "house.which_task"),
        "/incident update I1": (409, "incident.update_empty"),
        "/incident downgrade I1 level=mild 理由": (403, "access.group"),
    }
    for text, (status, key) in refused.items():
        answer = li_na.says(text)
        assert answer.status_code == status, (text, answer.text)
        assert set(answer.json()) == {"error", "text", "usage"}
        assert not key or answer.json()["error"] == key
    assert li_na.says("/task claim").json()["usage"].startswith("用法:/任务 认领")


def test_in_a_chat_of_the_console_it_is_said_and_answered_there(house: House, li_na: Program) -> None:
    room = house.parts.rooms.direct("li.na")
    told("help", li_na.says("/whoami", f"console:{room}"))
    house.settle()
    lines = house.parts.rooms.messages(room, "li.na", 0, 100).lines
    assert [line.text for line in lines if line.author == "li.na"] == ["/whoami"]
    assert any("李娜" in line.text for line in lines if not line.author)
    other = li_na.says("/whoami", "console:dm:yang.fan")
    assert (other.status_code, other.json()["error"]) == (404, "console.no_room")
    for chat in ("feishu:oc_1", "console:x", "console:dm:\u0000", ""):
        assert (li_na.says("/whoami", chat).status_code, li_na.says("/whoami", chat).json()["error"]) == (422, "api.chat")


def test_a_token_decides_nothing_of_four_eyes_and_the_refusal_is_recorded(house: House, li_na: Program) -> None:
    told("open", li_na.says("/incident open type=system_failure 行情中断"))
    house.says("li.na", "/incident activate I1")
    deputy = program(house, "lin.yue")
    approval = told("list", deputy.get("/api/v1/approvals", state="pending"))["items"][0]
    ref = approval["ref"]
    for text in (f"/approve {ref}", f"/同意 {ref}", f"/return {ref} 不行", "/incident end I1", "/login reset"):
        answer = deputy.says(text)
        assert answer.status_code == 403, (text, answer.text)
    assert told("still", deputy.get("/api/v1/approvals"))["items"][0]["state"] == "pending"
    chain = select(AuditRow).where(AuditRow.record_ref == "P:lin.yue", AuditRow.verb == "refused")
    rows = house.parts.database.read(lambda tx: [row.details for row in tx.exec(chain)])
    assert {"command": "approve", "reason": "token.four_eyes", "refs": [approval["ref"]], "token": deputy.token.id} in rows
    assert deputy.says("/login").json()["error"] == "token.no_login"


def test_as_is_for_the_demo_only(house: House, li_na: Program, tmp_path: Path) -> None:
    asked = {"as": "lin.yue", "text": "/whoami"}
    assert li_na.post("/api/v1/commands", asked).json()["error"] == "api.as"
    demo = made(tmp_path / "demo", Clock(), GENGFU_CONSOLE="demo")
    try:

        def post(body: dict[str, str], **headers: str) -> httpx.Response:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return demo.browser("curl/8").request("POST", "/api/v1/commands", sent, json=body)

        assert "林岳" in told("as", post(asked))["text"]
        assert post({"text": "/whoami"}).status_code == 401
        assert post({"as": "nobody.x", "text": "/whoami"}).json()["error"] == "api.person"
        assert post(asked, sec_fetch_site="cross-site").json()["error"] == "api.as"
        assert post(asked, origin="http://evil.example").json()["error"] == "api.as"
        assert post(asked, authorization="Bearer nonsense").status_code == 401
    finally:
        demo.parts.close()


# The same request again


def test_a_repeat_is_answered_as_the_first_time_and_done_once(house: House, li_na: Program) -> None:
    first = told("open", li_na.says("/incident open 行情中断", key="k-1"))
    again = told("open", li_na.says("/incident open 行情中断", key="k-1"))
    assert (again["ref"], again["text"]) == (first["ref"], first["text"])
    assert len(told("list", li_na.get("/api/v1/incidents"))["items"]) == 1
    other = li_na.says("/incident open 另一件", key="k-1")
    assert (other.status_code, other.json()["error"]) == (422, "api.key_taken")
    assert li_na.says("/incident open 行情中断", "console:dm:li.na", key="k-1").json()["error"] == "api.key_taken"
    assert told("another's key", program(house, "wu.di").says("/whoami", key="k-1"))["text"]
    for key in ("with space", "x" * 129, "\x7f"):
        assert li_na.says("/whoami", key=key).json()["error"] == "api.key", key


def test_many_at_once_with_one_key_are_one_event(house: House, li_na: Program) -> None:
    async def race() -> list[httpx.Response]:
        transport = httpx.ASGITransport(house.app, client=("10.2.2.2", 1))
        async with httpx.AsyncClient(transport=transport, base_url=li_na.browser.base) as client:
            bodies = [{"text": "/incident open 行情中断"}] * 6 + [{"text": "/incident open 另一件"}] * 2
            headers = li_na.auth | {"idempotency-key": "race"}
            return await asyncio.gather(*(client.post("/api/v1/commands", json=body, headers=headers) for body in bodies))

    answers = asyncio.run(race())
    assert sorted({answer.status_code for answer in answers}) in ([200, 422], [200, 202, 422])
    assert len(told("list", li_na.get("/api/v1/incidents"))["items"]) == 1


def test_what_takes_longer_is_in_hand_and_the_same_request_hears_the_rest(house: House, li_na: Program) -> None:
    parts = house.parts
    door = ApiDoor(parts.tokens, parts.words, lambda: parts.plans.current, parts.now, demo=False)
    keys = Keys(DatabaseShelf(parts.database, "api", parts.now), parts.road.house.new_id)
    impatient = FastAPI(openapi_url=None)
    impatient.include_router(commands_router(Commands(door, partial(parts.worker.ask, patience=timedelta(0)), None, keys)))
    whole, house.app = house.app, impatient
    answer = li_na.says("/incident open 行情中断")
    assert (answer.status_code, set(answer.json())) == (202, {"in_hand"})
    house.app = whole
    found = li_na.says("/incident open 行情中断", key=answer.json()["in_hand"])
    while found.status_code == 202:
        found = li_na.says("/incident open 行情中断", key=answer.json()["in_hand"])
    assert told("in the end", found)["ref"] == "I1"
    assert len(told("list", li_na.get("/api/v1/incidents"))["items"]) == 1


def test_long_after_the_answer_was_erased_a_repeat_does_nothing_and_says_so(house: House, li_na: Program) -> None:
    told("open", li_na.says("/incident open 行情中断", key="k-1"))
    house.clock.pass_time(hours=9)
    house.parts.database.write(lambda tx: inbox.erase(tx, house.clock()))
    answer = li_na.says("/incident open 行情中断", key="k-1")
    assert (answer.status_code, answer.json()["error"]) == (409, "house.long_ago")


# What is not taken


def test_bodies_are_bounded_and_typed_and_unknown_fields_refused(li_na: Program) -> None:
    def post(content: bytes, kind: str = "application/json") -> tuple[int, str]:
        answer = li_na.browser.request("POST", "/api/v1/commands", li_na.auth | {"content-type": kind}, content=content)
        assert re.search("[一-鿿]", answer.json()["text"])
        return answer.status_code, answer.json()["error"]

    assert post(b"{}", "text/plain") == (415, "api.not_json_type")
    assert post(b"text=x", "application/x-www-form-urlencoded") == (415, "api.not_json_type")
    assert post(b"{") == (400, "api.not_json")
    assert post(b"\xff\xfe") == (400, "api.not_json")
    assert post(b"[" * 50_000) == (400, "api.not_json")
    assert post(b'{"text": "' + b"x" * 70_000 + b'"}') == (413, "api.too_large")
    for body in (b"[]", b"{}", b'{"text": 1}', b'{"text": ""}', b'{"text": "/help", "txet": 1}', b'{"text": "/help", "chat": 5}'):
        assert post(body) == (422, "api.fields"), body


def test_what_cannot_be_stored_does_no_harm(li_na: Program) -> None:
    for text in ("/incident open a\u0000b", "\u202e/help", "x" * 16_000, "/" * 500, "  "):
        assert li_na.says(text).status_code in (200, 422), text[:20]


def test_english_where_the_installation_is(tmp_path: Path) -> None:
    house = made(tmp_path, Clock(), GENGFU_LOCALE="en")
    try:
        answer = program(house, "li.na").says("/incident end I1")
        assert answer.json()["text"].startswith("This is for the person to decide")
    finally:
        house.parts.close()


# The description


def test_the_description_names_every_route_with_its_body(house: House) -> None:
    spec = house.browser().get("/openapi.json").json()
    operations = {f"{method.upper()} {path}" for path, methods in spec["paths"].items() for method in methods}
    assert {"GET /api/v1/incidents/{ref}", "POST /api/v1/commands", "POST /ingest/alertmanager"} <= operations
    text = json.dumps(spec)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(spec["components"]["schemas"])
    assert not named & {"HTTPValidationError", "ValidationError"}
    body = spec["paths"]["/api/v1/commands"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"chat", "text", "as"}
    assert spec["security"] == [{"token": []}]


def test_its_page_is_ours_alone(house: House) -> None:
    answer = house.browser().get("/docs")
    assert answer.status_code == 200
    assert "POST /api/v1/commands" in answer.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//|<script|<style| style=', answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
