"""The names that are emitted, each of them, and those that never are.

A name here is what somebody's dashboard, alert or sampler asks for: it changes with a line of the
changelog. Those of the conventions are compared with OpenTelemetry's own package of them.
"""

from __future__ import annotations

import re

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.semconv._incubating.attributes import (
    cloudevents_attributes,
    messaging_attributes,
)
from opentelemetry.semconv._incubating.metrics import messaging_metrics
from opentelemetry.semconv.attributes import error_attributes, exception_attributes

from pat_events import AwsConfig, EventBridge, Handlers, Sns, lambda_handler
from pat_events.events import EmailReceived
from pat_events.telemetry import Tracing
from pat_events.telemetry.cloudwatch import SHOWN
from pat_events.telemetry.metrics import METRICS
from tests.support.invocations import LambdaContext, body, sqs
from tests.support.spans import Spans
from tests.telemetry.test_trace_chain import TWICE, chain, transport

__all__ = ["transport"]

SPANS = {
    ("send pat-emails", "PRODUCER"),
    ("process pat-emails", "CONSUMER"),
    ("process my-queue", "CONSUMER"),
    ("retry pat-emails", "INTERNAL"),
    ("retry my-queue", "INTERNAL"),
    ("give up pat-emails", "INTERNAL"),
    ("dead letter pat-emails", "INTERNAL"),
}
SYSTEMS = {"kafka", "aws_sqs", "aws.sns", "aws.eventbridge"}
ATTRIBUTES = {
    "cloudevents.event_id",
    "cloudevents.event_source",
    "cloudevents.event_spec_version",
    "cloudevents.event_type",
    "error.type",
    "messaging.batch.message_count",
    "messaging.consumer.group.name",
    "messaging.destination.name",
    "messaging.destination.partition.id",
    "messaging.kafka.message.key",
    "messaging.kafka.offset",
    "messaging.message.conversation_id",
    "messaging.message.id",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.system",
    "pat_events.attempt",
    "pat_events.destination",
    "pat_events.handler",
    "pat_events.reason",
    "pat_events.wait_s",
}
LOG_EVENTS = {
    ("messaging.process.exception", "exception.message"),
    ("messaging.process.exception", "exception.stacktrace"),
    ("messaging.process.exception", "exception.type"),
}
SERIES = {
    "messaging_client_consumed_messages": "counter",
    "messaging_client_operation_duration_seconds": "histogram",
    "messaging_client_sent_messages": "counter",
    "messaging_process_duration_seconds": "histogram",
    "pat_events_consumer_assigned_partitions": "gauge",
    "pat_events_consumer_breaker_open": "gauge",
    "pat_events_consumer_commit_failures": "counter",
    "pat_events_consumer_commits": "counter",
    "pat_events_consumer_dead_letter_limit_exceeded": "gauge",
    "pat_events_consumer_dead_lettered": "counter",
    "pat_events_consumer_duplicates": "counter",
    "pat_events_consumer_given_up": "counter",
    "pat_events_consumer_handled": "counter",
    "pat_events_consumer_held_messages": "gauge",
    "pat_events_consumer_holds": "counter",
    "pat_events_consumer_in_flight_bytes": "gauge",
    "pat_events_consumer_in_flight_messages": "gauge",
    "pat_events_consumer_lag_messages": "gauge",
    "pat_events_consumer_lanes": "gauge",
    "pat_events_consumer_last_commit_timestamp_seconds": "gauge",
    "pat_events_consumer_oldest_unprocessed_age_seconds": "gauge",
    "pat_events_consumer_paused": "gauge",
    "pat_events_consumer_queue_change_failures": "counter",
    "pat_events_consumer_queue_changes": "counter",
    "pat_events_consumer_rebalances": "counter",
    "pat_events_consumer_retries": "counter",
    "pat_events_consumer_returned": "counter",
    "pat_events_consumer_skipped": "counter",
    "pat_events_consumer_waiting_for_retry_messages": "gauge",
    "pat_events_sender_buffer_limit_bytes": "gauge",
    "pat_events_sender_buffer_limit_messages": "gauge",
    "pat_events_sender_buffer_wait_seconds": "counter",
    "pat_events_sender_buffer_waits": "counter",
    "pat_events_sender_buffered_bytes": "gauge",
    "pat_events_sender_buffered_messages": "gauge",
    "pat_events_sender_clients_replaced": "counter",
    "pat_events_sender_oldest_unacknowledged_age_seconds": "gauge",
    "pat_events_sender_sent_again": "counter",
    "pat_events_sender_throttled": "counter",
}
# What the conventions renamed or dropped, up to 1.44.
NEVER = {
    "messaging.operation",
    "messaging.client_id",
    "messaging.kafka.consumer.group",
    "messaging.kafka.destination.partition",
    "messaging.kafka.message.offset",
    "messaging.destination_publish.anonymous",
    "messaging.destination_publish.name",
    "messaging.client.published.messages",
    "messaging.process.messages",
    "messaging.publish.duration",
    "messaging.publish.messages",
    "messaging.receive.duration",
    "messaging.receive.messages",
}
NEVER_OPERATIONS = {"publish", "deliver"}


def values_of(*modules):
    return {it for module in modules for it in vars(module).values() if isinstance(it, str)}


CONVENTIONS = values_of(
    cloudevents_attributes, messaging_attributes, error_attributes, exception_attributes
)


@pytest.fixture
def log_records(monkeypatch):
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    used = "pat_events.telemetry.consumer_tracing.logs.get_logger"
    monkeypatch.setattr(used, provider.get_logger)
    return exporter


@pytest.fixture
def spans():
    return Spans()


@pytest.fixture
def walked(spans, log_records, transport):
    """Spans of publishing, of handling one by one and in batches, and of all that may follow."""
    tracing = Tracing(spans.provider)
    chain(transport, tracing)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=TWICE)
    def process(event, ctx):
        if ctx.attempt == 1:
            raise ValueError("busy")

    lambda_handler(handlers, tracing=tracing)(sqs(body("a")), LambdaContext())
    batches = Handlers()
    batches.batch(EmailReceived, max_events=10)(lambda pairs: None)
    lambda_handler(batches, tracing=tracing)(sqs(body("a")), LambdaContext())
    return spans.all


def test_names_and_kinds_of_spans_are_these(walked):
    assert {(it.name, it.kind.name) for it in walked} == SPANS


def test_attributes_of_spans_are_these_and_the_conventions_have_those_that_are_not_ours(walked):
    found = {name for span in walked for name in span.attributes}
    assert found == ATTRIBUTES
    assert {it for it in found if not it.startswith("pat_events.")} <= CONVENTIONS
    assert not found & NEVER
    operations = {it.attributes.get("messaging.operation.type") for it in walked} - {None}
    assert operations == {"send", "process"}
    assert not operations & NEVER_OPERATIONS


def test_an_exception_is_a_log_event_of_these_names(walked, log_records):
    records = [it.log_record for it in log_records.get_finished_logs()]
    found = {(it.event_name, name) for it in records for name in it.attributes}
    assert found == LOG_EVENTS
    assert {name for _, name in found} <= CONVENTIONS
    assert {it.severity_number.name for it in records} == {"WARN"}


def test_systems_have_the_names_of_the_conventions_or_as_eventbridge_ours(spans):
    aws = AwsConfig(region="us-east-1")
    topic = Sns("arn:aws:sns:us-east-1:000000000000:topic", aws)
    found = {"kafka", "aws_sqs", topic.system, EventBridge("bus", aws).system}
    assert found == SYSTEMS
    known = {it.value for it in messaging_attributes.MessagingSystemValues}
    assert found - known == {"aws.eventbridge"}


def test_metrics_are_these():
    assert {it.name: it.kind for it in METRICS} == SERIES
    never = {re.sub(r"\W", "_", name) for name in NEVER}
    assert not [name for name in SERIES if name.startswith(tuple(never))]
    known = {re.sub(r"\W", "_", name) for name in values_of(messaging_metrics)}
    ours = {name.removesuffix("_seconds") for name in SERIES if name.startswith("messaging_")}
    assert ours <= known
    assert {it.name.removesuffix("_total") for it in SHOWN.values()} <= set(SERIES)


def test_labels_of_the_conventions_are_theirs():
    known = {re.sub(r"\W", "_", name) for name in CONVENTIONS}
    for metric in METRICS:
        if metric.name.startswith("messaging_"):
            assert set(metric.labels) - {"handler"} <= known
    assert not {re.sub(r"\W", "_", name) for name in NEVER} & {
        label for metric in METRICS for label in metric.labels
    }
