from __future__ import annotations

import asyncio
import re
import uuid
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from pat_events import Context, Envelope
from pat_events.core.envelope import read_envelope
from pat_events.core.record import Delivery
from pat_events.core.trace_context import TraceContext
from pat_events.errors import (
    ConfigError,
    RecordTooLargeError,
    SchemaError,
    UnknownEventError,
)
from pat_events.events import EmailReceived, EventMetadata, TenantEvent, WorkflowTriggered

TRACE_ID = b"4bf92f3577b34da6a3ce929d0e0e4736"
CAUSE = Envelope(
    event_id="cause-1",
    type="pat.events.v1.EmailReceived",
    source="pat.smtp",
    subject="e-0",
    time="2026-11-23T10:00:00Z",
    correlation_id="chain-1",
    causation_id=None,
    tenant_id="tenant-1",
    content_type="application/protobuf",
    trace=TraceContext(b"00-" + TRACE_ID + b"-00f067aa0ba902b7-01", b"vendor=1"),
)

NO_EVENT = Delivery("pat-emails", 0, 0, b"e-1", b"", [], 1)


def only(log, topic="pat-emails"):
    (record,) = log.records(topic)
    return record


def test_the_envelope_is_exactly_cloudevents_in_binary_mode(make, log):
    event = EmailReceived(email_id="é-1", subject="hello")
    event.metadata.event_id = "id-1"
    event.metadata.timestamp.FromJsonString("2026-11-23T10:11:12.000000345Z")
    event.metadata.tenant_id = "tenant-1"
    make().publish(event)
    record = only(log)
    headers = dict(record.headers)
    assert len(headers) == len(record.headers)
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_type": b"pat.events.v1.EmailReceived",
        "ce_source": b"pat.smtp",
        "ce_id": b"id-1",
        "ce_time": b"2026-11-23T10:11:12.000000345Z",
        "ce_subject": "é-1".encode(),
        "ce_correlationid": b"id-1",
        "ce_tenantid": b"tenant-1",
        "content-type": b"application/protobuf",
    }
    assert record.key == "é-1".encode()
    assert record.value == event.SerializeToString()


def test_what_the_metadata_lacks_is_filled_in(make, log):
    event = EmailReceived(email_id="e-1")
    before = datetime.now(UTC)
    make(source="my.service", tenant_id="tenant-9").publish(event)
    after = datetime.now(UTC)
    written = EmailReceived.FromString(only(log).value)
    assert written == event
    metadata = written.metadata
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", metadata.event_id)
    assert metadata.correlation_id == metadata.event_id
    assert (metadata.source, metadata.tenant_id) == ("my.service", "tenant-9")
    assert before <= metadata.timestamp.ToDatetime(UTC) <= after
    envelope = read_envelope(only(log))
    again = Timestamp()
    again.FromJsonString(envelope.time)
    assert again == metadata.timestamp
    assert (envelope.event_id, envelope.source) == (metadata.event_id, "my.service")
    assert before.timestamp() * 1000 - 1 <= only(log).timestamp_ms <= after.timestamp() * 1000


def test_what_the_metadata_has_is_kept(make, log):
    metadata = EventMetadata(
        event_id="mine", correlation_id="chain", source="here", tenant_id="t", user_id="u"
    )
    make(tenant_id="other").publish(EmailReceived(email_id="e-1", metadata=metadata))
    written = EmailReceived.FromString(only(log).value).metadata
    written.ClearField("timestamp")
    assert written == metadata


def test_the_same_object_keeps_its_id_and_time_when_published_again(make, log):
    producer, event = make(), EmailReceived(email_id="e-1")
    first, second = producer.publish(event), producer.publish(event)
    assert first.event_id == second.event_id == event.metadata.event_id
    one, other = log.records("pat-emails")
    assert one.value == other.value
    same = ("ce_id", "ce_time")
    assert [dict(one.headers)[it] for it in same] == [dict(other.headers)[it] for it in same]


def test_events_have_ids_of_their_own(make, log):
    producer = make()
    for number in range(5):
        producer.publish(EmailReceived(email_id=f"e-{number}"))
    headers = [dict(it.headers) for it in log.records("pat-emails")]
    assert len({it["ce_id"] for it in headers}) == 5


def test_an_answer_carries_correlation_causation_tenant_and_trace_on(make, log):
    make().publish(WorkflowTriggered(workflow_id="w-1"), caused_by=CAUSE)
    record = only(log, "pat-events")
    headers = dict(record.headers)
    assert headers["ce_correlationid"] == b"chain-1"
    assert headers["ce_causationid"] == b"cause-1"
    assert headers["ce_tenantid"] == b"tenant-1"
    assert headers["tracestate"] == b"vendor=1"
    assert headers["traceparent"].startswith(b"00-" + TRACE_ID + b"-")
    assert headers["traceparent"].endswith(b"-01")
    assert b"00f067aa0ba902b7" not in headers["traceparent"]
    metadata = WorkflowTriggered.FromString(record.value).metadata
    assert (metadata.correlation_id, metadata.tenant_id) == ("chain-1", "tenant-1")


def test_an_answer_to_an_event_without_a_trace_begins_none(make, log):
    make().publish(EmailReceived(email_id="e"), caused_by=CAUSE._replace(trace=None))
    headers = dict(only(log).headers)
    assert not {"traceparent", "tracestate"} & set(headers)


def test_arguments_win_over_what_is_carried_on(make, log):
    make().publish(
        EmailReceived(email_id="e"), caused_by=CAUSE, correlation_id="own", tenant_id="their"
    )
    headers = dict(only(log).headers)
    assert (headers["ce_correlationid"], headers["ce_tenantid"]) == (b"own", b"their")


def test_further_headers_follow_the_envelope(make, log):
    make().publish(EmailReceived(email_id="e"), headers={"x-shard": b"\x07"})
    assert only(log).headers[-1] == ("x-shard", b"\x07")


@pytest.mark.parametrize("value", ["text", 3, None, bytearray(b"b")])
def test_a_header_that_is_not_bytes_is_refused(make, log, value):
    with pytest.raises(ConfigError, match=r"header 'x-shard' is of type .*: use bytes"):
        make().publish(EmailReceived(email_id="e"), headers={"x-shard": value})
    assert not log.records("pat-emails")


@pytest.mark.parametrize(
    "name",
    ["ce_id", "ce_anything", "content-type", "traceparent", "tracestate", "pat-dlq-reason"],
)
def test_a_header_of_the_envelope_is_refused(make, log, name):
    with pytest.raises(ConfigError, match=f"'{name}' belongs to the envelope"):
        make().publish(EmailReceived(email_id="e"), headers={name: b""})
    assert log.records("pat-emails") == []


def test_the_key_is_the_catalogues_field(make, log):
    make().publish(TenantEvent(tenant_id="tenant-7"))
    assert only(log, "pat-events").key == b"tenant-7"


@pytest.mark.parametrize(
    "name",
    ["", "\ud800", "content-type\0", b"bytes", 7],
    ids=["empty", "half a character", "cut short", "bytes", "number"],
)
def test_a_header_name_the_client_could_not_bear_is_refused(make, log, name):
    with pytest.raises(ConfigError, match=r"header name .* not empty and without NUL"):
        make().publish(EmailReceived(email_id="e-1"), headers={name: b"1"})
    assert log.records("pat-emails") == []


@pytest.mark.parametrize("how", ["publish", "apublish"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"tenant_id": 3}, "tenant_id is 3, of type int: give text"),
        ({"tenant_id": b"t"}, "tenant_id is b't', of type bytes: give text"),
        ({"correlation_id": uuid.UUID(int=1)}, "correlation_id is UUID"),
        ({"caused_by": "e-1"}, "caused_by is 'e-1', of type str: give an Envelope"),
        ({"caused_by": Context(NO_EVENT, None)}, "caused_by is .*Context: give an Envelope"),
        ({"headers": [("x-shard", b"7")]}, "headers is of type list: give a mapping"),
        ({"headers": "x-shard"}, "headers is of type str: give a mapping"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused_by_name(make, log, how, arguments, told):
    producer = make()

    async def publish():
        await getattr(producer, how)(EmailReceived(email_id="e-1"), **arguments)

    with pytest.raises(ConfigError, match=told):
        asyncio.run(publish())
    assert log.records("pat-emails") == []


def test_what_no_argument_has_led_to_is_raised_as_it_is(make, monkeypatch):
    producer = make()

    def fails(event):
        raise TypeError("the codec's own")

    monkeypatch.setattr(producer._stamps[EmailReceived], "encode", fails)
    with pytest.raises(TypeError, match="the codec's own"):
        producer.publish(EmailReceived(email_id="e-1"))


def test_the_class_of_an_event_is_told_from_an_event(make):
    with pytest.raises(UnknownEventError, match="a class was given in place of an event"):
        make().publish(EmailReceived)


@pytest.mark.parametrize("name", ["correlation_id", "tenant_id"])
def test_what_is_no_text_is_refused_in_terms_of_the_event(make, log, name):
    with pytest.raises(SchemaError, match="EmailReceived"):
        make().publish(EmailReceived(email_id="e-1"), **{name: "\ud800"})
    assert log.records("pat-emails") == []


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {f"h{number}": b"" for number in range(100)}},
        {"headers": {"h": b"x" * 65_536}},
        {"correlation_id": "c" * 65_536},
    ],
    ids=["many", "long", "long correlation"],
)
def test_headers_that_no_consumer_would_read_are_refused(make, log, more):
    with pytest.raises(RecordTooLargeError, match="consumers read"):
        make().publish(EmailReceived(email_id="e-1"), **more)
    assert log.records("pat-emails") == []


def test_an_event_without_its_key_is_refused(make, log):
    with pytest.raises(SchemaError, match=r"EmailReceived\.email_id is empty"):
        make().publish(EmailReceived(subject="no id"))
    assert log.records("pat-emails") == []


def test_a_message_that_is_no_event_is_refused_with_the_nearest_name(make):
    with pytest.raises(UnknownEventError, match=r"EventMetadata is no event of the catalogue"):
        make().publish(EventMetadata())


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(10**13, 0), (-(10**13), 0), (0, -1), (0, 1_000_000_000)]
)
def test_an_impossible_time_is_refused(make, log, seconds, nanos):
    event = EmailReceived(email_id="e")
    event.metadata.timestamp.seconds = seconds
    event.metadata.timestamp.nanos = nanos
    with pytest.raises(SchemaError, match=r"metadata\.timestamp"):
        make().publish(event)
    assert log.records("pat-emails") == []


@pytest.mark.parametrize("codec", ["protobuf", "avro"])
def test_the_content_type_names_the_codec(make, log, codec):
    make(codec=codec).publish(EmailReceived(email_id="e"))
    assert dict(only(log).headers)["content-type"] == f"application/{codec}".encode()


class TestSize:
    LIMIT = 2_000

    @staticmethod
    def size(record):
        headers = sum(len(name) + len(value) for name, value in record.headers)
        return len(record.key) + len(record.value) + headers

    @pytest.fixture
    def producer(self, make):
        return make(max_event_bytes=self.LIMIT)

    def test_the_limit_counts_key_payload_and_headers_to_the_byte(self, producer, log):
        event = EmailReceived(email_id="e", text_body="x" * 200)
        producer.publish(event)
        room = self.LIMIT - self.size(only(log))
        event.text_body += "x" * (room - 1)  # One byte more for the longer length prefix.
        while True:
            try:
                producer.publish(event)
            except RecordTooLargeError:
                break
            event.text_body += "x"
        assert max(self.size(it) for it in log.records("pat-emails")) == self.LIMIT

    @pytest.mark.parametrize(
        ("fields", "arguments"),
        [
            ({"text_body": "x" * 2_000}, {}),
            ({}, {"correlation_id": "x" * 1_000}),
            ({}, {"tenant_id": "x" * 1_000}),
            ({}, {"headers": {"h": b"x" * 2_000}}),
            ({}, {"caused_by": CAUSE._replace(event_id="x" * 2_000)}),
            ({"email_id": "x" * 1_000}, {}),
        ],
    )
    def test_an_event_over_the_limit_is_refused_before_sending(
        self, producer, log, fields, arguments
    ):
        event = EmailReceived(**{"email_id": "e"} | fields)
        with pytest.raises(RecordTooLargeError, match=r"limit is 2000 \(max_event_bytes\)"):
            producer.publish(event, **arguments)
        assert log.records("pat-emails") == []
