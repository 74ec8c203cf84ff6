"""Which handler takes a record, decided before a byte of its payload is read."""

from __future__ import annotations

import pytest

from pat_events import Handlers
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.consumer.routes import MAX_HEADER_BYTES, MAX_HEADERS, Route, Routes
from pat_events.core.record import Delivery
from pat_events.errors import CodecError, ConfigError, UnknownEventError
from pat_events.events import EmailDeleted, EmailReceived, TenantEvent

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
    return Routes(handlers, TYPES, "key", LIMIT)


def delivery(*headers, value=b""):
    return Delivery("pat-emails", 3, 42, b"k", value, list(headers), 1)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/protobuf",
        b"application/avro",
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
        ([], UnknownEventError, "no ce_type header among 0: its type is unknown"),
        ([("ce_type", None)], UnknownEventError, "no ce_type header"),
        (
            [("content-type", b"Application/CloudEvents+json; charset=utf-8")],
            UnknownEventError,
            "structured mode is not read",
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
    assert Routes(handlers, TYPES, "key", LIMIT).topics == ["pat-emails", "pat-events"]


def test_a_group_without_handlers_is_refused():
    with pytest.raises(ConfigError, match=r"register at least one"):
        Routes(Handlers(), TYPES, "key", LIMIT)


@pytest.mark.parametrize("order", ["key", "none"])
def test_a_batch_handler_needs_the_order_of_partitions(order):
    handlers = Handlers()
    handlers.batch(EmailReceived)(lambda pairs: None)
    with pytest.raises(ConfigError, match="needs order='partition'"):
        Routes(handlers, TYPES, order, LIMIT)
    assert Routes(handlers, TYPES, "partition", LIMIT)


def test_a_format_that_cannot_hold_an_event_does_not_keep_the_group_from_its_others(monkeypatch):
    def no_decoder(self, message_class):
        raise ConfigError(f"{message_class.__name__} contains itself")

    monkeypatch.setattr(AvroCodec, "decoder", no_decoder)
    handlers = Handlers()
    handlers.add(EmailReceived, handle)
    routes = Routes(handlers, TYPES, "key", LIMIT)
    assert isinstance(routes.find(delivery(TYPE, PROTOBUF)), Route)
    refused = routes.find(delivery(TYPE, ("content-type", b"application/avro")))
    assert isinstance(refused, CodecError)
