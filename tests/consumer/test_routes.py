"""Which handler takes a record, decided before a byte of its payload is read."""

from __future__ import annotations

import pytest

from pat_events import Handlers
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.consumer.routes import MAX_HEADER_BYTES, MAX_HEADERS, Route, Routes
from pat_events.core.envelope import read_envelope
from pat_events.core.record import Delivery
from pat_events.errors import CodecError, ConfigError, UnknownEventError
from pat_events.events import EmailDeleted, EmailReceived, TenantEvent
from tests.support.cloud_events import BY_SDK, STRUCTURED, TRACEPARENT, structured

LIMIT = 1_000
TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
PROTOBUF = ("content-type", b"application/protobuf")
TYPES = EventTypes(load_catalog())


def handle(event, ctx):
    """Takes an event."""


@pytest.fixture(scope="module")
def routes():
    handlers = Handlers()
    handlers.add(EmailReceived, handle)
    return Routes(handlers, TYPES, LIMIT)


def delivery(*headers, value=b""):
    return Delivery("pat-emails", 3, 42, b"k", value, list(headers), 1)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/protobuf",
        b"application/avro",
        b"application/json",
        b"Application/JSON; charset=utf-8",
        b"Application/Protobuf",
        b"application/protobuf; charset=binary",
        None,
    ],
)
def test_a_known_type_in_a_readable_format_has_a_route(routes, content_type):
    found = routes.find(delivery(TYPE, ("content-type", content_type)))
    assert isinstance(found, Route)
    assert found.registration.call is handle


def test_without_a_content_type_it_is_protobuf(routes):
    found = routes.find(delivery(TYPE))
    assert isinstance(found, Route)
    assert found.decode(EmailReceived(email_id="e").SerializeToString()).email_id == "e"


def test_a_later_header_replaces_an_earlier_one(routes):
    found = routes.find(delivery(("ce_type", b"pat.events.v1.EmailDeleted"), TYPE, PROTOBUF))
    assert isinstance(found, Route)


def test_a_known_type_that_nobody_here_handles_is_left_alone(routes):
    assert routes.find(delivery(("ce_type", b"pat.events.v1.EmailDeleted"), PROTOBUF)) is None


@pytest.mark.parametrize(
    ("headers", "error", "said"),
    [
        (
            [],
            UnknownEventError,
            "no ce_type header among 0, and the value is no CloudEvent in JSON",
        ),
        ([("ce_type", None)], UnknownEventError, "no ce_type header"),
        (
            [("content-type", b"Application/CloudEvents+json; charset=utf-8")],
            CodecError,
            "record at pat-emails/3/42 cannot be read: not JSON",
        ),
        (
            [TYPE, ("content-type", b"application/cloudevents+avro")],
            CodecError,
            "application/cloudevents+json is read, not 'application/cloudevents+avro",
        ),
        (
            [("content-type", b"application/cloudevents-batch+json")],
            CodecError,
            "of structured mode application/cloudevents+json is read",
        ),
        ([("ce_type", b"pat.events.v1.Nothing")], UnknownEventError, "'pat.events.v1.Nothing'"),
        ([("ce_type", b"\xff\xfe" * 5_000)], UnknownEventError, "not in the catalogue"),
        ([TYPE, ("content-type", b"text/plain")], CodecError, "'text/plain' cannot be read"),
        ([TYPE, ("content-type", b"\xff")], CodecError, "cannot be read"),
    ],
)
def test_what_has_no_route_says_why(routes, headers, error, said):
    found = routes.find(delivery(*headers))
    assert type(found) is error
    assert said in str(found)
    assert len(str(found)) < 600  # however long the header was


@pytest.mark.parametrize(
    "bomb",
    [
        delivery(TYPE, *[("x", b"")] * MAX_HEADERS),
        delivery(TYPE, *[("x", None)] * MAX_HEADERS),
        delivery(TYPE, ("x", b"x" * MAX_HEADER_BYTES)),
        delivery(TYPE, value=b"x" * (LIMIT + 1)),
        delivery(*[("x", b"")] * 1_000_000),
    ],
    ids=["many headers", "many null headers", "long headers", "long payload", "a million headers"],
)
def test_a_bomb_is_refused_unread(routes, bomb):
    found = routes.find(bomb)
    assert isinstance(found, CodecError)
    assert "pat-emails/3/42 is refused unread" in str(found)


def test_up_to_the_limits_nothing_is_refused(routes):
    few = [("x", b"")] * (MAX_HEADERS - 1)
    assert isinstance(routes.find(delivery(TYPE, *few, value=b"x" * LIMIT)), Route)


def test_a_tombstone_has_a_route_and_is_undecodable(routes):
    tombstone = delivery(TYPE, PROTOBUF, value=None)
    found = routes.find(tombstone)
    assert isinstance(found, Route)
    with pytest.raises(found.decode_errors) as caught:
        found.decode(tombstone.value)
    said = str(found.undecodable(tombstone, caught.value))
    assert said == "EmailReceived at pat-emails/3/42 has no payload"


def test_the_topics_are_those_of_the_handled_types():
    handlers = Handlers()
    handlers.on(TenantEvent, EmailReceived, EmailDeleted)(handle)
    assert Routes(handlers, TYPES, LIMIT).topics == ["pat-emails", "pat-events"]


def test_a_group_without_handlers_is_refused():
    with pytest.raises(ConfigError, match=r"register at least one"):
        Routes(Handlers(), TYPES, LIMIT)


def test_a_format_that_cannot_hold_an_event_does_not_keep_the_group_from_its_others(monkeypatch):
    def no_decoder(self, message_class):
        raise ConfigError(f"{message_class.__name__} contains itself")

    monkeypatch.setattr(AvroCodec, "decoder", no_decoder)
    handlers = Handlers()
    handlers.add(EmailReceived, handle)
    routes = Routes(handlers, TYPES, LIMIT)
    assert isinstance(routes.find(delivery(TYPE, PROTOBUF)), Route)
    refused = routes.find(delivery(TYPE, ("content-type", b"application/avro")))
    assert isinstance(refused, CodecError)


@pytest.mark.parametrize("sdk", BY_SDK)
def test_what_the_sdks_write_has_a_route(routes, sdk):
    value, headers = BY_SDK[sdk]
    found = routes.find(delivery(*headers, value=value))
    assert isinstance(found, Route)
    event = found.decode(value)
    assert event.email_id == "m-1"
    assert event.subject == ("" if "Protobuf" in sdk else "Hallo ü")


def test_a_structured_record_tells_its_envelope_and_keeps_its_headers(routes):
    value, headers = BY_SDK["version 2, structured"]
    record = delivery(*headers, ("x", b"1"), value=value)
    assert isinstance(routes.find(record), Route)
    envelope = read_envelope(record)
    assert envelope.event_id == "e-1"
    assert envelope.type == "pat.events.v1.EmailReceived"
    assert (envelope.source, envelope.subject) == ("shop.web", "m-1")
    assert envelope.time == "2026-11-02T08:00:00Z"
    assert envelope.correlation_id == "e-1"
    assert envelope.content_type == "application/cloudevents+json"
    assert envelope.trace == (TRACEPARENT.encode(), None)
    assert list(record.headers) == [*headers, ("x", b"1")]
    assert record.value == value


def test_the_type_of_a_structured_record_is_the_one_in_its_value(routes):
    deleted = structured(type="pat.events.v1.EmailDeleted")
    assert routes.find(delivery(TYPE, *STRUCTURED, value=deleted)) is None
    unknown = routes.find(delivery(TYPE, *STRUCTURED, value=structured(type="pat.Nothing")))
    assert isinstance(unknown, UnknownEventError)
    assert "'pat.Nothing' is not in the catalogue" in str(unknown)


@pytest.mark.parametrize("value", [b"{", b'{"specversion": "1.0"}', b'{"email_id": "m-1"}', b"x"])
def test_a_value_that_nobody_calls_a_cloud_event_has_to_be_one(routes, value):
    found = routes.find(delivery(("content-type", b"application/json"), value=value))
    assert isinstance(found, UnknownEventError)
    assert "no CloudEvent in JSON" in str(found)


def test_a_tombstone_in_structured_mode_is_refused(routes):
    found = routes.find(delivery(*STRUCTURED, value=None))
    assert isinstance(found, CodecError)
    assert "has no payload" in str(found)
