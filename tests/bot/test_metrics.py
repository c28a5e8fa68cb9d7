from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics


def test_what_was_counted_can_be_read_back() -> None:
    metrics = Metrics()
    metrics.events.labels(platform="console", result="done").inc()
    metrics.queue_waiting.labels(queue="inbox").set(7)
    metrics.lateness.observe(0.2)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }
    assert samples["gengfu_events_total", "console", "done"] == 1
    assert samples["gengfu_queue_waiting", "inbox"] == 7
    assert samples["gengfu_lateness_seconds_bucket", "0.25"] == 1
    assert samples["gengfu_lateness_seconds_bucket", "0.1"] == 0
    assert not any(str(name).endswith("_created") for name, *_ in samples)


def test_two_of_them_do_not_share_their_counts() -> None:
    first, second = Metrics(), Metrics()
    first.items_open.set(3)
    assert b"gengfu_items_open 3.0" in first.text()
    assert b"gengfu_items_open 0.0" in second.text()
