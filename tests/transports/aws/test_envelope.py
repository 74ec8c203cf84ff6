"""Events as AWS's buses carry them, byte for byte."""

from __future__ import annotations

import base64
import json

import pytest

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.codecs.table import STRUCTURED, media_type_after_unfolding, reader_by_media_type
from pat_events.core.claim import Claim
from pat_events.core.envelope import read_envelope
from pat_events.core.record import Delivery
from pat_events.errors import SchemaError, UnknownEventError
from pat_events.events import EmailReceived
from pat_events.transports.aws import envelope as aws
from pat_events.transports.aws.message_fields import fifo_fields, fifo_id, message_attributes
from pat_events.transports.sending import Outgoing

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": b"i-1",
    "ce_type": b"pat.events.v1.EmailReceived",
    "ce_source": b"my.service",
    "ce_time": b"2026-11-28T01:02:03.000000004Z",
    "ce_subject": b"e-1",
    "ce_correlationid": b"c-1",
    "content-type": b"application/protobuf",
}
FULL = HEADERS | {
    "ce_causationid": b"i-0",
    "ce_tenantid": b"t-1",
    "traceparent": TRACE,
    "tracestate": b"a=b",
}
EVENT = EmailReceived(email_id="e-1", subject="é")
EVENT.attachments.add(size=5)
EVENT.metadata.event_id = "i-1"


@pytest.fixture(scope="module")
def envelopes():
    return aws.Envelopes(EventTypes(load_catalog()))


def outgoing(headers=None, event=EVENT):
    return Outgoing("pat-emails", b"e-1", event.SerializeToString(), headers or HEADERS, 0)


ELSEWHERE = {
    "dataref": "s3://payloads/a/b",
    "datareflength": "1000",
    "datarefsha256": "0" * 64,
    "datacontenttype": "application/protobuf",
}


def elsewhere():
    """A record whose payload is kept elsewhere."""
    claim = Claim("payloads", "a/b", 1000, "0" * 64)
    return Outgoing("pat-emails", b"e-1", b"", HEADERS | claim.headers, 0)


def body_of(envelopes, record, form="json"):
    return envelopes.structured(record, envelopes.wrap(record), form)


class TestBody:
    def test_it_is_a_cloud_event_in_structured_mode(self, envelopes):
        assert json.loads(body_of(envelopes, outgoing(FULL))) == {
            "specversion": "1.0",
            "id": "i-1",
            "type": "pat.events.v1.EmailReceived",
            "source": "my.service",
            "time": "2026-11-28T01:02:03.000000004Z",
            "subject": "e-1",
            "correlationid": "c-1",
            "causationid": "i-0",
            "tenantid": "t-1",
            "traceparent": TRACE.decode(),
            "tracestate": "a=b",
            "datacontenttype": "application/json",
            "data": {
                "metadata": {"event_id": "i-1"},
                "email_id": "e-1",
                "subject": "é",
                "attachments": [{"size": "5"}],
            },
        }

    @pytest.mark.parametrize("form", ["json", "base64"])
    def test_the_reader_of_structured_records_finds_event_and_envelope_in_it(self, envelopes, form):
        body = body_of(envelopes, outgoing(FULL), form).encode()
        delivery = Delivery("q", 0, 0, None, body, [("content-type", STRUCTURED.encode())], 0)
        assert media_type_after_unfolding(delivery) == STRUCTURED
        assert reader_by_media_type(STRUCTURED).decoder(EmailReceived)(body) == EVENT
        found = read_envelope(delivery)
        assert (found.event_id, found.type) == ("i-1", "pat.events.v1.EmailReceived")
        assert (found.correlation_id, found.causation_id, found.tenant_id) == ("c-1", "i-0", "t-1")
        assert found.trace == (TRACE, b"a=b")

    def test_as_base64_it_is_the_payload_as_the_codec_wrote_it(self, envelopes):
        body = json.loads(body_of(envelopes, outgoing(), "base64"))
        assert body["datacontenttype"] == "application/protobuf"
        assert base64.b64decode(body["data_base64"]) == EVENT.SerializeToString()

    def test_every_character_of_text_arrives_and_none_that_sqs_refuses_is_sent(self, envelopes):
        text = "".join(map(chr, range(0x80))) + "\ufffe\uffff\ud7ff\ue000\U0010ffff\x85\u2028"
        record = outgoing(event=EmailReceived(email_id="e-1", text_body=text))
        body = body_of(envelopes, record)
        assert json.loads(body)["data"]["text_body"] == text
        # A rule may hand it on to a queue.
        detail = envelopes.detail(record, envelopes.wrap(record))
        assert json.loads(detail)["text_body"] == text
        refused = [c for c in body + detail if ord(c) < 0x20 or c in "\ufffe\uffff"]
        assert refused == []

    def test_avro_is_read_before_it_is_written_as_json(self, envelopes):
        payload = AvroCodec.shared().encoder(EmailReceived)(EVENT)
        headers = HEADERS | {"content-type": b"application/avro"}
        record = Outgoing("pat-emails", b"e-1", payload, headers, 0)
        assert json.loads(body_of(envelopes, record))["data"]["email_id"] == "e-1"

    @pytest.mark.parametrize("form", ["json", "base64"])
    def test_a_claim_check_takes_the_place_of_the_data(self, envelopes, form):
        body = json.loads(body_of(envelopes, elsewhere(), form))
        assert body == {
            "specversion": "1.0",
            "id": "i-1",
            "type": "pat.events.v1.EmailReceived",
            "source": "my.service",
            "time": "2026-11-28T01:02:03.000000004Z",
            "subject": "e-1",
            "correlationid": "c-1",
            **ELSEWHERE,
        }


class TestAttributes:
    def attributes(self, envelopes, headers):
        return message_attributes(envelopes.wrap(outgoing(headers)))

    def test_they_repeat_what_one_filters_by(self, envelopes):
        found, _ = self.attributes(envelopes, FULL)
        assert {name: it["StringValue"] for name, it in found.items()} == {
            "content-type": "application/cloudevents+json",
            "ce_id": "i-1",
            "ce_type": "pat.events.v1.EmailReceived",
            "ce_source": "my.service",
            "ce_tenantid": "t-1",
            "traceparent": TRACE.decode(),
            "tracestate": "a=b",
        }

    def test_further_headers_are_binary_ones_and_all_count_towards_the_size(self, envelopes):
        found, size = self.attributes(envelopes, HEADERS | {"x-raw": b"\xff\x00"})
        assert found["x-raw"] == {"DataType": "Binary", "BinaryValue": b"\xff\x00"}
        assert size == sum(
            len(name) + len(it["DataType"]) + len(it.get("StringValue") or it["BinaryValue"])
            for name, it in found.items()
        )

    def test_there_are_ten_at_most(self, envelopes):
        three = {f"x-{n}": b"v" for n in range(3)}
        assert len(self.attributes(envelopes, FULL | three)[0]) == 10
        with pytest.raises(SchemaError, match=r"has 11 message attributes with its 4 headers"):
            self.attributes(envelopes, FULL | three | {"x-3": b"v"})

    @pytest.mark.parametrize(
        ("header", "words"),
        [
            ({"x y": b"v"}, "header 'x y' cannot be a message attribute"),
            ({"AWS.x": b"v"}, "cannot be a message attribute"),
            ({"x..y": b"v"}, "cannot be a message attribute"),
            ({"x" * 257: b"v"}, "cannot be a message attribute"),
            ({"x": b""}, "header 'x' is empty"),
            ({"ce_source": b"a\x00b"}, r"header ce_source has the character '\\x00'"),
            ({"ce_source": b"\xff"}, "header ce_source is no text"),
        ],
    )
    def test_what_no_attribute_can_be_is_refused_by_name(self, envelopes, header, words):
        with pytest.raises(SchemaError, match=words):
            self.attributes(envelopes, HEADERS | header)


class TestFifo:
    def test_the_group_is_the_key_and_the_deduplication_id_the_events(self, envelopes):
        assert fifo_fields(envelopes.wrap(outgoing())) == {
            "MessageGroupId": "e-1",
            "MessageDeduplicationId": "i-1",
        }

    @pytest.mark.parametrize("key", ["a b", "é", "x" * 129, "a\n"])
    def test_what_sqs_does_not_take_as_an_id_is_hashed(self, key):
        found = fifo_id(key)
        assert len(found) == 64
        assert found == fifo_id(key) != fifo_id(key + "x")

    def test_without_a_key_there_is_no_order(self, envelopes):
        headers = {name: value for name, value in HEADERS.items() if name != "ce_subject"}
        with pytest.raises(SchemaError, match="EmailReceived has no key, and a FIFO bus"):
            fifo_fields(envelopes.wrap(outgoing(headers)))

    @pytest.mark.parametrize("without", [{}, {"ce_id": b""}])
    def test_without_an_id_all_would_be_repeats_of_the_first(self, envelopes, without):
        headers = {name: value for name, value in HEADERS.items() if name != "ce_id"} | without
        with pytest.raises(SchemaError, match="EmailReceived has no ce_id, and a FIFO bus"):
            fifo_fields(envelopes.wrap(outgoing(headers)))


class TestTrace:
    def test_x_ray_gets_the_same_trace_in_its_own_form(self):
        assert aws.trace_header({"traceparent": TRACE}) == (
            "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
        )

    @pytest.mark.parametrize("none", [{}, {"traceparent": b"nonsense"}])
    def test_without_a_trace_there_is_none(self, none):
        assert aws.trace_header(none) is None


class TestRefusals:
    def test_a_type_that_the_catalogue_lacks(self, envelopes):
        headers = HEADERS | {"ce_type": b"pat.events.v1.EmailReceivd"}
        with pytest.raises(UnknownEventError, match=r"'pat.events.v1.EmailReceivd'.*Received'"):
            envelopes.wrap(outgoing(headers))

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (b"application/protobuf", "the payload is no EmailReceived"),
            (b"text/x-unknown", "EmailReceived has no JSON form: 'text/x-unknown' cannot be read"),
        ],
    )
    def test_a_payload_that_is_not_its_type(self, envelopes, kind, words):
        record = Outgoing("t", b"k", b"\xff\xff", HEADERS | {"content-type": kind}, 0)
        with pytest.raises(SchemaError, match=words):
            body_of(envelopes, record)
