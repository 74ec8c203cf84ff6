"""From a delivery's headers to the handler that takes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pat_events.codecs.table import (
    DEFAULT_MEDIA_TYPE,
    READABLE,
    STRUCTURED,
    media_type,
    media_type_after_unfolding,
    media_type_elsewhere,
    reader_by_media_type,
)
from pat_events.consumer.handlers import Handlers
from pat_events.consumer.payloads import Payloads
from pat_events.core import headers as h
from pat_events.core.checks import wrong_type
from pat_events.core.headers import MAX_HEADER_BYTES, MAX_HEADERS
from pat_events.core.shown import one_line
from pat_events.errors import (
    ClaimCheckError,
    CodecError,
    ConfigError,
    PermanentError,
    UnknownEventError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes
    from pat_events.codecs.base import Reader
    from pat_events.consumer.breaker import Breaker
    from pat_events.consumer.handlers import Registration
    from pat_events.consumer.payloads import Fetch
    from pat_events.core.record import Delivery
    from pat_events.telemetry.spans import ConsumerSpans

# Names of this module: looking them up in the other costs more than the comparison.
_CE_TYPE: Final = h.CE_TYPE
_CONTENT_TYPE: Final = h.CONTENT_TYPE
_DATAREF: Final = h.CE_DATAREF
# Of records that are not in structured mode, as most spell them.
_BINARY: Final = frozenset({None, *(readable.encode() for readable in READABLE)})


class Route:
    """How deliveries of one type and content type become calls of a handler."""

    __slots__ = ("call", "decode", "decode_errors", "event_name", "fetch", "registration")

    def __init__(
        self,
        event_name: str,
        registration: Registration,
        decode: Callable[[bytes], Message],
        decode_errors: tuple[type[Exception], ...],
        fetch: Fetch | None = None,
    ) -> None:
        self.event_name = event_name
        self.registration = registration
        self.call = registration.call
        self.decode = decode
        # Of one delivery, whose payload is kept elsewhere: has it before that is decoded.
        self.fetch = fetch
        # A record without a value reaches the decoder as None.
        self.decode_errors = (*decode_errors, TypeError)

    def undecodable(self, delivery: Delivery, error: Exception) -> Exception:
        """Return the error for bytes that are not the event they claim to be.

        What the codec does not announce is not the bytes' fault, and stays what it is.
        """
        if not isinstance(error, self.decode_errors):
            return error
        if delivery.value is None and self.fetch is None:
            return CodecError(f"{self.event_name} at {delivery.position} has no payload")
        return CodecError(f"{self.event_name} at {delivery.position} cannot be decoded: {error}")


class Routes:
    """Finds the handler of each delivery before a byte of its payload is read.

    Only of a record in structured mode is the type in there.

    Args:
        handlers: The handlers.
        types: The catalogue's events.
        max_value_bytes: The longest value that is read.
        payloads: Reads what is kept elsewhere; nobody does when None.
        spans: Of what each call of a handler is within, where spans are wanted.

    Attributes:
        breakers: Those of the handlers.
    """

    def __init__(
        self,
        handlers: Handlers,
        types: EventTypes,
        max_value_bytes: int,
        payloads: Payloads | None = None,
        spans: ConsumerSpans | None = None,
    ) -> None:
        self._types = types
        self._payloads = payloads or Payloads()
        self._max_value_bytes = max_value_bytes
        self._by_type: dict[bytes, Registration] = {}
        # Only what handlers were registered for: never keyed by what the wire brings.
        self._by_media_type: dict[tuple[bytes, str], Route] = {}
        if not isinstance(handlers, Handlers):
            raise wrong_type("handlers", handlers, "Handlers")
        if not len(handlers):
            raise ConfigError("no handlers: register at least one with Handlers.on")
        self.breakers = _breakers_of(handlers)
        for event_class, registration in handlers:
            event_type = types.of(event_class).event_type
            self._by_type[event_type.full_name.encode()] = _within(spans, registration)
        for kind in (*READABLE, STRUCTURED):
            try:
                reader = reader_by_media_type(kind)
            except ConfigError:
                continue  # Its extra is not installed: such records become dead letters saying so.
            for full_name, route in self._routes_with(reader):
                self._by_media_type[full_name, kind] = route
        # By what the headers hold, as most spell it. In structured mode they do not have the type.
        self._by_headers: dict[tuple[bytes | None, bytes | None], Route] = {}
        for (full_name, kind), route in self._by_media_type.items():
            if kind != STRUCTURED:
                self._by_headers[full_name, kind.encode()] = route
            if kind == DEFAULT_MEDIA_TYPE:
                self._by_headers[full_name, None] = route

    def _routes_with(self, reader: Reader) -> Iterator[tuple[bytes, Route]]:
        for full_name, registration in self._by_type.items():
            binding = self._types.by_full_name[full_name]
            try:
                decode = reader.decoder(binding.message_class)
            except ConfigError:
                continue  # Avro cannot carry such an event: likewise.
            errors = reader.decode_errors
            yield full_name, Route(binding.event_type.name, registration, decode, errors)

    @property
    def topics(self) -> list[str]:
        """The topics to subscribe to."""
        types = (self._types.by_full_name[name].event_type for name in self._by_type)
        return sorted({event_type.topic for event_type in types})

    @property
    def has_batches(self) -> bool:
        """Whether a handler takes many events in a call."""
        return any(registration.batch_size for registration in self._by_type.values())

    def find(self, delivery: Delivery) -> Route | PermanentError | None:
        """Return the route, the reason to refuse, or None: known, but nobody here wants it."""
        values = delivery.header_values
        count = len(values)
        # Built-in functions throughout: a loop over the headers takes three times as long,
        # and this runs for every record.
        try:
            size = sum(map(len, values.values()))  # type: ignore[arg-type]
        except TypeError:  # A header without a value.
            size = h.size_bytes(values.items())
        if delivery.all_if_repeated is not None:
            count = len(delivery.all_if_repeated)
            size = h.size_bytes(delivery.all_if_repeated)
        type_ = values.get(_CE_TYPE)
        content_type = values.get(_CONTENT_TYPE)
        # The cheap checks stand on every record; the reasons are spelt out for the refused.
        if size > MAX_HEADER_BYTES or count > MAX_HEADERS:
            return self._oversized(delivery)
        if not delivery.value:
            if _DATAREF in values and type_ in self._by_type:
                return self._elsewhere(delivery, type_, media_type(content_type))
        elif len(delivery.value) > self._max_value_bytes:
            return self._oversized(delivery)
        route = self._by_headers.get((type_, content_type))
        if route is not None:
            return route
        return self._without_route(delivery, type_, content_type, count)

    def _oversized(self, delivery: Delivery) -> PermanentError:
        headers = delivery.headers
        return CodecError(
            f"record at {delivery.position} is refused unread: {len(headers)} headers of "
            f"{h.size_bytes(headers)} bytes, payload of {len(delivery.value or b'')} bytes; the "
            f"limits are {MAX_HEADERS}, {MAX_HEADER_BYTES} and {self._max_value_bytes}"
        )

    def _without_route(
        self,
        delivery: Delivery,
        type_: bytes | None,
        content_type: bytes | None,
        header_count: int,
    ) -> Route | PermanentError | None:
        kind = ""
        if type_ is None or content_type not in _BINARY:
            try:
                kind = media_type_after_unfolding(delivery)
            except CodecError as error:
                return CodecError(f"record at {delivery.position} cannot be read: {error}")
            type_ = delivery.header_values.get(_CE_TYPE)
        if type_ is None:
            return UnknownEventError(
                f"no {h.CE_TYPE} header among {header_count}, and the value is no CloudEvent in "
                "JSON: its type is unknown"
            )
        if type_ in self._by_type:
            if kind == STRUCTURED and _DATAREF in delivery.header_values:
                kind_elsewhere = media_type_elsewhere(delivery)
                if kind_elsewhere is not None:
                    return self._elsewhere(delivery, type_, kind_elsewhere)
            return self._by_media_type.get((type_, kind)) or _unreadable(content_type)
        if type_ in self._types.by_full_name:
            return None
        shown = type_[:200].decode(errors="replace")
        return UnknownEventError(f"event type {shown!r} is not in the catalogue")

    def _elsewhere(self, delivery: Delivery, type_: bytes, kind: str) -> Route | PermanentError:
        """Return the route of a delivery whose payload, of this media type, is kept elsewhere."""
        route = self._by_media_type.get((type_, kind))
        if route is None:
            return _unreadable(kind.encode(errors="replace"))
        try:
            payload = self._payloads.of(delivery, route.decode)
        except ClaimCheckError as error:
            return ClaimCheckError(f"{route.event_name} at {delivery.position}: {error}")
        name, registration = route.event_name, route.registration
        return Route(name, registration, payload.decode, route.decode_errors, payload.fetch)


def unhandled(delivery: Delivery) -> UnknownEventError:
    """Return the error for an event that was meant for this consumer, and has no handler here."""
    type_ = one_line((delivery.header_values.get(_CE_TYPE) or b"").decode(errors="replace"))
    return UnknownEventError(f"no handler here is for events of the type {type_}")


def _breakers_of(handlers: Handlers) -> tuple[Breaker, ...]:
    by_name: dict[str, Breaker] = {}
    for _, registration in handlers:
        breaker = registration.breaker
        if breaker and by_name.setdefault(breaker.name, breaker) is not breaker:
            raise ConfigError(
                f"there are two breakers of the name {breaker.name}: make one, and give it to each "
                "handler"
            )
    return tuple(by_name.values())


def _within(spans: ConsumerSpans | None, registration: Registration) -> Registration:
    if spans is None:
        return registration
    call = spans.handler(
        registration.call,
        registration.name,
        is_async=registration.is_async,
        is_batch=registration.batch_size > 0,
    )
    return replace(registration, call=call)


def _unreadable(content_type: bytes | None) -> CodecError:
    shown = (content_type or b"")[:200].decode(errors="replace")
    return CodecError(
        f"content type {shown!r} cannot be read: {', '.join(READABLE)} can, where their "
        "extras are installed"
    )
