"""OpenTelemetry's instrumentation of Kafka's client, beside this package."""

from __future__ import annotations

import pytest
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pat_events.core.envelope import read_envelope
from pat_events.core.record import Delivery
from pat_events.events import EmailReceived
from pat_events.telemetry import Tracing as Spans
from pat_events.transports.sending import Outgoing

DEADLINE_S = 20.0
TOPIC = "pat-emails"


class Tracing:
    def __init__(self):
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("test")

    def names(self):
        return [it.name for it in self._exporter.get_finished_spans()]

    def span(self, name):
        (span,) = (it for it in self._exporter.get_finished_spans() if it.name == name)
        return span


@pytest.fixture
def tracing():
    tracing = Tracing()
    instrumentor = ConfluentKafkaInstrumentor()
    # After the package was imported, as a service may do it.
    instrumentor.instrument(tracer_provider=tracing.provider)
    yield tracing
    instrumentor.uninstrument()
    tracing.provider.shutdown()


def traceparents(message):
    return [value.decode() for name, value in message.headers() if name == "traceparent"]


def traceparent(span):
    at = span.context
    assert at.trace_flags.sampled
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"


def test_an_event_carries_the_span_it_was_sent_in_and_no_other(tracing, kafka_producer, stored):
    producer = kafka_producer()
    with tracing.tracer.start_as_current_span("request"):
        producer.publish(EmailReceived(email_id="e")).result(DEADLINE_S)
    send = tracing.span(f"{TOPIC} send")
    assert send.parent.span_id == tracing.span("request").context.span_id
    assert send.context.trace_id == tracing.span("request").context.trace_id
    (message,) = stored(TOPIC, 1)
    assert traceparents(message) == [traceparent(send)]
    assert dict(message.headers())["ce_type"] == b"pat.events.v1.EmailReceived"
    assert message.timestamp()[1] > 1_700_000_000_000


def test_an_answer_carries_the_span_it_was_sent_in_and_no_other(tracing, kafka_producer, stored):
    producer = kafka_producer()
    theirs = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
    cause = Delivery(TOPIC, 0, 0, b"e", b"", [("traceparent", theirs)], 0)
    with tracing.tracer.start_as_current_span("handler"):
        answer = EmailReceived(email_id="e")
        producer.publish(answer, caused_by=read_envelope(cause)).result(DEADLINE_S)
    (message,) = stored(TOPIC, 1)
    assert traceparents(message) == [traceparent(tracing.span(f"{TOPIC} send"))]


def test_an_answer_outside_of_any_span_goes_on_in_the_trace_of_its_cause(
    tracing, kafka_producer, stored
):
    producer = kafka_producer()
    theirs = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
    cause = Delivery(TOPIC, 0, 0, b"e", b"", [("traceparent", theirs)], 0)
    producer.publish(EmailReceived(email_id="e"), caused_by=read_envelope(cause)).result(DEADLINE_S)
    producer.publish(EmailReceived(email_id="f")).result(DEADLINE_S)
    answer, other = sorted(stored(TOPIC, 2), key=lambda message: message.key())
    assert [len(traceparents(message)) for message in (answer, other)] == [1, 1]
    assert traceparents(answer)[0].startswith(f"00-{'ab' * 16}-")
    assert "ab" * 16 not in traceparents(other)[0]


def test_a_record_whose_headers_are_a_list_is_sent_with_all_of_them(
    tracing, kafka_producer, stored
):
    producer = kafka_producer()
    headers = [("one", b"1"), ("one", b"2"), ("none", None)]
    producer._sender.send(Outgoing(TOPIC, b"k", b"v", headers, 1_700_000_000_000))
    assert producer._sender.flush(DEADLINE_S) == []
    (message,) = stored(TOPIC, 1)
    assert message.headers()[:3] == headers
    assert traceparents(message) == [traceparent(tracing.span(f"{TOPIC} send"))]


@pytest.mark.parametrize("name", ["traceparent", "tracestate"])
def test_a_record_with_a_trace_that_is_no_text_is_sent(tracing, kafka_producer, stored, name):
    producer = kafka_producer()
    producer._sender.send(Outgoing(TOPIC, b"k", b"v", [(name, b"\xff\xfe")], 1_700_000_000_000))
    assert producer._sender.flush(DEADLINE_S) == []
    assert len(stored(TOPIC, 1)) == 1


def test_beside_spans_of_ours_it_makes_none_and_writes_no_header(tracing, kafka_producer, stored):
    producer = kafka_producer(tracing=Spans(tracing.provider))
    producer.publish(EmailReceived(email_id="e")).result(DEADLINE_S)
    (message,) = stored(TOPIC, 1)
    assert tracing.names() == [f"send {TOPIC}"]
    assert traceparents(message) == [traceparent(tracing.span(f"send {TOPIC}"))]
