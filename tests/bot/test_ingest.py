"""Alerts: they open or join incidents by the road, are counted and damped, and close nothing."""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import func, select

from storage import alerts
from storage.database import Database
from storage.tables.api import AlertRow
from storage.tables.audit import AuditRow
from storage.tables.queues import OutboxRow
from storage.tables.records import IncidentRow
from tests.bot.api_world import Program, program
from tests.bot.web_world import House, made
from tests.make import Clock
from tests.ready import with_schema
from workflows.alert import MOST_OPENED

#: A notification as Alertmanager 0.27 sends it.
GROUP: Mapping[str, Any] = {
    "receiver": "gengfu", "status": "firing", "version": "4", "groupKey": '{}:{alertname="QuoteGatewayDown"}', "truncatedAlerts": 0,
    "groupLabels": {"alertname": "QuoteGatewayDown"},
    "commonLabels": {"alertname": "QuoteGatewayDown", "gengfu_type": "system_failure", "gengfu_system": "行情"},
    "commonAnnotations": {"summary": "行情网关无响应"}, "externalURL": "http://alertmanager.example:9093",
    "alerts": [
        {
            "status": "firing", "labels": {"alertname": "QuoteGatewayDown", "instance": f"gw{number}"}, "annotations": {},
            "startsAt": "2026-03-10T05:58:30.123Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus.example/graph",
            "fingerprint": f"c5b1d3f0{number}",
        }
        for number in (1, 2)
    ],
}  # fmt: skip

#: Four types, so that none is like another.
TYPES = ("system_failure", "data_leak", "cyber_attack", "supplier_failure")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = made(tmp_path, Clock())
    yield found
    found.parts.close()


@pytest.fixture
def monitoring(house: House) -> Program:
    return program(house, "li.na")


def lines(program: Program, ref: str = "I1") -> list[str]:
    """What the timeline says about alerts."""
    return [line["text"] for line in program.get(f"/api/v1/incidents/{ref}").json()["timeline"] if line["verb"] == "alerted"]


def count(house: House, table: Any) -> int:
    return house.parts.database.read(lambda tx: tx.exec(select(func.count()).select_from(table)).one())


def test_an_alert_opens_an_incident_as_its_person_would(house: House, monitoring: Program) -> None:
    answer = monitoring.alerts(title="行情网关 无响应", type="system_failure", system="行情", at="2026-03-10T05:50:00+00:00")
    assert (answer.status_code, answer.json()["ref"]) == (200, "I1")
    found = monitoring.get("/api/v1/incidents/I1").json()
    assert [found[name] for name in ("title", "type", "system", "state")] == ["行情网关 无响应", "system_failure", "行情", "open"]
    assert found["tasks"], "the playbook of its type"
    assert [line["actor"] for line in found["timeline"] if line["ref"] == "I1" and line["verb"] == "opened"] == ["li.na"]
    row = house.parts.database.read(lambda tx: tx.get_one(IncidentRow, "I1"))
    assert (str(row.occurred_at), row.reporter) == ("2026-03-10 05:50:00+00:00", "监控")
    house.settle()
    assert any("行情网关" in room.name for room in house.parts.rooms.rooms_of("li.na"))


def test_repeats_are_counted_and_said_at_most_every_ten_minutes(house: House, monitoring: Program) -> None:
    for _ in range(20):
        assert monitoring.alerts(title="行情网关无响应", key="gw").json()["ref"] == "I1"
    assert lines(monitoring) == []
    house.clock.pass_time(minutes=10)
    house.settle()
    assert lines(monitoring) == ["告警 19 次:行情网关无响应"], "nobody has to send another one for that"
    house.clock.pass_time(minutes=30)
    house.settle()
    assert len(lines(monitoring)) == 1, "nothing new, nothing said"
    monitoring.alerts(title="行情网关无响应", key="gw")
    assert lines(monitoring)[-1] == "告警 1 次:行情网关无响应", "after a rest it is said at once"


def test_alerts_do_not_stand_for_a_promised_update(house: House, monitoring: Program) -> None:
    monitoring.alerts(title="行情网关无响应", key="gw", type="system_failure")
    promised = house.parts.database.read(lambda tx: tx.get_one(IncidentRow, "I1").next_update_at)
    house.clock.pass_time(minutes=11)
    monitoring.alerts(title="行情网关无响应", key="gw")
    assert lines(monitoring)
    assert house.parts.database.read(lambda tx: tx.get_one(IncidentRow, "I1").next_update_at) == promised


def test_what_is_over_is_noted_and_closes_nothing(house: House, monitoring: Program) -> None:
    monitoring.alerts(title="行情网关无响应", key="gw")
    house.clock.pass_time(minutes=11)
    for _ in range(3):
        assert monitoring.alerts(title="行情网关无响应", key="gw", status="resolved").json()["ref"] == "I1"
    assert lines(monitoring) == ["已恢复:行情网关无响应"]
    assert monitoring.get("/api/v1/incidents/I1").json()["state"] == "open"
    house.clock.pass_time(minutes=11)
    assert monitoring.alerts(title="行情网关无响应", key="gw").json()["ref"] == "I1", "it fires again: the same incident"
    assert lines(monitoring)[-1] == "告警 1 次:行情网关无响应"
    assert monitoring.alerts(title="从未见过", key="never", status="resolved").json()["ref"] is None
    assert count(house, IncidentRow) == 1


def test_after_its_incident_is_over_an_alert_opens_a_new_one(house: House, monitoring: Program) -> None:
    monitoring.alerts(title="行情网关无响应", key="gw")
    assert house.says("li.na", "/incident false-alarm I1 delayed=no 演练用的数据误入了生产监控").error is None
    assert house.says("lin.yue", "/approve A1").error is None
    assert monitoring.get("/api/v1/incidents/I1").json()["state"] == "false_alarm"
    assert monitoring.alerts(title="行情网关无响应", key="gw").json()["ref"] == "I2"


def test_an_alert_follows_its_incident_into_the_one_it_was_merged_with(house: House, monitoring: Program) -> None:
    monitoring.alerts(title="行情网关无响应", key="gw")
    assert monitoring.says("/incident open 交易中断").json()["ref"] == "I2"
    assert house.says("li.na", "/incident merge I1 into=I2 delayed=no 两件是同一个故障引起的").error is None
    assert house.says("lin.yue", "/approve A1").error is None
    assert monitoring.alerts(title="行情网关无响应", key="gw").json()["ref"] == "I2"


def test_a_like_incident_of_the_last_half_hour_is_joined(house: House, monitoring: Program) -> None:
    assert monitoring.says("/incident open type=system_failure 行情中断").json()["ref"] == "I1"
    answer = monitoring.alerts(title="行情网关无响应", key="gw", type="system_failure").json()
    assert (answer["ref"], answer["text"]) == ("I1", "已并入同类事件 I1:行情中断")
    assert lines(monitoring) == ["告警 1 次:行情网关无响应"]
    assert monitoring.alerts(title="另一类", key="leak", type="data_leak").json()["ref"] == "I2"


def test_a_restricted_incident_is_not_joined_by_who_may_not_see_it(house: House) -> None:
    assert house.says("lin.yue", "/incident open restricted=yes system=行情 内幕线索").error is None
    assert program(house, "yang.fan").alerts(title="行情网关无响应", system="行情").json()["ref"] == "I2"


def test_client_data_in_an_alert_is_masked_and_its_text_sets_nothing(house: House, monitoring: Program) -> None:
    monitoring.alerts(title="客户 13800001234 登录失败 restricted=yes type=data_leak I9", key="13800001234")
    found = monitoring.get("/api/v1/incidents/I1").json()
    assert found["title"] == "客户 138****1234 登录失败 restricted=yes type=data_leak I9"
    assert (found["restricted"], found["type"]) == (False, None)
    house.settle()
    house.parts.database.close()
    folder = Path(house.parts.settings.database_url.reveal().removeprefix("sqlite:///")).parent
    assert b"13800001234" not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_alertmanager_in_its_own_words(house: House, monitoring: Program) -> None:
    answer = monitoring.post("/ingest/alertmanager", GROUP)
    assert (answer.status_code, answer.json()["ref"]) == (200, "I1")
    found = monitoring.get("/api/v1/incidents/I1").json()
    assert [found[name] for name in ("title", "type", "system")] == ["行情网关无响应 ×2", "system_failure", "行情"]
    assert str(house.parts.database.read(lambda tx: tx.get_one(IncidentRow, "I1").occurred_at)) == "2026-03-10 05:58:00+00:00"
    house.clock.pass_time(minutes=11)
    assert monitoring.post("/ingest/alertmanager", {**GROUP, "newField": {"of": "a later version"}}).json()["ref"] == "I1"
    other = {**GROUP, "groupKey": "another", "commonLabels": {"gengfu_type": "no_such_type"}, "commonAnnotations": {}}
    assert monitoring.post("/ingest/alertmanager", other).json()["ref"] == "I2"
    untyped = monitoring.get("/api/v1/incidents/I2").json()
    assert (untyped["title"], untyped["type"]) == ("QuoteGatewayDown ×2", None)
    over = {**GROUP, "status": "resolved", "alerts": [{**one, "status": "resolved"} for one in GROUP["alerts"]]}
    house.clock.pass_time(minutes=11)
    assert monitoring.post("/ingest/alertmanager", over).json()["ref"] == "I1"
    assert lines(monitoring) == ["告警 1 次:行情网关无响应 ×2", "已恢复:行情网关无响应"]


def test_what_is_no_alert_is_refused(house: House, monitoring: Program) -> None:
    wrong: list[dict[str, Any]] = [
        {}, {"title": ""}, {"title": 5}, {"title": "x", "type": "no_such"}, {"title": "x", "status": "on"}, {"title": "x", "extra": 1},
        {"title": "x", "at": "yesterday"}, {"title": "x", "at": "2026-03-10T05:00:00"}, {"title": "x" * 1001},
    ]  # fmt: skip
    for body in wrong:
        assert monitoring.post("/ingest/alert", body).status_code == 422, body
    changes: list[dict[str, Any]] = [{"alerts": []}, {"status": "odd"}, {"groupKey": ""}, {"commonLabels": {"a": 1}}]
    for change in changes:
        assert monitoring.post("/ingest/alertmanager", {**GROUP, **change}).status_code == 422, change
    assert count(house, IncidentRow) == 0
    watcher = program(house, "shi.lei").alerts(title="x")
    assert (watcher.status_code, watcher.json()["error"]) == (403, "access.acting")
    assert monitoring.says("/incident alert alert=x 手打的").status_code == 200, "with a token it is the same road"
    assert house.says("li.na", "/incident alert alert=x 手打的").error == "alert.by_token"
    assert "alert" not in house.says("li.na", "/help 事件").text


def test_the_same_notification_twice_with_a_key_counts_once(house: House, monitoring: Program) -> None:
    for _ in range(2):
        assert monitoring.alerts(title="行情网关无响应", key="gw").json()["ref"] == "I1"
    for _ in range(3):
        body = {"title": "行情网关无响应", "key": "gw"}
        assert monitoring.post("/ingest/alert", body, "n-1").json()["text"].startswith("已计入 I1,共 3 次")
    assert monitoring.post("/ingest/alert", {"title": "另一件"}, "n-1").json()["error"] == "api.key_taken"


def test_a_flood_of_a_thousand_alerts_stays_a_handful_of_incidents_and_messages(house: House, monitoring: Program) -> None:
    async def flood() -> list[httpx.Response]:
        transport = httpx.ASGITransport(house.app, client=("10.2.2.2", 1))
        async with httpx.AsyncClient(transport=transport, base_url=monitoring.browser.base) as client:
            post = client.post
            found: list[httpx.Response] = []
            for start in range(0, 1000, 10):
                bodies = [{"title": f"告警 {number}"} for number in range(start, start + 10)]
                found += await asyncio.gather(*(post("/ingest/alert", json=body, headers=monitoring.auth) for body in bodies))
            return found

    answers = asyncio.run(flood())
    assert {answer.status_code for answer in answers} == {200}
    assert count(house, IncidentRow) == MOST_OPENED
    assert count(house, AlertRow) == 1000, "each is counted"
    assert "一小时内告警已开 10 起事件" in answers[-1].json()["text"]
    notices = select(func.count()).select_from(OutboxRow).where(OutboxRow.kind == "notice")
    said = house.parts.database.read(lambda tx: tx.exec(notices).one())
    alerted = select(func.count()).select_from(AuditRow).where(AuditRow.verb == "alerted")
    assert house.parts.database.read(lambda tx: tx.exec(alerted).one()) == 0
    house.clock.pass_time(minutes=10)
    house.settle()
    assert house.parts.database.read(lambda tx: tx.exec(alerted).one()) == 1
    assert lines(monitoring, f"I{MOST_OPENED}")[0].startswith("告警 990 次:")
    assert "等另有 987 项" in lines(monitoring, f"I{MOST_OPENED}")[0]
    assert said < 200
    house.clock.pass_time(hours=1)
    assert monitoring.alerts(title="一小时后").json()["ref"] == f"I{MOST_OPENED + 1}"


def test_alerts_that_nobody_hears_of_any_more_are_forgotten(house: House, monitoring: Program) -> None:
    monitoring.alerts(title="行情网关无响应")
    house.clock.pass_time(days=31)
    assert house.parts.database.write(lambda tx: alerts.sweep(tx, house.clock())) == 1
    assert count(house, AlertRow) == 0


@pytest.mark.postgres
def test_two_replicas_open_one_incident_for_each_alert_and_count_every_repeat(tmp_path: Path, postgres_url: str) -> None:
    database = Database(postgres_url)
    with_schema(database)
    database.close()
    replicas = [made(tmp_path / str(number), Clock(), GENGFU_DATABASE_URL=postgres_url) for number in range(2)]
    try:
        first = program(replicas[0], "li.na")
        second = Program(replicas[1].browser("curl/8", "10.2.2.3"), first.secret, first.token)

        def send(number: int) -> httpx.Response:
            return (first, second)[number % 2].alerts(title=f"告警 {number // 2 % 4}", type=TYPES[number // 2 % 4])

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(40)))
        assert [answer.status_code for answer in answers] == [200] * 40, [answer.text for answer in answers if answer.status_code != 200]
        assert len({answer.json()["ref"] for answer in answers}) == count(replicas[0], IncidentRow) == 4
        counted = replicas[0].parts.database.read(lambda tx: sorted(row.count for row in tx.exec(select(AlertRow))))
        assert counted == [10] * 4
        auditor = program(replicas[1], "shi.lei", "read")
        trail = [auditor.get("/api/v1/audit", limit=5).json()]
        trail.append(auditor.get("/api/v1/audit", limit=5, cursor=trail[0]["next"]).json())
        assert len({(row["record"], row["version"]) for page in trail for row in page["items"]}) == 10
        assert [one["ref"] for one in first.get("/api/v1/incidents", limit=2).json()["items"]] == ["I4", "I3"]
    finally:
        for replica in replicas:
            replica.parts.close()
