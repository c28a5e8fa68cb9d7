"""The breaker of a platform: opens after three failures, lets one probe through at a time, closes with the first success."""

from datetime import UTC, datetime, timedelta

from bot.circuit import LONGEST, SHORTEST, Circuit


class Now:
    at = datetime(2026, 3, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def test_three_failures_open_it_and_it_is_said_once() -> None:
    circuit = Circuit(Now())
    assert [circuit.failed("away", 0.0) for _ in range(5)] == [False, False, True, False, False]
    assert circuit.wait() == SHORTEST.total_seconds(), "what fails together with the probe is no probe of its own"


def test_each_failed_probe_doubles_the_pause_up_to_a_minute() -> None:
    now = Now()
    circuit = Circuit(now)
    pauses = []
    for _ in range(10):
        circuit.failed("away", 0.0)
        pauses.append(circuit.wait())
        now.at += timedelta(seconds=circuit.wait())
    assert pauses == [0, 0, 5, 10, 20, 40, 60, 60, 60, 60]
    assert max(pauses) == LONGEST.total_seconds()


def test_between_the_pause_and_the_first_success_nobody_is_told_to_wait() -> None:
    now = Now()
    circuit = Circuit(now)
    for _ in range(3):
        circuit.failed("away", 0.0)
    now.at += SHORTEST
    assert circuit.open
    assert circuit.wait() == 0, "so its old moment is no moment to try again at"
    assert circuit.succeeded()
    assert not circuit.open
    assert not circuit.succeeded()


def test_a_platform_that_asks_for_more_patience_gets_it() -> None:
    circuit = Circuit(Now())
    for _ in range(3):
        circuit.failed("the secret is wrong", 300.0)
    assert circuit.wait() == 300
