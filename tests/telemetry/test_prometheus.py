"""What Prometheus sees of consumers and senders."""

from __future__ import annotations

import os
import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import pat_events.telemetry as told
from pat_events import (
    ConfigError,
    ConsumerGroup,
    Context,
    Handlers,
    PermanentError,
    Producer,
    RetryPolicy,
)
from pat_events.core.record import Position
from pat_events.events import EmailReceived
from pat_events.telemetry.metrics import METRICS, SECONDS
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from pat_events.telemetry.prometheus import PrometheusMetrics
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.forking import fork
from tests.support.waiting import until

GROUP = Origin("kafka", "email-processor")
AT = Position("pat-emails", 0, 7)
# Which Prometheus would refuse in a name: https://prometheus.io/docs/concepts/data_model
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# What the conventions renamed or dropped, in Prometheus' form.
NEVER = (
    "messaging_publish",
    "messaging_receive",
    "messaging_process_messages",
    "messaging_client_published",
    "messaging_kafka_consumer_group",
    'messaging_operation="',
)


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return PrometheusMetrics(registry)


@pytest.fixture
def group(metrics):
    return Observers([metrics], GROUP)


def text(registry):
    return generate_latest(registry).decode()


def series(registry):
    return [line for line in text(registry).splitlines() if not line.startswith("#")]


def test_what_was_received_and_handled_is_counted_by_group_and_partition(registry, group):
    group.saw(told.Delivered("pat-emails", 3, 10, skipped=4))
    group.saw(told.Handled(6))
    value = registry.get_sample_value
    labels = {
        "messaging_operation_name": "poll",
        "messaging_system": "kafka",
        "messaging_consumer_group_name": "email-processor",
        "messaging_destination_name": "pat-emails",
        "messaging_destination_partition_id": "3",
    }
    assert value("messaging_client_consumed_messages_total", labels) == 10
    assert value("pat_events_consumer_handled_total", {"group": "email-processor"}) == 6
    skipped = {"group": "email-processor", "topic": "pat-emails"}
    assert value("pat_events_consumer_skipped_total", skipped) == 4


def test_how_long_handlers_took_is_in_the_conventions_buckets_with_the_error(registry, group):
    job = told.EndedJob("pat-emails", 0, "handle", 3, 1, ValueError("no"), seconds=0.4)
    group.saw(told.JobsEnded([job]))
    lines = [it for it in series(registry) if it.startswith("messaging_process_duration_seconds")]
    failed = [it for it in lines if 'error_type="ValueError"' in it]
    handled = [it for it in lines if 'error_type=""' in it]
    assert next(it for it in handled if "_count" in it).endswith(" 3.0")
    assert next(it for it in failed if "_count" in it).endswith(" 1.0")
    assert next(it for it in handled if "_sum" in it).endswith(" 0.30000000000000004")
    # 0.1 s each: at most that.
    assert [it.rsplit(" ", 1)[1] for it in failed if 'le="0.075"' in it or 'le="0.1"' in it] == [
        "0.0",
        "1.0",
    ]
    bounds = [re.search(r'le="(.*?)"', it)[1] for it in failed if "_bucket" in it]
    assert bounds == [
        *map(str, SECONDS),
        "+Inf",
    ]


def test_failures_are_counted_by_handler_and_dead_letters_by_reason_too(registry, group):
    no = ValueError("no")
    group.saw(told.Retried(AT, "handle", 1, no, 0.5))
    group.saw(told.Held(AT, "handle", no, 0.5))
    group.saw(told.GivenUp(AT, "handle", 5, "attempts-exhausted", no))
    group.saw(told.DeadLettered(AT, "letters", "handle", "attempts-exhausted"))
    labels = {"group": "email-processor", "topic": "pat-emails", "handler": "handle"}
    value = registry.get_sample_value
    assert value("pat_events_consumer_retries_total", labels) == 1
    assert value("pat_events_consumer_holds_total", labels) == 1
    labels["reason"] = "attempts-exhausted"
    assert value("pat_events_consumer_given_up_total", labels) == 1
    assert value("pat_events_consumer_dead_lettered_total", labels) == 1


def level(partition=0, **values):
    fields = {"in_flight": 2, "in_flight_bytes": 20, "lanes": 1, "paused": True, "lag": 9}
    return told.PartitionLevel("pat-emails", partition, **(fields | {"oldest_ms": None} | values))


def test_a_breaker_is_1_while_it_is_open(registry, group):
    labels = {"group": "email-processor", "breaker": "payments"}

    def value():
        return registry.get_sample_value("pat_events_consumer_breaker_open", labels)

    assert value() is None
    group.saw(told.BreakerChanged("payments", "open", "10 of the last 10 calls failed"))
    assert value() == 1
    group.saw(told.BreakerChanged("payments", "closed", ""))
    assert value() == 0


def test_the_dead_letter_limit_is_1_while_a_handler_has_exceeded_it(registry, group):
    labels = {"group": "email-processor", "handler": "emails.process"}

    def value():
        return registry.get_sample_value("pat_events_consumer_dead_letter_limit_exceeded", labels)

    assert value() is None
    group.saw(
        told.DeadLetterLimitChanged("emails.process", state="open", why="100 of the last 100")
    )
    assert value() == 1
    group.saw(told.DeadLetterLimitChanged("emails.process", state="closed", why=""))
    assert value() == 0


def test_levels_are_gauges_of_each_partition_until_it_goes(registry, group):
    group.saw(told.Levels([level(0), level(1, lag=None)], held=1, retried=2))
    value = registry.get_sample_value
    labels = {"group": "email-processor", "topic": "pat-emails", "partition": "0"}
    assert value("pat_events_consumer_lag_messages", labels) == 9
    assert value("pat_events_consumer_paused", labels) == 1
    assert value("pat_events_consumer_held_messages", {"group": "email-processor"}) == 1
    # Where the end of the log is not known, there is no lag to tell.
    assert value("pat_events_consumer_lag_messages", labels | {"partition": "1"}) is None
    group.saw(told.Revoked([("pat-emails", 0)], 2))
    assert value("pat_events_consumer_lag_messages", labels) is None


def test_the_oldest_event_goes_on_ageing_where_its_group_tells_nothing_any_more(
    registry, metrics, monkeypatch
):
    now = [1_000.0]
    meter = metrics.told_by(GROUP)
    monkeypatch.setattr(meter, "_wall_clock", lambda: now[0])
    meter.saw(told.Levels([level(oldest_ms=990_000)], held=0, retried=0))
    labels = {"group": "email-processor", "topic": "pat-emails", "partition": "0"}
    name = "pat_events_consumer_oldest_unprocessed_age_seconds"
    assert registry.get_sample_value(name, labels) == 10
    now[0] += 60
    assert registry.get_sample_value(name, labels) == 70


def test_what_a_sender_tells_is_counted_by_system_and_error(registry, metrics):
    sender = Observers([metrics], Origin("aws_sqs"))
    sender.saw(told.Acknowledged(5))
    sender.saw(told.NotDelivered(2, ValueError("no")))
    sender.saw(told.SentAgain(1, "the client died"))
    labels = {"messaging_operation_name": "send", "messaging_system": "aws_sqs", "error_type": ""}
    value = registry.get_sample_value
    assert value("messaging_client_sent_messages_total", labels) == 5
    assert value("messaging_client_sent_messages_total", labels | {"error_type": "ValueError"}) == 2
    assert value("pat_events_sender_sent_again_total", {"system": "aws_sqs"}) == 1


def test_buffers_of_all_senders_of_a_system_are_one_and_closed_ones_are_none(registry, metrics):
    sender = Observers([metrics], Origin("kafka"))
    sender.saw(told.BufferLevel(1, 5, 50, 100, 1000, 2.0))
    sender.saw(told.BufferLevel(2, 7, 70, 100, 1000, 9.0))
    of, value = {"system": "kafka"}, registry.get_sample_value
    assert value("pat_events_sender_buffered_messages", of) == 12
    assert value("pat_events_sender_buffered_bytes", of) == 120
    assert value("pat_events_sender_buffer_limit_messages", of) == 200
    assert value("pat_events_sender_buffer_limit_bytes", of) == 2000
    assert value("pat_events_sender_oldest_unacknowledged_age_seconds", of) == 9
    sender.saw(told.BufferLevel(2, 0, 0, 0, 0, 0.0))
    assert value("pat_events_sender_buffered_messages", of) == 5
    sender.saw(told.BufferLevel(1, 0, 0, 0, 0, 0.0))
    assert value("pat_events_sender_buffered_messages", of) is None


def test_a_sender_in_trouble_is_seen_by_what_it_does_again_and_who_waits(registry, metrics):
    sender = Observers([metrics], Origin("aws_sqs"))
    sender.saw(told.SentAgain(3, "the client died", new_client=True))
    sender.saw(told.Throttled(2))
    sender.saw(told.BufferWaited(0.5))
    of, value = {"system": "aws_sqs"}, registry.get_sample_value
    assert value("pat_events_sender_clients_replaced_total", of) == 1
    assert value("pat_events_sender_throttled_total", of) == 2
    assert value("pat_events_sender_buffer_waits_total", of) == 1
    assert value("pat_events_sender_buffer_wait_seconds_total", of) == 0.5


def test_operations_of_clients_are_timed_by_the_conventions_name(registry, metrics):
    Observers([metrics], Origin("kafka")).saw(told.OperationEnded("send", 0.03, None))
    queue = Observers([metrics], Origin("aws_sqs", "mail"))
    queue.saw(told.OperationEnded("settle", 0.2, TimeoutError("no")))
    name, value = "messaging_client_operation_duration_seconds_count", registry.get_sample_value
    labels = {"messaging_operation_name": "send", "messaging_system": "kafka"}
    labels |= {"messaging_consumer_group_name": "", "error_type": ""}
    assert value(name, labels) == 1
    labels = {"messaging_operation_name": "settle", "messaging_system": "aws_sqs"}
    labels |= {"messaging_consumer_group_name": "mail", "error_type": "TimeoutError"}
    assert value(name, labels) == 1


def test_what_a_queue_was_told_is_counted_and_what_it_did_not_do(registry, metrics):
    queue = Observers([metrics], Origin("aws_sqs", "mail"))
    queue.saw(told.QueueChanged("give back", 8, 2, OSError("no")))
    queue.saw(told.QueueChanged("extend", 10, 0, None))
    value = registry.get_sample_value
    done = "pat_events_consumer_queue_changes_total"
    assert value(done, {"group": "mail", "change": "give_back"}) == 8
    assert value(done, {"group": "mail", "change": "extend"}) == 10
    failed = {"group": "mail", "change": "give_back", "error_type": "OSError"}
    assert value("pat_events_consumer_queue_change_failures_total", failed) == 2


def test_rebalances_and_commits_are_told_with_when_the_last_was(registry, group):
    pairs = [("pat-emails", 0), ("pat-emails", 1)]
    group.saw(told.Assigned(pairs))
    group.saw(told.Lost(pairs[:1], 3))
    group.saw(told.Committed({pairs[1]: 4}))
    group.saw(told.CommitFailed({pairs[1]: 4}, TimeoutError("no")))
    of_group = {"group": "email-processor"}
    value = registry.get_sample_value
    assert value("pat_events_consumer_assigned_partitions", of_group) == 1
    assert value("pat_events_consumer_rebalances_total", of_group | {"event": "lost"}) == 1
    assert value("pat_events_consumer_returned_total", of_group) == 3
    assert value("pat_events_consumer_commits_total", of_group) == 1
    failures = of_group | {"error_type": "TimeoutError"}
    assert value("pat_events_consumer_commit_failures_total", failures) == 1
    assert value("pat_events_consumer_last_commit_timestamp_seconds", of_group) > 1_700_000_000


def test_series_do_not_grow_with_events_keys_tenants_or_classes_of_errors(registry):
    broker = MemoryBroker()
    broker.create_topic("pat-emails", 4)
    broker.create_topic("pat-emails.many.dlq", 1)
    transport = MemoryTransport(broker)
    metrics = PrometheusMetrics(registry)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def handle(event: EmailReceived, ctx: Context) -> None:
        if event.subject == "bad":
            kind = type(f"Error{event.email_id}", (PermanentError,), {})
            raise kind("no")

    def publish(numbers, bad):
        for number in numbers:
            event = EmailReceived(email_id=f"e-{number}", metadata={"tenant_id": f"t-{number}"})
            event.subject = "bad" if number % bad == 0 else ""
            producer.publish(event)
        until(lambda: group.stats().handled + group.stats().dead_lettered == numbers.stop, 60)

    def labelled():
        return {line.rsplit(" ", 1)[0] for line in series(registry)}

    group = ConsumerGroup("many", handlers, transport=transport, observers=[metrics])
    with Producer(transport=transport, observers=[metrics]) as producer, group:
        publish(range(1_000), bad=8)
        until(lambda: any('name="commit"' in it for it in series(registry)))
        before = labelled()
        publish(range(1_000, 10_000), bad=200)
        assert labelled() == before
    names = {re.match(NAME, line)[0] for line in before}
    assert "pat_events_consumer_dead_lettered_total" in names
    # Of 125 classes of errors a hundred and the rest; 18 series of each.
    kinds = {re.search('error_type="(.+?)"', it)[1] for it in before if 'error_type="t' in it}
    assert len(kinds) == 100
    assert any('error_type="_OTHER"' in it for it in before)
    assert len(before) < 18 * len(kinds) + 200


def test_a_second_one_in_a_registry_is_refused(registry, metrics):
    with pytest.raises(ConfigError, match="one PrometheusMetrics for all of a process"):
        PrometheusMetrics(registry)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_child_of_a_fork_begins_at_0(registry, group):
    group.saw(told.Handled(6))
    read, write = os.pipe()
    child = fork()
    if not child:
        group.saw(told.Handled(1))
        value = registry.get_sample_value("pat_events_consumer_handled_total", {"group": GROUP[1]})
        os.write(write, b"%d" % value)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"1"
    for end in (read, write):
        os.close(end)


def test_names_are_ones_that_prometheus_and_the_conventions_take(registry, metrics, group):
    for metric in METRICS:
        assert re.fullmatch(NAME, metric.name)
        assert metric.name.startswith(("messaging_client_", "messaging_process_", "pat_events_"))
        assert not metric.name.endswith("_total")
        assert metric.help.endswith(".")
    group.saw(told.Delivered("pat-emails", 3, 10, skipped=4))
    assert not [name for name in NEVER if name in text(registry)]
    assert len({metric.name for metric in METRICS}) == len(METRICS)
