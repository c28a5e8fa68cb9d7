"""What `/metrics` tells, in a registry of our own. No label ever holds a person, a chat or a text."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LATE: Final = (0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 14400)
_QUICK: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.2, 2.5, 5)


class Metrics:
    """Counters, gauges and histograms as attributes: `metrics.events.labels(platform="console", result="done").inc()`."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # published untyped; no second series per counter with its birthday
        self.registry: Final = CollectorRegistry()
        self.events = self._counter("gengfu_events", "Events taken from the inbox", "platform", "result")
        self.commands = self._counter("gengfu_commands", "Commands run", "command", "result")
        self.deliveries = self._counter("gengfu_deliveries", "Deeds tried on a platform", "platform", "result")
        self.receipts = self._counter("gengfu_receipts", "How far messages came, as far as platforms tell", "platform", "state")
        self.rings = self._counter("gengfu_rings", "Louder ways of a rung", "by", "result")
        self.publications = self._counter("gengfu_publications", "Attempts to publish a text", "outlet", "result")
        self.outlet_up = self._gauge("gengfu_outlet_up", "1 while an outlet answers, 0 while it is down", "outlet")
        self.platform_up = self._gauge("gengfu_platform_up", "1 while a platform answers, 0 while it is down", "platform")
        self.refused_callbacks = self._counter("gengfu_callbacks_refused", "Callbacks that prove nothing", "platform", "reason")
        self.timers_fired = self._counter("gengfu_timers_fired", "Timers fired", "name")
        self.lateness = self._histogram("gengfu_lateness_seconds", "How late a timer fired", _LATE)
        self.handling = self._histogram("gengfu_handle_seconds", "From taking an event up to its answer", _QUICK)
        self.queue_waiting = self._gauge("gengfu_queue_waiting", "Rows that wait, those not yet due included", "queue")
        self.queue_buried = self._gauge("gengfu_queue_buried", "Rows given up; an administrator can revive them", "queue")
        self.oldest_waiting = self._gauge("gengfu_oldest_waiting_seconds", "How long the oldest row that is due has waited", "queue")
        self.items_open = self._gauge("gengfu_items_open", "Items open in all incidents")
        self.items_overdue = self._gauge("gengfu_items_overdue", "Open items past their due time")
        self.items_unowned = self._gauge("gengfu_items_unowned", "Open items that nobody has claimed")
        self.findings = self._gauge("gengfu_findings", "What the engine's last look at itself found, by kind", "kind")
        self.repairs = self._counter("gengfu_repairs", "What the engine put right by itself", "kind", "result")
        self.last_clean = self._gauge("gengfu_last_clean_audit_timestamp_seconds", "When the engine last found nothing wrong with itself")

    def text(self) -> bytes:
        """The Prometheus text format, to be sent as CONTENT_TYPE."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, meaning, registry=self.registry, buckets=buckets)
