"""One trace from publish to dead letter, over a bridge as well, and to a collector."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pat_events import (
    AwsConfig,
    Bridge,
    ConsumerGroup,
    Handlers,
    Producer,
    QueueBridge,
    QueueConsumer,
    RecordTooLargeError,
    RetryPolicy,
    Sqs,
    lambda_handler,
)
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.telemetry import Tracing
from pat_events.transports.memory import MemoryBroker, MemoryQueue
from pat_events.transports.memory.sender import MemorySender
from pat_events.transports.sending import Outgoing
from tests.support.fake_aws import fake_aws
from tests.support.invocations import LambdaContext, body, sqs
from tests.support.queue_stage import EMAIL_RECEIVED
from tests.support.spans import KafkaLike, Spans, connected, edges_of
from tests.support.waiting import until

GROUP = "email-processor"
TWICE = RetryPolicy(attempts=2, first_delay_s=0.01)


@pytest.fixture
def spans():
    return Spans()


@pytest.fixture
def transport():
    broker = MemoryBroker()
    for topic in ("pat-emails", f"pat-emails.{GROUP}.dlq"):
        broker.create_topic(topic, 1)
    return KafkaLike(broker)


def chain(transport, tracing, events=1):
    """Publish, handle and publish again; that is tried twice, and is a dead letter."""
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id))

    @handlers.on(EmailProcessed, retry=TWICE)
    def deliver(event, ctx):
        raise ValueError("no such customer")

    with Producer(transport=transport, tracing=tracing) as producer:
        for number in range(events):
            producer.publish(EmailReceived(email_id=f"e-{number}"))
    group = ConsumerGroup(
        GROUP, handlers, transport=transport, dead_letter_limit=None, tracing=tracing
    )
    with group:
        until(lambda: group.stats().dead_lettered == events)


NAMES = {
    "send pat-emails": 2,
    "process pat-emails": 3,
    "retry pat-emails": 1,
    "give up pat-emails": 1,
    "dead letter pat-emails": 1,
}


@pytest.mark.parametrize("parent", [False, True])
def test_publish_handler_publish_retry_and_dead_letter_are_one_connected_trace(
    spans, transport, parent
):
    chain(transport, Tracing(spans.provider, parent=parent))
    assert {name: spans.names.count(name) for name in set(spans.names)} == NAMES
    assert connected(edges_of(spans.all))
    assert len({it.context.trace_id for it in spans.all}) == (1 if parent else 4)


@contextmanager
def queue_of_sqs():
    """A queue that keeps what it was sent, as Lambda is invoked with it."""
    taken = []

    def send(fields):
        taken.extend(fields["Entries"])
        sent = [{"Id": it["Id"], "MessageId": f"m-{it['Id']}"} for it in fields["Entries"]]
        return {"Successful": sent, "Failed": []}

    with fake_aws(
        GetQueueUrl=lambda fields: {"QueueUrl": f"http://sqs/0/{fields['QueueName']}"},
        SendMessageBatch=send,
    ) as service:
        yield taken, Sqs("emails", AwsConfig(region="us-east-1", endpoint_url=service.address))


def invocation_of(entry):
    attributes = {
        name: {"stringValue": it["StringValue"], "dataType": it["DataType"]}
        for name, it in entry.get("MessageAttributes", {}).items()
    }
    system = {
        name: it["StringValue"] for name, it in entry.get("MessageSystemAttributes", {}).items()
    }
    return sqs(entry["MessageBody"], attributes=attributes, system=system)


@pytest.mark.parametrize("parent", [False, True])
def test_kafka_bridge_queue_and_function_are_one_connected_trace(
    spans, transport, aws_credentials_of_none, parent
):
    tracing = Tracing(spans.provider, parent=parent)
    with Producer(transport=transport, tracing=tracing) as producer:
        producer.publish(EmailReceived(email_id="e-1"))
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=TWICE)
    def process(event, ctx):
        if ctx.attempt == 1:
            raise ValueError("busy")

    with queue_of_sqs() as (taken, to):
        bridge = Bridge(GROUP, to, types=[EmailReceived], transport=transport, tracing=tracing)
        with bridge:
            until(lambda: bridge.stats().handled == 1)
    handler = lambda_handler(handlers, tracing=tracing)
    assert handler(invocation_of(taken[0]), LambdaContext()) == {"batchItemFailures": []}
    assert sorted(spans.names) == [
        *["process my-queue"] * 2,
        "process pat-emails",
        "retry my-queue",
        *["send pat-emails"] * 2,
    ]
    assert connected(edges_of(spans.all))
    systems = [it.attributes["messaging.system"] for it in spans.named("send pat-emails")]
    assert systems == ["kafka", "aws_sqs"]
    assert spans.named("process my-queue")[0].attributes["messaging.system"] == "aws_sqs"
    if parent:
        assert len({it.context.trace_id for it in spans.all}) == 1


def test_a_bridge_from_a_queue_sends_on_with_its_own_place_in_the_trace(spans, transport):
    queue = MemoryQueue("emails", redrive=(MemoryQueue("dead"), 3))
    queue.system = "aws_sqs"
    value = EmailReceived(email_id="e-1").SerializeToString()
    queue.send(value, EMAIL_RECEIVED)
    with QueueBridge(queue, transport, tracing=Tracing(spans.provider)) as bridge:
        until(lambda: bridge.stats().handled == 1)
    sent, taken = spans.one("send pat-emails"), spans.one("process emails")
    assert sent.parent.span_id == taken.context.span_id


@pytest.mark.parametrize("fifo", [False, True])
def test_what_the_target_of_a_bridge_refuses_ends_its_span_with_the_error(
    spans, transport, monkeypatch, fifo
):
    def refuse(self, outgoing):
        raise RecordTooLargeError("no")

    queue = MemoryQueue("emails", fifo=fifo, redrive=(MemoryQueue("dead", fifo=fifo), 1))
    value = EmailReceived(email_id="e-1").SerializeToString()
    queue.send(value, EMAIL_RECEIVED, group="g" if fifo else None)
    order = "key" if fifo else "none"
    monkeypatch.setattr(MemorySender, "send", refuse)
    with QueueBridge(queue, transport, order=order, tracing=Tracing(spans.provider)):
        until(lambda: spans.named("give up emails"))
    span = spans.one("send pat-emails")
    assert span.attributes["error.type"] == "pat_events.errors.RecordTooLargeError"


@pytest.fixture
def aws_credentials_of_none(monkeypatch):
    """Whatever they are: nobody looks."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


class Collector(ThreadingHTTPServer):
    """Takes what exporters send by OTLP; answers with ``status``, or not before ``go_on``."""

    daemon_threads = True

    def __init__(self, status=200, *, hangs=False):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.go_on = threading.Event()
        if not hangs:
            self.go_on.set()
        self.received = []

    @property
    def spans(self):
        return [
            span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def log_message(self, *args):
        """Keep still."""

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(ExportTraceServiceRequest.FromString(sent))
        self.server.go_on.wait(30)
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def collecting(**options):
    with Collector(**options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        finally:
            server.go_on.set()
            server.shutdown()
            thread.join()


def exporting(endpoint, timeout_s=0.5, **limits):
    """A provider that exports by OTLP, and its processor."""
    provider = TracerProvider(resource=Resource.create({"service.name": "mails"}))
    exporter = OTLPSpanExporter(endpoint, timeout=timeout_s)
    processor = BatchSpanProcessor(exporter, **limits)
    provider.add_span_processor(processor)
    return provider, processor


def test_a_collector_gets_the_connected_trace_by_otlp(transport):
    with collecting() as (server, endpoint):
        provider, _ = exporting(endpoint)
        chain(transport, Tracing(provider))
        provider.shutdown()
    names = [span.name for span in server.spans]
    assert {name: names.count(name) for name in set(names)} == NAMES
    assert connected(
        [
            (
                span.span_id,
                [it for it in [span.parent_span_id, *(link.span_id for link in span.links)] if it],
            )
            for span in server.spans
        ]
    )
    (scope, *_) = server.received[0].resource_spans[0].scope_spans
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.44.0"


QUEUE = 64


@pytest.mark.parametrize("trouble", ["down", "refusing", "hanging"])
def test_events_go_on_and_memory_is_bounded_whatever_the_collector_does(transport, trouble, caplog):
    options = {"refusing": {"status": 503}, "hanging": {"hangs": True}}.get(trouble, {})
    with collecting(**options) as (_, answers):
        endpoint = "http://127.0.0.1:1/v1/traces" if trouble == "down" else answers
        limits = {"max_queue_size": QUEUE, "max_export_batch_size": 16}
        provider, processor = exporting(endpoint, **limits, schedule_delay_millis=10)
        # Nothing in here waits for the collector: each event makes 8 spans, of which most go.
        chain(transport, Tracing(provider), events=100)
        assert len(processor._batch_processor._queue) <= QUEUE
        processor.span_exporter.shutdown()
        provider.shutdown()


def run(handlers, transport, tracing, *, handled=0, dead=0, **options):
    group = ConsumerGroup(GROUP, handlers, transport=transport, tracing=tracing, **options)
    with group:
        until(lambda: (group.stats().handled, group.stats().dead_lettered) == (handled, dead))


def publish(transport, tracing, *email_ids):
    with Producer(transport=transport, tracing=tracing) as producer:
        for email_id in email_ids:
            producer.publish(EmailReceived(email_id=email_id))


@pytest.mark.parametrize("parent", [False, True])
def test_an_event_that_no_handler_was_called_with_has_spans_of_what_became_of_it(
    spans, transport, parent
):
    tracing = Tracing(spans.provider, parent=parent)
    publish(transport, tracing, "e-1")
    (record,) = transport._broker.records("pat-emails")
    headers = dict(record.headers)
    for changed in ({"ce_type": b"x.Unknown"}, {"content-type": b"application/json"}):
        transport._broker.append(outgoing(record, headers | changed))
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event, ctx):
        pass

    run(handlers, transport, tracing, handled=1, dead=2)
    sent = spans.one("send pat-emails")
    given_up, letters = spans.named("give up pat-emails"), spans.named("dead letter pat-emails")
    assert [it.attributes["pat_events.reason"] for it in given_up] == [
        "unknown-event",
        "undecodable",
    ]
    assert {it.parent.span_id for it in letters} == {it.context.span_id for it in given_up}
    for span in given_up:
        place = span.parent if parent else span.links[0].context
        assert (place.trace_id, place.span_id) == (sent.context.trace_id, sent.context.span_id)
        assert span.attributes["error.type"].startswith("pat_events.errors.")


def outgoing(record, headers):
    return Outgoing(record.topic, record.key, record.value, headers, record.timestamp_ms)


def test_of_an_event_that_is_not_sampled_nothing_is_recorded_where_it_is_given_up(spans, transport):
    publish(transport, None, "e-1")
    (record,) = transport._broker.records("pat-emails")
    headers = dict(record.headers) | {
        "ce_type": b"x.Unknown",
        "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    }
    transport._broker.append(outgoing(record, headers))
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: None)
    run(handlers, transport, Tracing(spans.provider), handled=1, dead=1)
    assert spans.names == ["process pat-emails"]


def test_the_span_of_a_call_past_its_deadline_ends_there(spans, transport):
    tracing = Tracing(spans.provider)
    publish(transport, tracing, "e-1")
    handlers, returns = Handlers(), threading.Event()

    @handlers.on(EmailReceived, timeout_s=0.1, retry=RetryPolicy(attempts=1))
    def hang(event, ctx):
        returns.wait(30)

    group = ConsumerGroup(GROUP, handlers, transport=transport, tracing=tracing, max_threads=2)
    with group:
        until(lambda: group.stats().dead_lettered == 1)
        span = spans.one("process pat-emails")
        returns.set()
    assert span.attributes["error.type"] == "pat_events.errors.HandlerTimeoutError"
    assert spans.one("give up pat-emails").parent.span_id == span.context.span_id
    assert spans.one("dead letter pat-emails").parent.span_id == span.context.span_id


def test_what_a_batch_handler_says_has_failed_is_below_its_span(spans, transport):
    tracing = Tracing(spans.provider)
    publish(transport, tracing, "good", "bad")
    handlers = Handlers()

    @handlers.batch(EmailReceived, max_events=10, retry=RetryPolicy(attempts=1))
    def process(pairs):
        for event, ctx in pairs:
            if event.email_id == "bad":
                ctx.fail(ValueError("no"))

    run(handlers, transport, tracing, handled=1, dead=1)
    attempts = spans.named("process pat-emails")
    failed = [it for it in attempts if it.attributes.get("error.type") == "ValueError"]
    letter = spans.one("dead letter pat-emails")
    assert letter.parent.span_id in {it.context.span_id for it in failed}


def test_of_what_goes_back_to_its_queue_no_more_is_kept_than_a_bound(spans, monkeypatch):
    monkeypatch.setattr("pat_events.telemetry.consumer_tracing._KEPT", 3)
    tracing, made = Tracing(spans.provider), []
    of_consumer = tracing.of_consumer
    tracing.of_consumer = lambda origin: made.append(of_consumer(origin)) or made[-1]
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def process(event, ctx):
        raise ValueError("no")

    queue = MemoryQueue("emails", redrive=(MemoryQueue("dead"), 3))
    for number in range(20):
        queue.send(EmailReceived(email_id=f"e-{number}").SerializeToString(), EMAIL_RECEIVED)
    with QueueConsumer(queue, handlers, tracing=tracing):
        until(lambda: len(spans.named("process emails")) == 3 * 20)
    assert len(made[0]._last) <= 3
    assert made[0]._running == {}


def test_a_function_keeps_nothing_of_an_invocation(spans):
    tracing, made = Tracing(spans.provider), []
    of_consumer = tracing.of_consumer
    tracing.of_consumer = lambda origin: made.append(of_consumer(origin)) or made[-1]
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def process(event, ctx):
        raise ValueError("no")

    lambda_handler(handlers, tracing=tracing)(sqs(body("a"), body("b")), LambdaContext())
    assert len(spans.named("give up my-queue")) == 2
    assert made[0]._last == {}
