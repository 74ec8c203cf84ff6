"""Publish events: build the envelope, encode, send."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import uuid_utils

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.codecs.table import codec_by_name
from pat_events.config import Config
from pat_events.core import headers as h
from pat_events.core import trace_context
from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.errors import (
    BufferFullError,
    ConfigError,
    NotDeliveredError,
    RecordTooLargeError,
    SchemaError,
)
from pat_events.producer.ack import Ack
from pat_events.producer.stamp import Stamp
from pat_events.system import CLOCK
from pat_events.telemetry.observer import checked
from pat_events.transports.sending import require_transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from pat_events.catalog.binding import Binding
    from pat_events.core.clock import Clock, Ids
    from pat_events.core.envelope import Envelope
    from pat_events.telemetry.observer import Observer
    from pat_events.transports.sending import Sender, SendingTransport

_log = logging.getLogger("pat_events.producer")

_ROOM_FIRST_S: Final = 0.001
_ROOM_MAX_S: Final = 0.05
_NANOS: Final = 1_000_000_000
# A service that fails every event for an hour must not fill the memory with their ids.
_FAILED_KEPT: Final = 10_000


class Producer:
    """Publishes the catalogue's events, in order per key, at least once and never silently less.

    Safe to share between threads and coroutines; one per process is enough. Use
    it as a context manager, sync or async: leaving the block waits for every acknowledgement.

    Args:
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where to send; the Kafka cluster of ``PAT_EVENTS_*`` when None.
        sender: One of ``transport`` that is there already, instead of a new one; nobody is asked
            for an answer then. ``close`` closes it.
        observers: Are told what becomes of events, as ``pat_events.telemetry`` lists it:
            ``Acknowledged``, ``NotDelivered`` and ``SentAgain``. A ``sender`` has its own.
        clock: What time it is; a simulation has its own.
        ids: Where new ids come from; a simulation has its own.

    Raises:
        ConfigError: an impossible setting or catalogue, or an event the codec cannot carry.
        TransportUnavailableError: no broker answered within ``config.connect_timeout_s``.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        transport: SendingTransport | None = None,
        sender: Sender | None = None,
        observers: Iterable[Observer] = (),
        clock: Clock = CLOCK,
        ids: Ids = uuid_utils,
    ) -> None:
        self._config = Config.given(config)
        observers = checked(observers)
        if sender is not None and observers:
            raise ConfigError("observers are told by a sender: give them to whoever makes this one")
        self._types = EventTypes(load_catalog(self._config.catalog))
        self._codec = codec_by_name(self._config.codec)
        self._surely_small_bytes = min(self._config.max_event_bytes, h.MAX_HEADER_BYTES)
        # For all of the catalogue, so that what the codec cannot carry is known before an event is.
        self._stamps: dict[type[Message], Stamp] = {
            binding.message_class: self._stamp(binding)
            for binding in self._types.by_full_name.values()
        }
        self._failed_ids: list[str] = []
        self._repeats = Repeats()
        self._failed_count = 0
        self._second = (0, "")
        # The functions themselves, as they are called for each event.
        self._monotonic, self._time_ns = clock.monotonic, clock.time_ns
        self._uuid4, self._uuid7 = ids.uuid4, ids.uuid7
        if transport is None:
            # Not before it is wanted: Kafka's client takes longer to load than all of this.
            from pat_events.transports.kafka import KafkaTransport  # noqa: PLC0415

            transport = KafkaTransport.from_env()
        require_transport(transport, "sender")
        self._transport = transport
        self._sender = sender or self._connected(transport, observers)

    def publish(
        self,
        event: Message,
        *,
        caused_by: Envelope | None = None,
        correlation_id: str | None = None,
        tenant_id: str | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> Ack:
        """Hand an event to the buffer and return at once.

        What its metadata lacks is filled in, in place: id (uuid7), time, source,
        correlation and tenant. Publishing the same object again therefore keeps its id, which
        is what lets a consumer see that it is the same event.

        When the buffer is full a thread waits for room up to
        ``config.publish_timeout_s``; on an event loop, which must not be
        blocked, ``BufferFullError`` is raised at once: use ``apublish`` there. A done
        callback cannot wait either.

        Args:
            event: An event of the catalogue.
            caused_by: Envelope of the event this one answers; correlation,
                causation, tenant and trace are carried on from it. No trace is begun here.
            correlation_id: Overrides the correlation id.
            tenant_id: Overrides the tenant.
            headers: Further headers; the envelope's own names are refused.

        Raises:
            UnknownEventError: the catalogue does not have this type.
            SchemaError: the event lacks its key, or a field cannot be encoded.
            RecordTooLargeError: payload and headers are over ``config.max_event_bytes``.
            ConfigError: a header of ``headers`` has a name of the envelope's, or is not bytes.
            BufferFullError: no room; nothing was taken.
            TopicMissingError: the topic is known not to exist; nothing was taken.
            TransportError: the client refused the event; nothing was taken.
            ClosedError: the producer was closed.
        """
        try:
            ack = self._prepare(event, caused_by, correlation_id, tenant_id, headers)
        except UnicodeEncodeError as error:
            raise _not_text(event, error) from error
        try:
            self._sender.send(ack)
        except BufferFullError:
            self._send_when_room(ack)
        return ack

    async def apublish(
        self,
        event: Message,
        *,
        caused_by: Envelope | None = None,
        correlation_id: str | None = None,
        tenant_id: str | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> Ack:
        """Like ``publish``, but a full buffer is awaited instead of raised on an event loop.

        Returns the handle as soon as the event is in the buffer; await the
        handle too, to know that it arrived.
        """
        try:
            ack = self._prepare(event, caused_by, correlation_id, tenant_id, headers)
        except UnicodeEncodeError as error:
            raise _not_text(event, error) from error
        deadline = self._monotonic() + self._config.publish_timeout_s
        wait_s = _ROOM_FIRST_S
        while True:
            try:
                self._sender.send(ack)
            except BufferFullError:
                if self._monotonic() >= deadline:
                    raise
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _ROOM_MAX_S)
            else:
                return ack

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything published so far is acknowledged.

        A done callback cannot wait: there it tells at once what is still unacknowledged.

        Raises:
            NotDeliveredError: names the events that failed since the last call, the first 10,000
                of them, and those still unacknowledged, which stay in the buffer.
        """
        waiting = self._sender.flush(timeout_s)
        self._report([ack.event_id for ack in waiting if isinstance(ack, Ack)], "still waiting")

    def close(self, timeout_s: float = 30.0) -> None:
        """Refuse further events, flush, then stop for good. Closing twice is harmless.

        Raises:
            NotDeliveredError: names the events that were not delivered.
        """
        given_up = [ack.event_id for ack in self._sender.close(timeout_s) if isinstance(ack, Ack)]
        # They failed as well, and are told once.
        told = set(given_up)
        self._failed_ids = [event_id for event_id in self._failed_ids if event_id not in told]
        self._failed_count -= len(given_up)
        self._report(given_up, "given up")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except NotDeliveredError as not_delivered:
            if error is None:
                raise
            error.add_note(str(not_delivered))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    # In one piece, because each call more would cost a per cent of publishing.
    def _prepare(  # noqa: C901, PLR0912, PLR0915
        self,
        event: Message,
        caused_by: Envelope | None,
        correlation_id: str | None,
        tenant_id: str | None,
        headers: Mapping[str, bytes] | None,
    ) -> Ack:
        stamp = self._stamps.get(event.__class__)
        if stamp is None:
            stamp = self._stamp(self._types.of(type(event)))
        key = stamp.key_of(event)
        if not key:
            raise self._no_key(event)
        now_ns = self._time_ns()
        # What every generated class has, checked when its type was bound.
        if event.HasField("metadata"):
            metadata = event.metadata  # type: ignore[attr-defined]
            event_id = metadata.event_id or str(self._uuid7())
            event_time = self._event_time(metadata, now_ns)
            tenant_id = tenant_id or metadata.tenant_id
            correlation_id = correlation_id or metadata.correlation_id
            if metadata.source and metadata.source != stamp.source:
                stamp = stamp.with_source(metadata.source)
        else:
            metadata = event.metadata  # type: ignore[attr-defined]
            event_id = str(self._uuid7())
            event_time = self._set_time(metadata.timestamp, now_ns)
        metadata.event_id = event_id
        metadata.source = stamp.source
        if caused_by is None:
            tenant_id = tenant_id or self._config.tenant_id
            correlation_id = correlation_id or event_id
        else:
            tenant_id = tenant_id or caused_by.tenant_id
            correlation_id = correlation_id or caused_by.correlation_id
        metadata.correlation_id = correlation_id
        key_bytes = key.encode()
        own = stamp.headers.copy()
        own[h.CE_ID] = event_id.encode()
        own[h.CE_TIME] = event_time.encode()
        own[h.CE_SUBJECT] = key_bytes
        own[h.CE_CORRELATION_ID] = correlation_id.encode()
        if tenant_id:
            metadata.tenant_id = tenant_id
            own[h.CE_TENANT_ID] = tenant_id.encode()
        if caused_by is not None:
            own[h.CE_CAUSATION_ID] = caused_by.event_id.encode()
            trace = caused_by.trace
            if trace is not None:
                own[h.TRACEPARENT] = trace_context.carry_on(trace, self._uuid4().hex)
                if trace.tracestate:
                    own[h.TRACESTATE] = trace.tracestate
        if headers:
            _check_headers(headers)
            own.update(headers)
        try:
            value = stamp.encode(event)
        except self._codec.encode_errors as error:
            raise SchemaError(f"{type(event).__name__} {event_id}: {error}") from error
        size = 2 * len(value) + len(key_bytes) + stamp.fixed_bytes
        if size > self._surely_small_bytes or caused_by is not None or headers:
            # What the envelope repeats of the payload is shorter than the payload: only
            # then is the sum worth its time.
            header_bytes = h.size_bytes(own.items())
            if header_bytes > h.MAX_HEADER_BYTES or len(own) > h.MAX_HEADERS:
                raise RecordTooLargeError(
                    f"{type(event).__name__} {event_id} has {len(own)} headers of {header_bytes} "
                    f"bytes, consumers read {h.MAX_HEADERS} of {h.MAX_HEADER_BYTES}: put more into "
                    "the event"
                )
            size = len(value) + len(key_bytes) + header_bytes
        if size > self._config.max_event_bytes:
            raise RecordTooLargeError(
                f"{type(event).__name__} {event_id} takes {size} bytes, the limit is "
                f"{self._config.max_event_bytes} (max_event_bytes): keep large bodies in S3 and "
                "send their key"
            )
        return Ack(
            stamp.topic,
            key_bytes,
            value,
            own,
            now_ns // 1_000_000,
            event_id,
            self._sender,
            self._on_failure,
        )

    def _connected(self, transport: SendingTransport, observers: Iterable[Observer]) -> Sender:
        if self._config.connect_timeout_s:
            transport.ping(self._config.connect_timeout_s)
        return transport.sender(self._config, observers)

    def _stamp(self, binding: Binding) -> Stamp:
        source = self._config.source or binding.event_type.source
        encode = self._codec.encoder(binding.message_class)
        return Stamp(binding, source, self._codec.content_type, encode)

    def _no_key(self, event: Message) -> SchemaError:
        event_type = self._types.of(type(event)).event_type
        return SchemaError(
            f"{event_type.name}.{event_type.key} is empty: it is the key that keeps the events of "
            "one entity in order"
        )

    def _event_time(self, metadata: Any, now_ns: int) -> str:  # noqa: ANN401 - of any catalogue's module
        timestamp = metadata.timestamp
        if not metadata.HasField("timestamp"):
            return self._set_time(timestamp, now_ns)
        try:
            to_the_second = datetime.fromtimestamp(timestamp.seconds, UTC).isoformat()[:19]
        except (ValueError, OverflowError, OSError):
            raise SchemaError(
                f"metadata.timestamp is {timestamp.seconds} s: outside the years 1 to 9999"
            ) from None
        if not 0 <= timestamp.nanos < _NANOS:
            raise SchemaError(
                f"metadata.timestamp has {timestamp.nanos} nanoseconds: use 0 to 999,999,999"
            )
        return f"{to_the_second}.{timestamp.nanos:09d}Z"

    def _set_time(self, timestamp: Timestamp, now_ns: int) -> str:
        seconds = timestamp.seconds = now_ns // _NANOS
        nanos = timestamp.nanos = now_ns - seconds * _NANOS
        # The text is the same for every event of a second.
        cached, to_the_second = self._second
        if cached != seconds:
            to_the_second = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
            self._second = (seconds, to_the_second)
        return f"{to_the_second}.{nanos:09d}Z"

    def _send_when_room(self, ack: Ack) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise BufferFullError(
                "the send buffer is full; a coroutine must not block its event loop: use "
                "'await producer.apublish(event)', which waits for room"
            )
        if not self._sender.may_wait():
            raise BufferFullError(
                "the send buffer is full, and a callback that waits keeps it so: publish from "
                "another thread"
            )
        deadline = self._monotonic() + self._config.publish_timeout_s
        while True:
            left = deadline - self._monotonic()
            self._sender.wait_for_room(max(0.0, left))
            try:
                self._sender.send(ack)
            except BufferFullError:
                if left <= 0:
                    raise
            else:
                return

    def _on_failure(self, ack: Ack) -> None:
        self._failed_count += 1
        if len(self._failed_ids) < _FAILED_KEPT:
            self._failed_ids.append(ack.event_id)
        # Once for each kind and window: an outage fails all that waits, and each ack tells.
        more = self._repeats.note(type(ack.error).__name__, self._monotonic())
        if more is not None:
            _log.error(
                "event %s was not delivered: %s%s",
                one_line(ack.event_id),
                one_line(str(ack.error)),
                more_like_it(more),
            )

    def _report(self, waiting: list[str], state: str) -> None:
        failed, self._failed_ids = self._failed_ids, []
        count, self._failed_count = self._failed_count, 0
        if count or waiting:
            parts = [f"{count} failed"] if count else []
            parts += [f"{len(waiting)} {state}"] if waiting else []
            ids = [*failed, *waiting]
            known = "their ids" if count <= len(failed) else f"the ids of {len(ids)} of them"
            raise NotDeliveredError(
                f"events were not delivered to {self._transport.address}: "
                f"{', '.join(parts)}; {known} are in event_ids",
                ids,
            )


def _not_text(event: Message, error: UnicodeEncodeError) -> SchemaError:
    return SchemaError(f"{type(event).__name__}: {error.object!r} is no text: {error.reason}")


def _check_headers(headers: Mapping[str, bytes]) -> None:
    for name, value in headers.items():
        # Anything else ends the process inside the client, or is cut there.
        if not _is_text(name):
            raise ConfigError(f"header name {name!r} is refused: use text that UTF-8 can encode")
        if name in h.RESERVED or name.startswith(h.RESERVED_PREFIXES):
            raise ConfigError(f"header {name!r} belongs to the envelope: choose another name")
        if not isinstance(value, bytes):
            raise ConfigError(
                f"header {name!r} is of type {type(value).__name__}: use bytes, such as "
                "text.encode()"
            )


def _is_text(name: object) -> bool:
    try:
        return isinstance(name, str) and name.encode() != b"" and "\0" not in name
    except UnicodeEncodeError:
        return False
