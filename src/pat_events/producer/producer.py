"""Publish events: build the envelope, encode, send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uuid_utils

from pat_events.codecs.table import codec_by_name
from pat_events.config import Config
from pat_events.core import headers as h
from pat_events.core import trace_context
from pat_events.core.checks import require_timeout
from pat_events.errors import BufferFullError, ConfigError
from pat_events.producer import refusals
from pat_events.producer.ack import Ack
from pat_events.producer.arguments import check_headers, raise_explained
from pat_events.producer.back_pressure import BackPressure
from pat_events.producer.block import Block
from pat_events.producer.event_times import EventTimes
from pat_events.producer.failures import Failures
from pat_events.producer.stamp import Stamps
from pat_events.system.clock import CLOCK
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers, checked_observers
from pat_events.transports.default import transport_or_default
from pat_events.transports.opening import open_sender

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.message import Message

    from pat_events.core.clock import Clock, Ids
    from pat_events.core.envelope import Envelope
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import Spans
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import Sender, SendingTransport


class Producer(Block):
    """Publishes the catalogue's events, in order per key, at least once and never silently less.

    Safe to share between threads and coroutines; one per process is enough. Use
    it as a context manager, sync or async: leaving the block waits for every acknowledgement.

    Args:
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where to send; the Kafka cluster of ``PAT_EVENTS_*`` when None.
        sender: One of ``transport`` that is there already, instead of a new one; nobody is asked
            for an answer then. ``close`` closes it.
        payloads: Where payloads go that are too large to be sent, if
            ``config.claim_check_bucket`` is set; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        observers: Are told what becomes of events, and of waits for room: what senders tell, as
            ``pat_events.telemetry`` lists it. A ``sender`` has its own.
        tracing: Makes a span of each event that is published, such as
            ``pat_events.telemetry.Tracing()``. When None a trace is carried on, and none is begun.
        clock: What time it is; a simulation has its own.
        ids: Where new ids come from; a simulation has its own.

    Raises:
        ConfigError: an impossible setting or catalogue, or an event the codec cannot carry.
        TransportUnavailableError: nobody answered within ``config.connect_timeout_s``.
        AuthenticationError: the sign-in was refused.
        TopicMissingError: there is no such queue, topic, bus or bucket, as far as that is known.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        transport: SendingTransport | None = None,
        sender: Sender | None = None,
        payloads: PayloadStore | None = None,
        observers: Iterable[GivenObserver] = (),
        tracing: Spans | None = None,
        clock: Clock = CLOCK,
        ids: Ids = uuid_utils,
    ) -> None:
        self._config = Config.given(config)
        observers = checked_observers(observers)
        if sender is not None and observers:
            raise ConfigError("observers are told by a sender: give them to whoever makes this one")
        self._codec = codec_by_name(self._config.codec)
        self._largest_bytes = self._config.largest_event_bytes
        self._surely_small_bytes = min(self._largest_bytes, h.MAX_HEADER_BYTES)
        self._all_stamps = Stamps(self._config, self._codec)
        self._stamps = self._all_stamps.by_class
        # The functions themselves, as they are called for each event.
        self._time_ns = clock.time_ns
        self._uuid4, self._uuid7 = ids.uuid4, ids.uuid7
        times = EventTimes()
        self._event_time, self._set_time = times.of, times.set
        transport = transport_or_default(transport, "sender")
        self._spans = None if tracing is None else tracing.of_sender(transport.system)
        self._sender = sender or open_sender(
            transport, self._config, observers, payloads, self._spans
        )
        self._pressure = BackPressure(
            self._sender,
            self._config.publish_timeout_s,
            clock.monotonic,
            Observers(observers, Origin(transport.system)),
        )
        self._failures = Failures(transport, clock.monotonic)
        self._on_failure = self._failures.note

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

        When the buffer is full a thread waits for room up to ``config.publish_timeout_s``; on an
        event loop, which must not be blocked, ``BufferFullError`` is raised at once: use
        ``apublish`` there. A done callback cannot wait either.

        Args:
            event: An event of the catalogue.
            caused_by: Envelope of the event this one answers; correlation,
                causation, tenant and trace are carried on from it. No trace is begun here.
            correlation_id: Overrides the correlation id.
            tenant_id: Overrides the tenant.
            headers: Further headers; the envelope's own names are refused.

        Raises:
            UnknownEventError: the catalogue does not have this type, or this is no event.
            SchemaError: the event lacks its key, or a field cannot be encoded.
            RecordTooLargeError: payload and headers are over ``config.largest_event_bytes``.
            ConfigError: a header of ``headers`` has a name of the envelope's, or is not bytes; or
                another argument is of a wrong type.
            BufferFullError: no room; nothing was taken.
            TopicMissingError: the topic is known not to exist; nothing was taken.
            TransportError: the client refused the event; nothing was taken.
            ClosedError: the producer was closed.
        """
        try:
            ack = self._prepare(event, caused_by, correlation_id, tenant_id, headers)
        except (AttributeError, TypeError, UnicodeEncodeError) as error:
            raise_explained(error, event, caused_by, correlation_id, tenant_id, headers)
        try:
            try:
                self._sender.send(ack)
            except BufferFullError:
                self._pressure.send(ack)
        except BaseException as error:
            ack.not_taken(error)
            raise
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
        except (AttributeError, TypeError, UnicodeEncodeError) as error:
            raise_explained(error, event, caused_by, correlation_id, tenant_id, headers)
        try:
            try:
                self._sender.send(ack)
            except BufferFullError:
                await self._pressure.asend(ack)
        except BaseException as error:
            ack.not_taken(error)
            raise
        return ack

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything published so far is acknowledged.

        A done callback cannot wait: there it tells at once what is still unacknowledged.

        Raises:
            NotDeliveredError: names the events that failed since the last call, the first 10,000
                of them, and those still unacknowledged, which stay in the buffer.
            ConfigError: ``timeout_s`` is no number of seconds.
        """
        require_timeout("timeout_s", timeout_s)
        self._failures.tell(self._sender.flush(timeout_s), "still waiting")

    def close(self, timeout_s: float = 30.0) -> None:
        """Refuse further events, flush, then stop for good. Closing twice is harmless.

        Raises:
            NotDeliveredError: names the events that were not delivered.
            ConfigError: ``timeout_s`` is no number of seconds.
        """
        require_timeout("timeout_s", timeout_s)
        given_up = self._sender.close(timeout_s)
        # They failed as well, and are told once.
        self._failures.forget(given_up)
        self._failures.tell(given_up, "given up")

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
            stamp = self._all_stamps.of(type(event))
        key = stamp.key_of(event)
        if not key:
            raise refusals.no_key(stamp.event_type)
        now_ns = self._time_ns()
        # What every generated class has, checked when its type was bound.
        metadata = event.metadata  # type: ignore[attr-defined]
        if event.HasField("metadata"):
            event_id = metadata.event_id or str(self._uuid7())
            event_time = self._event_time(metadata, now_ns)
            tenant_id = tenant_id or metadata.tenant_id
            correlation_id = correlation_id or metadata.correlation_id
            if metadata.source and metadata.source != stamp.source:
                stamp = stamp.with_source(metadata.source)
        else:
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
            check_headers(headers)
            own.update(headers)
        try:
            value = stamp.encode(event)
        except self._codec.encode_errors as error:
            raise refusals.not_encodable(event, error) from error
        # Its place in a trace is in the headers, and so of the size.
        spans = self._spans
        ends_span = None if spans is None else spans.send(stamp.topic, key, own)
        ack = Ack(
            stamp.topic,
            key_bytes,
            value,
            own,
            now_ns // 1_000_000,
            event_id,
            self._sender,
            self._on_failure,
        )
        if ends_span is not None:
            ack.add_done_callback(ends_span)
        # What the envelope repeats is shorter than the payload: else a sum is in vain.
        if (
            2 * len(value) + len(key_bytes) + stamp.fixed_bytes > self._surely_small_bytes
            or caused_by is not None
            or headers
            or (spans is not None and h.TRACESTATE in own)
        ):
            refusals.check_size(event, ack, own, self._largest_bytes, self._config)
        return ack
