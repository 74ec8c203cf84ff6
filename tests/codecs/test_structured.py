"""CloudEvents in structured mode: anybody may have written them."""

import base64
import json

import pytest

from pat_events import events
from pat_events.codecs.structured import MEDIA_TYPE, is_of_type, unfold
from pat_events.codecs.table import codec_by_name, reader_by_media_type
from pat_events.core.envelope import read_envelope
from pat_events.core.headers import MAX_HEADER_BYTES, MAX_HEADERS
from pat_events.core.record import Delivery
from pat_events.errors import CodecError
from tests.support.cloud_events import STRUCTURED, TRACEPARENT, structured
from tests.support.payloads import encode

EVENT = events.EmailReceived(email_id="m-1", size_bytes=2**40, raw_email=b"\x00\xff")


@pytest.fixture
def decode():
    return reader_by_media_type(MEDIA_TYPE).decoder(events.EmailReceived)


def delivery(value, *headers):
    return Delivery("pat-emails", 3, 42, b"k", value, [*STRUCTURED, *headers], 1)


def base64_of(payload):
    return base64.b64encode(payload).decode()


@pytest.mark.parametrize("codec", ["protobuf", "avro"])
@pytest.mark.parametrize("spelling", ["application/{}", "Application/{}; charset=binary"])
def test_data_in_base64_is_read_by_the_content_type_that_the_value_names(decode, codec, spelling):
    payload = encode(codec_by_name(codec), EVENT)
    value = structured(
        data=None, data_base64=base64_of(payload), datacontenttype=spelling.format(codec)
    )
    assert decode(value) == EVENT


@pytest.mark.parametrize("kind", [None, "application/json", "application/JSON; charset=utf-8"])
def test_data_in_json_is_read_as_protobufs_json(decode, kind):
    data = {"email_id": "m-1", "sizeBytes": str(2**40), "raw_email": "AP8="}
    assert decode(structured(data=data, datacontenttype=kind)) == EVENT
    text = base64_of(json.dumps(data).encode())
    assert decode(structured(data=None, data_base64=text, datacontenttype=kind)) == EVENT


def test_a_field_of_a_newer_version_is_left_out(decode):
    assert decode(structured(data={"email_id": "m-1", "new": {"a": 1}})).email_id == "m-1"


def test_a_name_that_a_newer_version_gave_a_value_of_an_enum_is_left_out(decode):
    event = decode(structured(data={"email_id": "m-1", "protocol": "EMAIL_PROTOCOL_PIGEON"}))
    assert event == events.EmailReceived(email_id="m-1")


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"data": None}, "there is no data"),
        ({"data": "text"}, "EmailReceived: must be a JSON object"),
        ({"data": ["a"]}, "must be a JSON object"),
        ({"data": {"email_id": 7}}, "EmailReceived: .*email_id"),
        ({"data_base64": "AA=="}, "both data and data_base64"),
        ({"data": None, "data_base64": 7}, "data_base64 is no text"),
        ({"data": None, "data_base64": "A"}, "data_base64: "),
        ({"data": None, "data_base64": "ü"}, "data_base64: "),
        ({"data": None, "data_base64": "AA==", "datacontenttype": "application/avro"}, "EOFError"),
        ({"data": None, "data_base64": "/w==", "datacontenttype": "application/protobuf"}, "pars"),
        ({"data": None, "data_base64": "/w=="}, "not JSON: 'utf-8' codec"),
        ({"datacontenttype": "application/protobuf"}, "application/protobuf' has to be in data_b"),
        ({"datacontenttype": 7}, "datacontenttype is no text"),
        ({"data": None, "data_base64": "AA==", "datacontenttype": "text/plain"}, "cannot be read"),
        (
            {
                "data": None,
                "data_base64": base64_of(structured()),
                "datacontenttype": "application/cloudevents+json",
            },
            "cannot be read",
        ),
    ],
)
def test_data_that_is_not_the_event_is_a_codec_error(decode, members, problem):
    with pytest.raises(CodecError, match=problem):
        decode(structured(**members))


BROKEN = {
    "no JSON": b"{",
    "no UTF-8": b'{"\xff": 1}',
    "UTF-16": '{"specversion": "1.0"}'.encode("utf-16"),
    "no object": b"[]",
    "null": b"null",
    "a name twice": structured()[:-1] + b', "type": "pat.events.v1.EmailDeleted"}',
    "a name twice, deep within": structured(data={"a": 1}).replace(b'"a": 1', b'"a": 1, "a": 2'),
    "NaN": structured(data={"a": 7}).replace(b"7", b"NaN"),
    "Infinity": structured(data={"a": 7}).replace(b"7", b"-Infinity"),
    "a number of many digits": structured(data={"a": 7}).replace(b"7", b"7" * 10_000),
    "deep": b'{"a":' * 100_000,
    "deep, closed": b'{"data":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "no version": structured(specversion=None),
    "another version": structured(specversion="0.3"),
    "a version of another type": structured(specversion=1.0),
}
WRONG = {
    "no type": structured(type=None),
    "an empty type": structured(type=""),
    "an object for an attribute": structured(source={"a": 1}),
    "a list for an attribute": structured(id=["e-1"]),
    "a fraction for an attribute": structured(sequence=1.5),
    "half a character": structured(subject="\ud800"),
    "half a character in a name": structured(**{"a\ud800": "x" * MAX_HEADER_BYTES}),
    "too many attributes": structured(**{f"a{i}": "" for i in range(MAX_HEADERS)}),
    "too long attributes": structured(subject="x" * MAX_HEADER_BYTES),
}


@pytest.mark.parametrize("value", [*BROKEN.values(), *WRONG.values()], ids=[*BROKEN, *WRONG])
def test_what_is_no_cloud_event_is_a_short_codec_error(value):
    record = delivery(value)
    with pytest.raises(CodecError) as caught:
        unfold(record)
    assert len(str(caught.value)) < 700
    assert str(caught.value).isprintable()
    assert record.header_values == dict(STRUCTURED)


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_a_value_that_cannot_be_read_is_a_codec_error_for_a_worker_too(decode, value):
    with pytest.raises(CodecError):
        decode(value)


def test_attributes_are_headers_whatever_their_type():
    record = delivery(structured(sequence=7, flag=True, nothing=None, correlationid="c-1"))
    assert unfold(record)
    assert record.header_values["ce_sequence"] == b"7"
    assert record.header_values["ce_flag"] == b"true"
    assert "ce_nothing" not in record.header_values
    assert "ce_data" not in record.header_values
    assert read_envelope(record).correlation_id == "c-1"


def test_the_trace_of_the_last_hop_wins_over_that_of_the_start():
    start = delivery(structured(tracestate="a=b"))
    assert unfold(start)
    assert start.header_values["traceparent"].decode() == TRACEPARENT
    assert start.header_values["tracestate"] == b"a=b"
    hop = TRACEPARENT.replace("b7ad6b7169203331", "00f067aa0ba902b7").encode()
    last = delivery(structured(tracestate="a=b"), ("traceparent", hop))
    assert unfold(last)
    assert last.header_values["traceparent"] == hop
    assert "tracestate" not in last.header_values


def test_a_record_that_is_looked_at_twice_is_the_same():
    record = Delivery("pat-emails", 3, 42, b"k", structured(), [("x", b"1"), ("x", b"2")], 1)
    assert unfold(record)
    values = record.header_values
    assert unfold(record)
    assert record.header_values == values
    assert record.headers == [("x", b"1"), ("x", b"2")]


def test_a_record_in_binary_mode_stays_as_it_is():
    headers = [("ce_type", b"pat.events.v1.EmailReceived"), ("content-type", b"application/json")]
    record = Delivery("pat-emails", 3, 42, b"k", structured(), headers, 1)
    assert not unfold(record)
    assert record.header_values == dict(headers)


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_of_which_type_a_record_is_is_told_in_either_mode(mode):
    record = delivery(structured())
    if mode == "binary":
        headers = [("ce_type", b"pat.events.v1.EmailReceived")]
        record = Delivery("pat-emails", 3, 42, b"k", b"", headers, 1)
    assert is_of_type(record, "pat.events.v1.EmailReceived")
    assert is_of_type(record, None)
    assert not is_of_type(record, "pat.events.v1.EmailProcessed")
    assert record.header_values["ce_type"] == b"pat.events.v1.EmailReceived"


def test_what_cannot_be_read_is_of_no_type():
    assert not is_of_type(delivery(b"{"), "pat.events.v1.EmailReceived")
    assert is_of_type(delivery(b"{"), None)
