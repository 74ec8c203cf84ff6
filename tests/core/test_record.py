from __future__ import annotations

import pytest

from pat_events.core import headers as h
from pat_events.core.envelope import Envelope, read_envelope
from pat_events.core.record import Delivery, Position, Record
from pat_events.core.trace_context import TraceContext

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def delivery(headers=()):
    return Delivery("orders", 3, 42, b"k", b"v", list(headers), 1_700_000_000_000)


def test_a_position_reads_topic_partition_offset():
    assert str(Position("orders", 3, 42)) == "orders/3/42"


def test_a_delivery_knows_its_position_and_starts_at_its_first_attempt():
    it = delivery()
    assert it.position == Position("orders", 3, 42)
    assert repr(it) == "Delivery(orders/3/42)"
    assert (it.attempt, it.holds, it.first_failed_ms, it.route) == (1, 0, 0, None)


def test_the_text_of_a_delivery_holds_no_payload():
    assert "v" not in repr(Delivery("orders", 3, 42, b"k", b"secret v", [], 0)).replace(
        "Delivery", ""
    )


def test_a_record_is_topic_key_value_headers_time():
    record = Record("t", b"k", None, [], 5)
    assert (record.topic, record.key, record.value, record.headers, record.timestamp_ms) == (
        "t",
        b"k",
        None,
        [],
        5,
    )


def test_the_last_of_equal_headers_counts():
    it = delivery([("a", b"1"), ("b", b"2"), ("a", b"3")])
    assert it.header_values == {"a": b"3", "b": b"2"}


@pytest.mark.parametrize("headers", [[], [("b", b"1"), ("a", None)], [("a", b"1"), ("a", b"1")]])
def test_headers_are_told_as_they_came(headers):
    assert list(delivery(headers).headers) == headers


@pytest.mark.parametrize(
    ("value", "expected"), [("ä".encode(), "ä"), (b"\xff", None), (None, None), (b"", "")]
)
def test_a_header_that_is_not_text_is_none(value, expected):
    assert h.text({"a": value}, "a") == expected


def test_the_size_of_headers_is_keys_and_values():
    assert h.size_bytes([("ab", b"123"), ("c", None), ("d", b"")]) == 7


def test_every_attribute_of_an_envelope_is_read_from_its_header():
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e-1"),
        ("ce_type", b"pat.events.v1.EmailReceived"),
        ("ce_source", b"pat.smtp"),
        ("ce_subject", b"k"),
        ("ce_time", b"2026-11-23T10:00:00Z"),
        ("ce_correlationid", b"c-1"),
        ("ce_causationid", b"x-1"),
        ("ce_tenantid", b"t-1"),
        ("content-type", b"application/protobuf"),
        ("traceparent", TRACEPARENT),
        ("tracestate", b"vendor=1"),
    ]
    assert read_envelope(delivery(headers)) == Envelope(
        event_id="e-1",
        type="pat.events.v1.EmailReceived",
        source="pat.smtp",
        subject="k",
        time="2026-11-23T10:00:00Z",
        correlation_id="c-1",
        causation_id="x-1",
        tenant_id="t-1",
        content_type="application/protobuf",
        trace=TraceContext(TRACEPARENT, b"vendor=1"),
    )


def test_a_record_without_headers_is_named_by_its_position():
    envelope = read_envelope(delivery())
    assert envelope.event_id == envelope.correlation_id == "orders/3/42"
    assert envelope.type is envelope.trace is envelope.tenant_id is None


@pytest.mark.parametrize("event_id", [b"", b"\xff\xfe", None])
def test_an_unusable_id_is_replaced_by_the_position(event_id):
    assert read_envelope(delivery([("ce_id", event_id)])).event_id == "orders/3/42"


def test_the_first_event_of_a_chain_is_its_own_correlation():
    assert read_envelope(delivery([("ce_id", b"e-1")])).correlation_id == "e-1"


def test_hostile_headers_never_raise():
    names = ("ce_id", "ce_type", "ce_time", "traceparent", "tracestate", "content-type")
    for value in (None, b"", b"\xff" * 1000, b"\x00", b"x" * 100_000):
        read_envelope(delivery([(name, value) for name in names]))
