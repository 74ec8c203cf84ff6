"""Spans of what is published and handled, as OpenTelemetry's SDK exports them."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.message import EncodeError
from opentelemetry import trace
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import SpanKind, StatusCode

from pat_events import (
    BufferFullError,
    Config,
    ConsumerGroup,
    Handlers,
    NotDeliveredError,
    Producer,
    QueueConsumer,
    RecordTooLargeError,
    RetryPolicy,
    SchemaError,
)
from pat_events.core.envelope import read_envelope
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.telemetry import Tracing
from pat_events.transports.memory import MemoryBroker, MemoryQueue
from tests.support.queue_stage import EMAIL_RECEIVED
from tests.support.spans import KafkaLike, Spans
from tests.support.waiting import until

GROUP = "email-processor"
NEVER = {
    "messaging.operation",
    "messaging.kafka.consumer.group",
    "messaging.kafka.destination.partition",
    "messaging.kafka.message.offset",
    "messaging.client_id",
}


@pytest.fixture
def spans():
    return Spans()


@pytest.fixture
def broker():
    broker = MemoryBroker()
    for topic in ("pat-emails", f"pat-emails.{GROUP}.dlq"):
        broker.create_topic(topic, 1)
    return broker


@pytest.fixture
def transport(broker):
    return KafkaLike(broker)


def run(handlers, transport, tracing, *, handled=1, dead=0):
    group = ConsumerGroup(GROUP, handlers, transport=transport, tracing=tracing)
    with group:
        until(lambda: (group.stats().handled, group.stats().dead_lettered) == (handled, dead))


def publish(transport, tracing, **fields):
    with Producer(transport=transport, tracing=tracing) as producer:
        return producer.publish(EmailReceived(email_id="e-1", **fields)).result(5)


def traceparent_of(broker, number=0):
    return read_envelope(broker.records("pat-emails")[number]).trace.traceparent.decode()


def id_of(context):
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def test_a_publish_is_a_send_span_whose_context_the_event_carries(spans, broker, transport):
    publish(transport, Tracing(spans.provider))
    span = spans.one("send pat-emails")
    assert span.kind is SpanKind.PRODUCER
    assert traceparent_of(broker) == id_of(span.context)
    record = broker.records("pat-emails")[0]
    envelope = read_envelope(record)
    assert dict(span.attributes) == {
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.system": "kafka",
        "messaging.destination.name": "pat-emails",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 0,
        "messaging.kafka.message.key": "e-1",
        "messaging.message.conversation_id": envelope.correlation_id,
        "cloudevents.event_id": envelope.event_id,
        "cloudevents.event_source": envelope.source,
        "cloudevents.event_type": "pat.events.v1.EmailReceived",
        "cloudevents.event_spec_version": "1.0",
    }
    assert span.instrumentation_scope.schema_url == "https://opentelemetry.io/schemas/1.44.0"


def test_a_span_of_the_caller_is_the_parent_of_what_it_publishes(spans, transport):
    tracer = trace.get_tracer("a.test", tracer_provider=spans.provider)
    with tracer.start_as_current_span("request") as request:
        publish(transport, Tracing(spans.provider))
    assert spans.one("send pat-emails").parent.span_id == request.get_span_context().span_id


def test_what_is_not_delivered_ends_its_span_with_the_error(spans, broker, transport):
    broker.set_down(down=True)
    producer = Producer(transport=transport, tracing=Tracing(spans.provider))
    ack = producer.publish(EmailReceived(email_id="e-1"))
    with pytest.raises(NotDeliveredError):
        producer.close(0)
    span = spans.one("send pat-emails")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == f"pat_events.errors.{type(ack.error).__name__}"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"max_event_bytes": 1_000}, RecordTooLargeError),
        ({"buffer_events": 1, "publish_timeout_s": 0.01}, BufferFullError),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_refused_ends_its_span_with_the_error(
    spans, broker, transport, settings, error, is_async
):
    broker.set_down(down=True)
    producer = Producer(Config(**settings), transport=transport, tracing=Tracing(spans.provider))
    producer.publish(EmailReceived(email_id="e-1"))
    refused = EmailReceived(email_id="e-2", text_body="x" * 1_000)
    with pytest.raises(error):
        asyncio.run(producer.apublish(refused)) if is_async else producer.publish(refused)
    span = spans.one("send pat-emails")
    assert span.attributes["error.type"] == f"pat_events.errors.{error.__name__}"
    assert span.attributes["cloudevents.event_id"] == refused.metadata.event_id
    broker.set_down(down=False)
    producer.close()
    assert len(spans.named("send pat-emails")) == 2


def test_what_is_no_event_of_the_catalogue_was_never_sent_and_has_no_span(
    spans, transport, monkeypatch
):
    def fails(event):
        raise EncodeError("no")

    with Producer(transport=transport, tracing=Tracing(spans.provider)) as producer:
        with pytest.raises(SchemaError):
            producer.publish(EmailReceived())
        monkeypatch.setattr(producer._stamps[EmailReceived], "encode", fails)
        with pytest.raises(SchemaError):
            producer.publish(EmailReceived(email_id="e-1"))
    assert spans.all == ()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("parent", [False, True])
def test_a_handler_runs_within_a_span_linked_to_the_publish_or_below_it(
    spans, transport, parent, is_async
):
    tracing = Tracing(spans.provider, parent=parent)
    publish(transport, tracing)
    current = []
    handlers = Handlers()

    if is_async:

        @handlers.on(EmailReceived)
        async def handle(event, ctx):
            await asyncio.sleep(0)
            current.append(trace.get_current_span().get_span_context())

    else:

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            current.append(trace.get_current_span().get_span_context())

    run(handlers, transport, tracing)
    sent, span = spans.one("send pat-emails"), spans.one("process pat-emails")
    assert current == [span.context]
    assert span.kind is SpanKind.CONSUMER
    if parent:
        assert (span.parent.span_id, span.links) == (sent.context.span_id, ())
        assert span.context.trace_id == sent.context.trace_id
    else:
        (link,) = span.links
        assert span.parent is None
        assert (link.context.trace_id, link.context.span_id) == (
            sent.context.trace_id,
            sent.context.span_id,
        )
    attributes = dict(span.attributes)
    assert attributes["messaging.consumer.group.name"] == GROUP
    assert attributes["messaging.kafka.offset"] == 0
    assert attributes["messaging.destination.partition.id"] == "0"
    assert attributes["pat_events.attempt"] == 1
    assert attributes["cloudevents.event_id"] == sent.attributes["cloudevents.event_id"]
    assert not NEVER & set(attributes)


def test_what_a_handler_publishes_is_below_its_span(spans, transport):
    tracing = Tracing(spans.provider)
    publish(transport, tracing)
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id="e-1"))

    run(handlers, transport, tracing)
    process = spans.one("process pat-emails")
    follow_up = spans.named("send pat-emails")[1]
    assert follow_up.parent.span_id == process.context.span_id


def test_attempts_retries_and_the_dead_letter_are_one_connected_trace(spans, transport):
    tracing = Tracing(spans.provider, parent=True)
    publish(transport, tracing)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=0.01))
    def handle(event, ctx):
        raise ValueError("no such customer")

    run(handlers, transport, tracing, handled=0, dead=1)
    sent = spans.one("send pat-emails")
    attempts = spans.named("process pat-emails")
    assert [it.attributes["pat_events.attempt"] for it in attempts] == [1, 2]
    assert {it.attributes["error.type"] for it in attempts} == {"ValueError"}
    assert all(it.status.status_code is StatusCode.ERROR for it in attempts)
    retry, given_up = spans.one("retry pat-emails"), spans.one("give up pat-emails")
    letter = spans.one("dead letter pat-emails")
    assert retry.parent.span_id == attempts[0].context.span_id
    assert given_up.parent.span_id == letter.parent.span_id == attempts[1].context.span_id
    assert letter.attributes["pat_events.destination"] == f"pat-emails.{GROUP}.dlq"
    assert {it.context.trace_id for it in spans.all} == {sent.context.trace_id}


def test_nothing_is_kept_of_what_is_done(spans, transport):
    tracing = Tracing(spans.provider)
    publish(transport, tracing)
    handlers = Handlers()
    consumers = []
    of_consumer = tracing.of_consumer

    def noted(origin):
        consumers.append(of_consumer(origin))
        return consumers[-1]

    tracing.of_consumer = noted

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def handle(event, ctx):
        raise ValueError("no")

    run(handlers, transport, tracing, handled=0, dead=1)
    assert consumers[0]._last == {}


def test_a_batch_has_a_link_to_each_event_that_is_sampled(spans, broker, transport):
    tracing = Tracing(spans.provider, parent=True)
    publish(transport, tracing)
    publish(transport, None)
    publish(transport, tracing)
    handlers = Handlers()

    @handlers.batch(EmailReceived, max_events=10)
    def handle(pairs):
        pass

    run(handlers, transport, tracing, handled=3)
    span = spans.one("process pat-emails")
    assert [link.context.span_id for link in span.links] == [
        it.context.span_id for it in spans.named("send pat-emails")
    ]
    assert span.attributes["messaging.batch.message_count"] == 3


def test_where_a_trace_is_not_sampled_nothing_is_recorded_anywhere_downstream(broker, transport):
    off = Spans(ALWAYS_OFF)
    publish(transport, Tracing(off.provider))
    assert not int(traceparent_of(broker)[-2:], 16) & 1
    on = Spans(ParentBased(ALWAYS_ON))
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id="e-1"))

    run(handlers, transport, Tracing(on.provider))
    assert (off.all, on.all) == ((), ())
    assert traceparent_of(broker, 1)[:35] == traceparent_of(broker)[:35]


def test_an_event_of_no_trace_begins_one_where_it_is_handled(spans, transport):
    publish(transport, None)
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        pass

    tracer = trace.get_tracer("a.test", tracer_provider=spans.provider)
    # Not below what happens to be current where the group was started.
    with tracer.start_as_current_span("main"):
        run(handlers, transport, Tracing(spans.provider))
    span = spans.one("process pat-emails")
    assert (span.parent, span.links) == (None, ())


def test_a_message_of_a_queue_has_its_id_and_no_offset(spans):
    queue = MemoryQueue("emails", redrive=(MemoryQueue("dead"), 3))
    queue.system = "aws_sqs"
    message_id = queue.send(EmailReceived(email_id="e-1").SerializeToString(), EMAIL_RECEIVED)
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        pass

    consumer = QueueConsumer(queue, handlers, tracing=Tracing(spans.provider))
    with consumer:
        until(lambda: consumer.stats().handled == 1)
    attributes = dict(spans.one("process emails").attributes)
    assert attributes["messaging.system"] == "aws_sqs"
    assert attributes["messaging.message.id"] == message_id
    assert "messaging.kafka.offset" not in attributes
    assert "messaging.consumer.group.name" not in attributes


RATIO = TraceIdRatioBased(0.5)


class Ids(IdGenerator):
    """As of X-Ray, whose ids begin with a time: counted here."""

    def __init__(self):
        self.drawn = 0

    def generate_trace_id(self):
        self.drawn += 1
        return (self.drawn << 64) | (self.drawn % 2) << 63

    def generate_span_id(self):
        return 7


@pytest.mark.parametrize("sampler", [RATIO, ParentBased(RATIO), ParentBased(ALWAYS_OFF)])
def test_what_begins_a_trace_is_recorded_as_the_sampler_says_of_its_id(broker, transport, sampler):
    spans = Spans(sampler)
    with Producer(transport=transport, tracing=Tracing(spans.provider)) as producer:
        for _ in range(200):
            producer.publish(EmailReceived(email_id="e-1"))
    places = [read_envelope(it).trace.traceparent for it in broker.records("pat-emails")]
    sampled = {place for place in places if place[-1] in b"13579"}
    root = getattr(sampler, "_root", sampler)
    decided = {
        place
        for place in places
        if root.should_sample(None, int(place[3:35], 16), "").decision.is_sampled()
    }
    assert sampled == decided == {id_of(it.context).encode() for it in spans.all}
    assert len(sampled) == 0 if root is ALWAYS_OFF else 50 < len(sampled) < 150
    assert len({place[3:52] for place in places}) == 200
    assert all(it.parent is None for it in spans.all)


def test_a_trace_that_begins_has_the_ids_of_the_providers_generator(broker, transport):
    spans = Spans(RATIO, Ids())
    with Producer(transport=transport, tracing=Tracing(spans.provider)) as producer:
        for _ in range(2):
            producer.publish(EmailReceived(email_id="e-1"))
    places = [read_envelope(it).trace.traceparent for it in broker.records("pat-emails")]
    assert [place.decode()[:-2] for place in places] == [
        f"00-{1:016x}8000000000000000-{7:016x}-",
        f"00-{2:016x}0000000000000000-{7:016x}-",
    ]
    assert [int(place[-1:]) & 1 for place in places] == [0, 1]
    assert [it.context.trace_id for it in spans.all] == [2 << 64]


def test_another_sampler_is_asked_once_with_what_is_known_of_the_event(broker, transport):
    asked = []

    class OfTypes(Sampler):
        def should_sample(self, parent_context, trace_id, name, kind, attributes, links):
            asked.append((name, kind, attributes["cloudevents.event_type"]))
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "of types"

    spans = Spans(OfTypes())
    publish(transport, Tracing(spans.provider))
    assert asked == [("send pat-emails", SpanKind.PRODUCER, "pat.events.v1.EmailReceived")]
    assert not int(traceparent_of(broker)[-2:], 16) & 1


def test_an_event_of_no_trace_is_handled_in_one_as_often_as_the_sampler_says(transport):
    with Producer(transport=transport) as producer:
        for _ in range(200):
            producer.publish(EmailReceived(email_id="e-1"))
    spans = Spans(RATIO)
    handlers = Handlers()
    current = []

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        current.append(trace.get_current_span().get_span_context().is_valid)

    run(handlers, transport, Tracing(spans.provider), handled=200)
    assert current.count(True) == len(spans.all)
    assert 50 < len(spans.all) < 150


def test_where_nobody_makes_spans_no_trace_is_invented_and_one_goes_on(broker, transport):
    nobody = Tracing(trace.NoOpTracerProvider())
    publish(transport, nobody)
    assert read_envelope(broker.records("pat-emails")[0]).trace is None
    assert "traceparent" not in broker.records("pat-emails")[0].header_values
    own = trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(own)):
        publish(transport, nobody)
    assert traceparent_of(broker, 1) == id_of(own)
