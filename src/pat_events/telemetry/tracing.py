"""Spans by OpenTelemetry, named and described as its messaging conventions say."""

from __future__ import annotations

import functools
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pat_events.core import headers as h
from pat_events.core import trace_context
from pat_events.errors import ConfigError
from pat_events.telemetry.observer import (
    DeadLettered,
    GivenUp,
    Held,
    Lost,
    Retried,
    Revoked,
)

try:
    from opentelemetry import _logs as logs
    from opentelemetry import context as contexts
    from opentelemetry import trace
    from opentelemetry.trace import (
        Link,
        NonRecordingSpan,
        SpanContext,
        SpanKind,
        Status,
        StatusCode,
        TraceFlags,
        TraceState,
    )
except ImportError as error:
    raise ConfigError("tracing needs the extra: pip install 'pat-events[otel]'") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from pat_events.core.record import Delivery, Position
    from pat_events.core.trace_context import TraceContext
    from pat_events.telemetry.observer import Happening, Origin

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
_NAME: Final = "pat_events"
# Their names: docs/messaging/messaging-spans.md, kafka.md and sqs.md of the conventions.
_KAFKA: Final = "kafka"
# What OpenTelemetry's instrumentations look for.
_SUPPRESSED: Final = "suppress_instrumentation"
# The last digit of the flags: https://www.w3.org/TR/trace-context-2, sampled is bit 0.
_NOT_SAMPLED: Final = frozenset(b"02468ace")
# Not one that happens to be current where a worker was started.
_NOWHERE: Final = contexts.Context()


class Tracing:
    """Makes spans of what is published and handled.

    ``Producer(tracing=tracing)``, ``ConsumerGroup(..., tracing=tracing)``, and likewise for the
    other consumers: one for all of a process. Where the trace that an event is part of is not
    sampled no span is made; where it is part of none the sampler is asked.

    Args:
        tracer_provider: Whose tracer; the global one's when None, even if that is set later.
        parent: A handler's span is part of the trace that its event was published in, below the
            span that published it. Else it begins a trace of its own with a link to that one, as
            the conventions have it: an event may be handled by many, and much later. The handler
            of a batch always has links.

    Raises:
        ConfigError: the extra ``otel`` is not installed.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, *, parent: bool = False
    ) -> None:
        self._tracer = trace.get_tracer(
            _NAME, tracer_provider=tracer_provider, schema_url=SCHEMA_URL
        )
        self._parent = parent

    def of_sender(self, system: str) -> SenderTracing:
        """Return what makes the spans of a producer; see ``SenderSpans``."""
        return SenderTracing(self._tracer, system)

    def of_consumer(self, origin: Origin) -> ConsumerTracing:
        """Return what makes the spans of a consumer; see ``ConsumerSpans``."""
        return ConsumerTracing(self._tracer, origin, parent=self._parent)


class SenderTracing:
    """Makes the spans of one producer; see ``SenderSpans``."""

    def __init__(self, tracer: Tracer, system: str) -> None:
        self._tracer = tracer
        self._system = system

    def send(
        self, topic: str, key: str, headers: dict[str, bytes | None]
    ) -> Callable[[Any], None] | None:
        """Begin the span of an event that is sent; see ``SenderSpans.send``."""
        current = trace.get_current_span().get_span_context()
        context: contexts.Context | None = None
        if current.is_valid:
            if not current.trace_flags.sampled:
                _write(current, headers)
                return None
        else:
            caused_by = headers.get(h.TRACEPARENT)
            if caused_by is not None:
                cause = _span_context(trace_context.parse(caused_by, headers.get(h.TRACESTATE)))
                if cause is not None and not cause.trace_flags.sampled:
                    return None
                context = _within(cause)
        # What a sampler may want to know; the rest only where it is recorded.
        attributes = {
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.system": self._system,
            "messaging.destination.name": topic,
        }
        span = self._tracer.start_span(f"send {topic}", context, SpanKind.PRODUCER, attributes)
        _write(span.get_span_context(), headers)
        if not span.is_recording():
            return None
        span.set_attributes(_of_event(headers))
        if self._system == _KAFKA:
            span.set_attribute("messaging.kafka.message.key", key)
        return functools.partial(_sent, span, self._system)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep instrumentation of a client from making spans of its own beside these."""
        token = contexts.attach(contexts.set_value(_SUPPRESSED, value=True))
        try:
            yield
        finally:
            contexts.detach(token)

    def saw(self, what: Happening) -> None:
        """Nothing: each event's ``Ack`` ends its span."""


def _sent(span: Span, system: str, ack: Any) -> None:  # noqa: ANN401 - of a room above
    if ack.error is not None:
        _failed(span, ack.error)
    elif system == _KAFKA:
        partition, offset = ack.place
        span.set_attribute("messaging.destination.partition.id", str(partition))
        span.set_attribute("messaging.kafka.offset", offset)
    elif isinstance(ack.place, str):
        span.set_attribute("messaging.message.id", ack.place)
    span.end()


class ConsumerTracing:
    """Makes the spans of one consumer; see ``ConsumerSpans``."""

    def __init__(self, tracer: Tracer, origin: Origin, *, parent: bool) -> None:
        self.origin = origin
        self._tracer = tracer
        self._parent = parent
        self._logger = logs.get_logger(_NAME, schema_url=SCHEMA_URL)
        # The span of the last attempt of what is not done, where one is recorded.
        self._last: dict[Position, SpanContext] = {}

    def handler(
        self, call: Callable[..., Any], name: str, *, is_async: bool, is_batch: bool
    ) -> Callable[..., Any]:
        """Return a handler's function within a span; see ``ConsumerSpans.handler``."""
        begin = self._begin_batch if is_batch else self._begin_one

        @functools.wraps(call)
        def traced(*args: Any) -> Any:  # noqa: ANN401 - those of the handler
            begun = begin(name, *args)
            if begun is None:
                return call(*args)
            with self._around(*begun):
                return call(*args)

        @functools.wraps(call)
        async def traced_async(*args: Any) -> Any:  # noqa: ANN401
            begun = begin(name, *args)
            if begun is None:
                return await call(*args)
            with self._around(*begun):
                return await call(*args)

        return traced_async if is_async else traced

    def _begin_one(self, name: str, _: object, context: Any) -> tuple[Span, list[Position]] | None:  # noqa: ANN401
        delivery: Delivery = context.delivery
        traceparent = delivery.header_values.get(h.TRACEPARENT)
        if traceparent is not None and len(traceparent) == 55 and traceparent[54] in _NOT_SAMPLED:  # noqa: PLR2004
            return None
        created = _created(delivery)
        if created is not None and not created.trace_flags.sampled:
            return None
        attributes: dict[str, AttributeValue] = {}
        if self.origin.system == _KAFKA:
            attributes["messaging.destination.partition.id"] = str(delivery.partition)
        span = self._start(
            delivery.topic,
            attributes,
            parent=created if self._parent else None,
            links=[Link(created)] if created is not None and not self._parent else [],
        )
        if not span.is_recording():
            return None
        span.set_attributes(_of_event(delivery.header_values))
        span.set_attributes(self._of_delivery(delivery))
        span.set_attribute("pat_events.handler", name)
        span.set_attribute("pat_events.attempt", delivery.attempt)
        return span, [delivery.position]

    def _begin_batch(
        self, name: str, pairs: Sequence[tuple[object, Any]]
    ) -> tuple[Span, list[Position]] | None:
        deliveries: list[Delivery] = [context.delivery for _, context in pairs]
        created = [each for each in map(_created, deliveries) if each is not None]
        links = [Link(each) for each in created if each.trace_flags.sampled]
        if created and not links:
            return None
        count: dict[str, AttributeValue] = {"messaging.batch.message_count": len(deliveries)}
        span = self._start(deliveries[0].topic, count, links=links)
        if not span.is_recording():
            return None
        span.set_attribute("pat_events.handler", name)
        return span, [delivery.position for delivery in deliveries]

    def _start(
        self,
        topic: str,
        attributes: Mapping[str, AttributeValue],
        *,
        parent: SpanContext | None = None,
        links: Sequence[Link] = (),
    ) -> Span:
        described: dict[str, AttributeValue] = {
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.system": self.origin.system,
            "messaging.destination.name": topic,
            **attributes,
        }
        if self.origin.consumer and self.origin.system == _KAFKA:
            described["messaging.consumer.group.name"] = self.origin.consumer
        context = _within(parent)
        return self._tracer.start_span(
            f"process {topic}", context, SpanKind.CONSUMER, described, links
        )

    def _of_delivery(self, delivery: Delivery) -> dict[str, AttributeValue]:
        if self.origin.system != _KAFKA:
            return {"messaging.message.id": delivery.position.message_id}
        attributes: dict[str, AttributeValue] = {"messaging.kafka.offset": delivery.offset}
        try:
            if delivery.key is not None:
                attributes["messaging.kafka.message.key"] = delivery.key.decode()
        except UnicodeDecodeError:
            pass  # The conventions leave out what is no text.
        if delivery.value is None:
            attributes["messaging.kafka.message.tombstone"] = True
        return attributes

    @contextmanager
    def _around(self, span: Span, positions: Sequence[Position]) -> Iterator[None]:
        context = span.get_span_context()
        self._last.update(dict.fromkeys(positions, context))
        token = contexts.attach(trace.set_span_in_context(span))
        try:
            yield
        except BaseException as error:
            _failed(span, error)
            self._log_exception(span, error)
            raise
        else:
            for position in positions:
                self._last.pop(position, None)
        finally:
            contexts.detach(token)
            span.end()

    def _log_exception(self, span: Span, error: BaseException) -> None:
        self._logger.emit(
            context=trace.set_span_in_context(span),
            severity_number=logs.SeverityNumber.WARN,
            event_name="messaging.process.exception",
            attributes={
                "exception.type": _type_name(error),
                "exception.message": str(error),
                "exception.stacktrace": "".join(traceback.format_exception(error)),
            },
        )

    def saw(self, what: Happening) -> None:
        """Make a span of what became of an event that failed, below that of its attempt."""
        if isinstance(what, Retried):
            self._note("retry", what.position, wait_s=what.wait_s, attempt=what.attempt)
        elif isinstance(what, Held):
            self._note("hold", what.position, wait_s=what.wait_s)
        elif isinstance(what, GivenUp):
            self._note("give up", what.position, reason=what.reason, attempt=what.attempts)
        elif isinstance(what, DeadLettered):
            self._note("dead letter", what.position, destination=what.topic, reason=what.reason)
            self._last.pop(what.position, None)
        elif isinstance(what, Revoked | Lost):
            gone = set(what.partitions)
            for position in [it for it in self._last if (it.topic, it.partition) in gone]:
                self._last.pop(position, None)

    def _note(self, name: str, position: Position, **facts: AttributeValue) -> None:
        last = self._last.get(position)
        if last is not None:
            described = {f"pat_events.{key}": value for key, value in facts.items()}
            span_name = f"{name} {position.topic}"
            context = _within(last)
            self._tracer.start_span(span_name, context, SpanKind.INTERNAL, described).end()


def _within(parent: SpanContext | None) -> contexts.Context:
    if parent is None:
        return _NOWHERE
    return trace.set_span_in_context(NonRecordingSpan(parent), _NOWHERE)


def _created(delivery: Delivery) -> SpanContext | None:
    """Return the place in a trace that an event was published at."""
    values = delivery.header_values
    found = trace_context.parse(values.get(h.TRACEPARENT), values.get(h.TRACESTATE))
    if found is None and (x_ray := values.get(h.X_RAY)) is not None:
        found = trace_context.parse_x_ray(x_ray)
    return _span_context(found)


def _span_context(found: TraceContext | None) -> SpanContext | None:
    if found is None:
        return None
    _, trace_id, span_id, flags = found.traceparent.decode().split("-")
    state = None
    if found.tracestate:
        state = TraceState.from_header([found.tracestate.decode(errors="replace")])
    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=state,
    )


def _write(place: SpanContext, headers: dict[str, bytes | None]) -> None:
    headers[h.TRACEPARENT] = b"00-%032x-%016x-%02x" % (
        place.trace_id,
        place.span_id,
        place.trace_flags,
    )
    headers.pop(h.TRACESTATE, None)
    if place.trace_state:
        headers[h.TRACESTATE] = place.trace_state.to_header().encode()


def _of_event(headers: Mapping[str, bytes | None]) -> dict[str, AttributeValue]:
    named = (
        ("cloudevents.event_id", h.CE_ID),
        ("cloudevents.event_source", h.CE_SOURCE),
        ("cloudevents.event_type", h.CE_TYPE),
        ("cloudevents.event_spec_version", h.CE_SPECVERSION),
        ("messaging.message.conversation_id", h.CE_CORRELATION_ID),
    )
    return {
        name: value.decode(errors="replace")
        for name, header in named
        if (value := headers.get(header))
    }


def _failed(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", _type_name(error))
    span.set_status(Status(StatusCode.ERROR, str(error)))


def _type_name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
