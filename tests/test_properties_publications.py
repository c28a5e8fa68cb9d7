"""Nothing is published whose very bytes the required different people did not agree to after the last change of text, grade or fact.

The random people of `test_properties_statements`, who now also publish, while the website answers or not. Whenever a text arrives there, it
is compared with what this test has heard itself and with the trail as it stands at that moment: at the receiver, and not in the house.
"""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text as sql
from sqlmodel import select

from bot.bootstrap import SAMPLE_PLAN
from bot.outside.hook import Hook
from bot.publishing import Means
from bot.secret import Secret
from storage.mapping import to_record
from storage.tables.records import IncidentRow
from storage.tables.statements import PublicationRow
from tests.test_properties_statements import HOLDS, WRITERS, Statements
from tests.world import World, make_world
from workflows.incident import UNCLOSED, Incident
from workflows.publication import Publication
from workflows.publication import State as Out
from workflows.statement import State

Trail: TypeAlias = list[tuple[str, str, dict[str, Any]]]

#: What undoes a yes, whatever the house makes of it: the statement's own rows of the trail, and texts.
UNDOES = {"edited", "retracted", "voided", "sent_back", "withdrawn", "outdated", "submitted"}
BROKEN = st.sampled_from([0, 1, 3, 30])
OUTLETS = st.sampled_from(["website", "sms", "website,sms", "website,weibo", "branches,website"])


class Publications(Statements):
    def __init__(self) -> None:
        self.broken = 0
        self.submitted_at: datetime | None = None
        self.arrived: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        super().__init__()

    def house(self) -> World:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.receive))
        secrets = {f"GENGFU_OUTLET_{name}_SECRET": Secret("s" * 40) for name in ("WEBSITE", "SMS")}
        return make_world(self.database, plan=SAMPLE_PLAN, means=lambda clock: Means(hook=Hook(client, clock), secrets=secrets))

    # The receiver, which knows nothing of the house

    def receive(self, request: httpx.Request) -> httpx.Response:
        if self.broken:
            self.broken -= 1
            return httpx.Response(503)
        body = json.loads(request.content)
        self.wrong += [f"{fault}: {body['text']}" for fault in self.faults(body)]
        self.arrived.append({**body, "url": str(request.url), "key": request.headers["idempotency-key"]})
        return httpx.Response(200, json={"receipt": f"r{len(self.arrived)}"})

    def faults(self, body: dict[str, Any]) -> list[str]:
        digest, now, found = hashlib.sha256(body["text"].encode()).hexdigest(), self.world.clock(), []
        rows = self.rows()
        agreed = max((n for n, (ref, verb, _) in enumerate(rows) if (ref, verb) == ("S1", "agreed")), default=None)
        if body["sha256"] != digest:
            found.append("the receiver was told another digest")
        if agreed is None or rows[agreed][2]["digest"] != digest:
            found.append("the last that everybody agreed to is something else")
            return found
        if any(verb == "written" or (ref == "S1" and verb in UNDOES) for ref, verb, _ in rows[agreed + 1 :]):
            found.append("something undid the yes since")
        if self.basis() != self.heard.basis:
            found.append("text, grade or fact is another one than when they agreed")
        if self.submitted_at is None or now - self.submitted_at >= timedelta(minutes=HOLDS):
            found.append("the yes was too old")
        if self.incident_now().state not in UNCLOSED:
            found.append("the incident is over")
        return found + self.missing(rows, agreed, digest)

    def missing(self, rows: Trail, agreed: int, digest: str) -> list[str]:
        """Who must have said yes, and did not."""
        found, yes = [], {person for person, said in self.heard.yes.items() if said == digest}
        authors = {one.by for one in self.revisions}
        given = [row[2]["by"] for row in self.last_chain(rows, agreed)]
        if not set(given) <= yes - authors or len(set(given)) != len(given):
            found.append(f"not all of {given} said so")
        if len(given) != len(self.asked_chain(rows, agreed)):
            found.append("not everybody whom the level asks was asked")
        return found

    def rows(self) -> Trail:
        """The whole trail in the order it was written, from a connection of our own."""
        with self.database.engine.connect() as connection:
            found = connection.execute(sql("SELECT record_ref, verb, details FROM audit ORDER BY rowid")).all()
        return [(row[0], row[1], json.loads(row[2])) for row in found]

    @staticmethod
    def last_chain(rows: Trail, until: int) -> Trail:
        """Every yes since the last submission."""
        begun = max(n for n, (ref, verb, _) in enumerate(rows[:until]) if (ref, verb) == ("S1", "submitted"))
        return [row for row in rows[begun : until + 1] if row[0] == "S1" and row[1] in ("step_agreed", "agreed")]

    @staticmethod
    def asked_chain(rows: Trail, until: int) -> list[Any]:
        chain = next(row[2]["chain"] for row in reversed(rows[:until]) if row[:2] == ("S1", "submitted"))
        assert isinstance(chain, list)
        return chain

    def incident_now(self) -> Incident:
        with self.database.engine.connect() as connection:
            row = connection.execute(select(IncidentRow).where(IncidentRow.ref == "I1")).one()
        return to_record(Incident, row)

    def basis(self) -> object:
        incident = self.incident_now()
        grades = (incident.response_level, incident.opinion_level, incident.csrc_grade)
        return (self.text, self.statement.revision, grades, incident.system, incident.occurred_at)

    # What people do besides

    @initialize(by=WRITERS, level=st.integers(0, 2), outlets=OUTLETS, broken=BROKEN, then=st.integers(0, 5))
    def begins(self, by: str, level: int, outlets: str, broken: int, then: int) -> None:
        super().begins(by, level)
        self.world.only("S1")  # tasks and regulators' clocks are another matter
        self.goes_all_the_way(by, outlets, broken, then)

    def _says(self, person: str, line: str) -> bool:
        done = super()._says(person, line)
        if done and line.startswith("/声明 送审"):
            self.submitted_at = self.world.clock()
        return done

    def _publish(self, by: str, outlets: str) -> bool:
        return self._says(by, f"/声明 发布 S1 渠道={outlets} 确认={self.statement.digest[:8]}")

    @rule(by=WRITERS, outlets=OUTLETS)
    def publishes(self, by: str, outlets: str) -> None:
        self._publish(by, outlets)

    @rule(by=WRITERS, outlets=OUTLETS)
    def the_right_ones_agree_and_it_is_published(self, by: str, outlets: str) -> None:
        self.those_asked_agree(0, 3)
        self._publish(by, outlets)

    @rule(by=WRITERS, outlets=OUTLETS, broken=BROKEN, then=st.integers(0, 5))
    def goes_all_the_way(self, by: str, outlets: str, broken: int, then: int) -> None:
        """To the receiver, which may be down, while something changes."""
        self.refreshes(by)
        self.submits(by)
        self.those_asked_agree(0, 3)
        self.broken = broken
        if not self._publish(by, outlets):
            return
        system = "两融" if self.world.incident().system != "两融" else "行情"
        changes: list[Callable[[], None]] = [
            lambda: None,
            lambda: self.fact_changes(system),
            lambda: self.grade_rises(),
            lambda: self.writes(by, "正在核对。", "集中交易"),
            lambda: self.time_passes(250),
            lambda: self.retracts(by),
        ]
        changes[then]()
        self.broken = 0
        self.time_passes(7)

    @rule(by=WRITERS)
    def retracts(self, by: str) -> None:
        self._says(by, "/声明 撤回 S1 数据有误")

    @rule(by=WRITERS)
    def gives_a_receipt(self, by: str) -> None:
        was = self.ledger.get(("weibo", self.statement.revision))
        if self._says(by, "/声明 回执 S1 渠道=weibo 链接=https://weibo.example/1") and was is not None and was.state is Out.ASKED:
            self.check_agreed()

    @rule(count=st.integers(0, 40))
    def the_receiver_is_down(self, count: int) -> None:
        self.broken = count

    # What must hold

    @property
    def ledger(self) -> dict[tuple[str, int], Publication]:
        found = self.database.read(lambda tx: [to_record(Publication, row) for row in tx.exec(select(PublicationRow))])
        return {(one.outlet, one.revision): one for one in found}

    @property
    def used(self) -> set[str]:
        return {str(step["approval"]) for one in self.ledger.values() for step in one.agreed}

    @invariant()
    def nothing_arrived_that_should_not(self) -> None:
        assert self.wrong == []

    @invariant()
    def nothing_arrived_twice(self) -> None:
        sent = [(one["url"], one["key"]) for one in self.arrived]
        assert len(sent) == len(set(sent))

    @invariant()
    def the_ledger_is_what_arrived(self) -> None:
        said = {(one.outlet, one.digest) for one in self.ledger.values() if one.state is Out.DONE and one.outlet in ("website", "sms")}
        assert said == {("website" if "cms" in one["url"] else "sms", one["sha256"]) for one in self.arrived}

    @invariant()
    def what_is_to_go_out_has_a_clock(self) -> None:
        for one in self.ledger.values():
            assert bool(self.world.timers(one.ref)) == (one.state in (Out.WAITING, Out.ASKED, Out.FAILED)), one

    @invariant()
    def what_is_out_was_published(self) -> None:
        """A statement says that it is published when its very text is out somewhere."""
        if self.heard.basis is not None and self.statement.state is State.PUBLISHED:
            assert any(one.state is Out.DONE and one.revision == self.statement.revision for one in self.ledger.values())


def test_nothing_arrives_that_the_right_people_did_not_agree_to_as_it_is() -> None:
    calm = settings(
        deadline=None,
        max_examples=int(os.environ.get("EXAMPLES", "4")),
        stateful_step_count=12,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    run_state_machine_as_test(Publications, settings=calm)
