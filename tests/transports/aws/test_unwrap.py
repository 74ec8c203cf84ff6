"""What AWS's services wrap around an event is taken off, and nothing that comes is a crash.

The envelopes are those of AWS's documentation: "Amazon SNS message formats" (HTTP/HTTPS
notification JSON, also what a queue gets), "Structure of Amazon EventBridge events",
"Event message structure" of S3.
"""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.consumer.handlers import Handlers
from pat_events.consumer.payloads import Payloads
from pat_events.consumer.routes import Route, Routes
from pat_events.core.claim import Location, claim_for
from pat_events.core.envelope import read_envelope
from pat_events.core.headers import REPLAY_NAME
from pat_events.core.record import Delivery
from pat_events.errors import CodecError, UnknownEventError
from pat_events.events import EmailReceived
from pat_events.transports.aws import envelope as aws
from pat_events.transports.aws.message_fields import message_attributes
from pat_events.transports.aws.unwrap import Unwrapping
from pat_events.transports.memory import MemoryPayloads
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
    "ce_tenantid": b"t-1",
    "content-type": b"application/protobuf",
    "traceparent": TRACE,
}
EVENT = EmailReceived(email_id="e-1", subject="é")
EVENT.metadata.event_id = "i-1"
TYPES = EventTypes(load_catalog())
ENVELOPES = aws.Envelopes(TYPES)
UNWRAP = Unwrapping(TYPES.catalog)
S3_EVENT = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-west-2",
            "eventTime": "1970-01-01T00:00:00.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "amzn-s3-demo-bucket"}, "object": {"key": "happy.jpg"}},
        }
    ]
}


def handlers():
    made = Handlers()
    made.on(EmailReceived)(lambda event, ctx: None)
    return made


PAYLOADS = MemoryPayloads()
ROUTES = Routes(
    handlers(),
    TYPES,
    Config().max_event_bytes,
    Payloads([Location("payloads")], 10_000, PAYLOADS),
)


def outgoing(extra=None):
    headers = HEADERS | (extra or {})
    return Outgoing("pat-emails", b"e-1", EVENT.SerializeToString(), headers, 0)


def body(form="json", extra=None):
    record = outgoing(extra)
    return ENVELOPES.structured(record, ENVELOPES.wrap(record), form)


def attributes(extra=None):
    found, _ = message_attributes(ENVELOPES.wrap(outgoing(extra)))
    return found


def in_sns(message, message_attributes=None):
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
            "Subject": "My First Message",
            "Message": message,
            "Timestamp": "2012-05-02T00:54:06.655Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLEw6JRN...",
            "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService.pem",
            "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
            "MessageAttributes": message_attributes or {},
        }
    )


def sns_attributes(extra=None):
    return {
        name: {
            "Type": it["DataType"],
            "Value": it["StringValue"]
            if "StringValue" in it
            else base64.b64encode(it["BinaryValue"]).decode(),
        }
        for name, it in attributes(extra).items()
    }


def in_event_bridge(detail, **fields):
    return json.dumps(
        {
            "version": "0",
            "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": "Email Received",
            "source": "pat.smtp",
            "account": "111122223333",
            "time": "2017-12-22T18:43:48Z",
            "region": "us-west-1",
            "resources": ["e-1"],
            "detail": detail,
        }
        | fields
    )


def detail(extra=None):
    record = outgoing(extra)
    return json.loads(ENVELOPES.detail(record, ENVELOPES.wrap(record)))


def read(text, headers=(), unwrap=UNWRAP):
    """The event and the envelope that a handler gets of a body; or why none does."""
    value, found = unwrap(text, list(headers))
    delivery = Delivery("q", -1, 0, None, value, found, 0)
    route = ROUTES.find(delivery)
    if not isinstance(route, Route):
        raise route
    try:
        if route.fetch is not None:
            list(route.fetch(SimpleNamespace(), False))  # noqa: FBT003 - as the attempt has it
        return route.decode(delivery.value), read_envelope(delivery), dict(delivery.headers)
    except route.decode_errors as error:
        raise route.undecodable(delivery, error) from error


def is_whole(event, envelope):
    assert event == EVENT
    assert (envelope.event_id, envelope.type) == ("i-1", "pat.events.v1.EmailReceived")
    assert (envelope.source, envelope.subject) == ("my.service", "e-1")
    assert (envelope.correlation_id, envelope.tenant_id) == ("c-1", "t-1")
    assert envelope.time == "2026-11-28T01:02:03.000000004Z"
    assert envelope.trace is not None
    assert envelope.trace.traceparent == TRACE


class TestClaimCheck:
    """What our sender writes of an event whose payload is kept elsewhere."""

    @pytest.fixture
    def record(self):
        record = outgoing()
        claim = claim_for(Location("payloads"), record.headers, record.value)
        PAYLOADS.put(claim, record.value, "application/protobuf")
        record.value, record.headers = b"", record.headers | claim.headers
        return record

    @pytest.mark.parametrize("form", ["json", "base64"])
    def test_in_a_body_and_in_the_envelope_of_sns(self, record, form):
        text = ENVELOPES.structured(record, ENVELOPES.wrap(record), form)
        for each in (text, in_sns(text)):
            event, envelope, _ = read(each)
            is_whole(event, envelope)

    def test_in_the_envelope_of_event_bridge_where_rules_see_the_key(self, record):
        found = json.loads(ENVELOPES.detail(record, ENVELOPES.wrap(record)))
        assert {name for name in found if name != aws.CLOUD_EVENT} == {"email_id"}
        assert found["email_id"] == "e-1"
        event, envelope, _ = read(in_event_bridge(found))
        is_whole(event, envelope)


@pytest.mark.parametrize("form", ["json", "base64"])
class TestWhatOurSenderWrites:
    def test_it_is_taken_with_its_message_attributes(self, form):
        headers = [(name, it["StringValue"].encode()) for name, it in attributes().items()]
        event, envelope, _ = read(body(form), headers)
        is_whole(event, envelope)

    def test_without_its_message_attributes_the_body_says_all(self, form):
        event, envelope, _ = read(body(form))
        is_whole(event, envelope)

    def test_in_the_envelope_of_sns(self, form):
        extra = {"x-mine": b"\x00\xff"}
        text = in_sns(body(form, extra), sns_attributes(extra))
        event, envelope, headers = read(text)
        is_whole(event, envelope)
        assert headers["x-mine"] == b"\x00\xff"

    def test_in_the_envelope_of_sns_without_attributes(self, form):
        event, envelope, _ = read(in_sns(body(form)))
        is_whole(event, envelope)


class TestEventBridge:
    def test_the_detail_is_the_event_and_cloudevent_has_its_attributes(self):
        event, envelope, headers = read(in_event_bridge(detail()))
        is_whole(event, envelope)
        assert REPLAY_NAME not in headers

    def test_what_is_not_latin_takes_no_more_bytes_than_it_came_with(self):
        event = detail() | {"subject": "\u4e16" * 1000}
        text = json.dumps(json.loads(in_event_bridge(event)), ensure_ascii=False)
        value, _ = UNWRAP(text, [])
        assert len(value) < len(text.encode())

    def test_headers_of_publish_are_headers(self):
        _, _, headers = read(in_event_bridge(detail({"x-mine": b"\x00\xff"})))
        assert headers["x-mine"] == b"\x00\xff"

    def test_a_replay_is_told_by_a_header(self):
        text = in_event_bridge(detail(), **{"replay-name": "again"})
        event, envelope, headers = read(text)
        is_whole(event, envelope)
        assert headers[REPLAY_NAME] == b"again"

    def test_by_way_of_sns(self):
        event, envelope, _ = read(in_sns(in_event_bridge(detail())))
        is_whole(event, envelope)

    def test_without_cloudevent_source_and_detail_type_tell_the_event(self):
        plain = detail()
        del plain["cloudevent"]
        plain["metadata"]["correlation_id"] = "c-2"
        event, envelope, _ = read(in_event_bridge(plain))
        assert (event.email_id, envelope.event_id) == ("e-1", "i-1")
        assert (envelope.source, envelope.subject) == ("pat.smtp", "e-1")
        assert envelope.correlation_id == "c-2"

    def test_without_an_id_of_its_own_it_has_event_bridges(self):
        _, envelope, _ = read(in_event_bridge({"email_id": "e-1"}))
        assert envelope.event_id == "6a7e8feb-b491-4cf7-a9f1-bf3703467718"

    def test_without_a_catalogue_only_cloudevent_tells_the_event(self):
        unwrap = Unwrapping(None)
        event, envelope, _ = read(in_event_bridge(detail()), unwrap=unwrap)
        is_whole(event, envelope)
        with pytest.raises(UnknownEventError):
            read(in_event_bridge({"email_id": "e-1"}), unwrap=unwrap)


HUGE = "9" * 5000
FOREIGN = {
    "of S3": json.dumps(S3_EVENT),
    "of S3 by way of SNS": in_sns(json.dumps(S3_EVENT)),
    "of S3 by way of EventBridge": in_event_bridge(
        {"bucket": {"name": "b"}}, source="aws.s3", **{"detail-type": "Object Created"}
    ),
    "SNS that asks for a confirmation": json.dumps({"Type": "SubscriptionConfirmation"}),
    "empty": "",
    "text": "hello",
    "a list": "[1]",
    "a number": "1",
    "null": "null",
    "cut off": '{"Type": "Notification", "Message": "',
    "half a character": '{"a": "\ud800"}',
    "deep": '{"detail":' * 100_000,
    "deep and closed": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a huge number": '{"detail": {"a": ' + HUGE + "}}",
    "a name that comes twice": '{"source": "a", "source": "b"}',
    "SNS without a message": json.dumps({"Type": "Notification", "Message": {"a": 1}}),
    "SNS in SNS": in_sns(in_sns(body())),
    "detail that is a list": in_event_bridge([1]),
    "detail that is text": in_event_bridge("x"),
    "source that is a list": in_event_bridge({}, source=[]),
    "detail type that is an object": in_event_bridge({}, **{"detail-type": {}}),
}


BY_WAY_OF_SNS = {FOREIGN["of S3 by way of SNS"], FOREIGN["SNS in SNS"]}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_what_is_foreign_is_an_unknown_event_and_reaches_whoever_keeps_it_as_it_came(text):
    value, _ = UNWRAP(text, [])
    inner = json.loads(text)["Message"] if text in BY_WAY_OF_SNS else text
    assert value == inner.encode(errors="surrogatepass")
    with pytest.raises(UnknownEventError):
        read(text)


def with_cloudevent(value):
    return in_event_bridge({"email_id": "e-1", "cloudevent": value})


SOUND = {"specversion": "1.0", "id": "i-1", "type": "pat.events.v1.EmailReceived"}
MALFORMED = {
    "cloudevent that is text": with_cloudevent("x"),
    "cloudevent that is null": with_cloudevent(None),
    "cloudevent of another version": with_cloudevent(SOUND | {"specversion": "0.3"}),
    "an attribute that is a list": with_cloudevent(SOUND | {"id": []}),
    "headers that are a list": with_cloudevent(SOUND | {"headers": ["x"]}),
    "headers that are no base64": with_cloudevent(SOUND | {"headers": {"a": "%"}}),
    "a header named by half a character": with_cloudevent(SOUND | {"headers": {"\ud800": "eA=="}}),
    "headers that are numbers": with_cloudevent(SOUND | {"headers": {"a": 1}}),
    "too many attributes": with_cloudevent(SOUND | {f"a{n}": "x" for n in range(101)}),
    "too many headers": with_cloudevent(SOUND | {"headers": {f"a{n}": "eA==" for n in range(101)}}),
    "half a character": with_cloudevent(SOUND | {"id": "\ud800"}),
    "a field of the wrong type": in_event_bridge({"email_id": 1, "cloudevent": SOUND}),
    "a number that is infinite": in_event_bridge({"email_id": "e-1", "cloudevent": SOUND}).replace(
        '"e-1", "cloudevent"', '"e-1", "score": 1e400, "cloudevent"'
    ),
    "metadata of the wrong type, without cloudevent": in_event_bridge(
        {"metadata": {"event_id": 1}}
    ),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_claims_to_be_ours_and_is_malformed_is_refused_with_a_typed_error(text):
    with pytest.raises(CodecError):
        read(text)


def test_attributes_of_sns_that_are_none_are_left_out():
    odd = {"a": 1, "b": {"Type": "Binary", "Value": "%"}, "c": {"Type": "String"}, "d": None}
    odd["half a character: \ud800"] = {"Type": "String", "Value": "x"}
    event, envelope, headers = read(in_sns(body(), odd))
    is_whole(event, envelope)
    assert not headers.keys() & odd.keys()


def test_attributes_of_sns_may_be_no_object():
    event, envelope, _ = read(in_sns(body(), ["x"]))
    is_whole(event, envelope)
