"""A record is an event for an operator exactly where it is one for a consumer group."""

import pytest

from pat_events import Handlers
from pat_events.codecs.table import codec_by_name
from pat_events.consumer.routes import Route, Routes
from pat_events.core.headers import CE_TYPE, CONTENT_TYPE
from pat_events.core.record import Delivery
from pat_events.errors import CodecError
from pat_events.events import EmailReceived
from pat_events.ops.json_records import decode, record_as_json
from tests.support.cloud_events import BY_SDK, STRUCTURED, structured
from tests.support.payloads import encode

EVENT = EmailReceived(email_id="e-1")
ABSENT = object()


def delivery(content_type=ABSENT, value=None):
    headers = [(CE_TYPE, b"pat.events.v1.EmailReceived")]
    if content_type is not ABSENT:
        headers.append((CONTENT_TYPE, content_type))
    return Delivery("pat-emails", 3, 42, b"e-1", value, headers, 1)


@pytest.mark.parametrize(
    ("content_type", "codec"),
    [
        (ABSENT, "protobuf"),
        (None, "protobuf"),
        (b"application/protobuf", "protobuf"),
        (b" Application/Protobuf ; messageType=x", "protobuf"),
        (b"APPLICATION/AVRO", "avro"),
    ],
)
def test_what_a_group_reads_is_an_event(types, content_type, codec):
    record = delivery(content_type, encode(codec_by_name(codec), EVENT))
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    assert isinstance(Routes(handlers, types, 1_000).find(record), Route)
    assert decode(types, record) == EVENT


@pytest.mark.parametrize("sdk", BY_SDK)
def test_what_the_sdks_write_is_an_event_with_its_envelope(types, sdk):
    value, headers = BY_SDK[sdk]
    record = Delivery("pat-emails", 3, 42, b"e-1", value, headers, 1)
    shown = record_as_json(types, record)
    assert shown["event"]["email_id"] == "m-1"
    assert shown["envelope"]["event_id"] == "e-1"
    assert shown["envelope"]["type"] == "pat.events.v1.EmailReceived"
    assert shown["envelope"]["source"] == "shop.web"
    # As they came.
    assert shown["headers"] == {name: value.decode() for name, value in headers}
    assert decode(types, record).email_id == "m-1"


def test_what_is_in_structured_mode_and_no_event_is_shown_as_bytes_with_its_envelope(types):
    record = Delivery("pat-emails", 3, 42, b"k", structured(data="x"), STRUCTURED, 1)
    shown = record_as_json(types, record)
    assert "must be a JSON object" in shown["error"]
    assert shown["value_base64"]
    assert shown["envelope"]["event_id"] == "e-1"
    broken = record_as_json(types, Delivery("pat-emails", 3, 42, b"k", b"{", STRUCTURED, 1))
    assert "not JSON" in broken["error"]
    assert broken["envelope"]["event_id"] == "pat-emails/3/42"
    # Without the classes there is still an envelope.
    without = record_as_json(None, Delivery("pat-emails", 3, 42, b"k", structured(), STRUCTURED, 1))
    assert without["envelope"]["event_id"] == "e-1"


@pytest.mark.parametrize("content_type", [b"", b" ", b";", b"text/plain", b"\xff"])
def test_what_a_group_refuses_is_no_event(types, content_type):
    record = delivery(content_type, EVENT.SerializeToString())
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    assert isinstance(Routes(handlers, types, 1_000).find(record), CodecError)
    with pytest.raises(CodecError, match="these can: application/protobuf, application/avro"):
        decode(types, record)


def test_where_a_payload_is_kept_is_told_in_place_of_the_event(types):
    reference = [("ce_dataref", b"s3://payloads/a\nb")]
    binary = Delivery(
        "t", 0, 0, b"k", b"", [(CE_TYPE, b"pat.events.v1.EmailReceived"), *reference], 1
    )
    in_body = structured(data=None, dataref="s3://payloads/a")
    for record in (binary, Delivery("t", 0, 0, b"k", in_body, STRUCTURED, 1)):
        shown = record_as_json(types, record)
        assert shown["error"].startswith("the payload of EmailReceived is in s3://payloads/a")
        assert "\n" not in shown["error"]
    both = Delivery("t", 0, 0, b"k", structured(dataref="s3://payloads/a"), STRUCTURED, 1)
    assert "event" in record_as_json(types, both)


def test_a_record_without_a_payload_is_no_event(types):
    with pytest.raises(CodecError, match="EmailReceived has no payload"):
        decode(types, delivery())
