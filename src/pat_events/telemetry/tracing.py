"""Spans by OpenTelemetry, named and described as its messaging conventions say."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pat_events.core import headers as h
from pat_events.core import trace_context
from pat_events.telemetry.consumer_tracing import ConsumerTracing
from pat_events.telemetry.sampling import Beginnings
from pat_events.telemetry.span_parts import (
    KAFKA,
    add_attributes_of,
    contexts,
    mark_failed,
    place_in,
    trace,
    within,
    write_place,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from pat_events.telemetry.observer import Origin

# What OpenTelemetry's instrumentations look for.
_SUPPRESSED: Final = "suppress_instrumentation"


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
        self._beginnings = Beginnings(tracer_provider)
        self._parent = parent

    def of_sender(self, system: str) -> SenderTracing:
        """Return what makes the spans of a producer; see ``SenderSpans``."""
        return SenderTracing(self._beginnings, system)

    def of_consumer(self, origin: Origin) -> ConsumerTracing:
        """Return what makes the spans of a consumer; see ``ConsumerSpans``."""
        return ConsumerTracing(self._beginnings, origin, parent=self._parent)


class SenderTracing:
    """Makes the spans of one producer; see ``SenderSpans``."""

    def __init__(self, beginnings: Beginnings, system: str) -> None:
        self._beginnings = beginnings
        self._system = system

    def send(
        self, topic: str, key: str, headers: dict[str, bytes | None]
    ) -> Callable[[Any], None] | None:
        """Begin the span of an event that is sent; see ``SenderSpans.send``."""
        # Mostly there is nothing in it, and no look for a span is needed.
        around = contexts.get_current()
        current = trace.get_current_span(around).get_span_context() if around else None
        context: contexts.Context | None = None
        tracer: Tracer | None = self._beginnings.tracer
        if current is not None and current.is_valid:
            if not current.trace_flags.sampled:
                write_place(current, headers)
                return None
        elif h.TRACEPARENT in headers:
            cause = place_in(trace_context.parse(headers[h.TRACEPARENT], headers.get(h.TRACESTATE)))
            if cause is not None and not cause.trace_flags.sampled:
                return None
            context = within(cause)
        else:
            tracer = self._beginnings.begin(headers)
        if tracer is None:
            return None
        # All at once: each that is added later costs as much as three.
        attributes: dict[str, AttributeValue] = {
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.system": self._system,
            "messaging.destination.name": topic,
        }
        add_attributes_of(headers, attributes)
        if self._system == KAFKA:
            attributes["messaging.kafka.message.key"] = key
        span = tracer.start_span(f"send {topic}", context, trace.SpanKind.PRODUCER, attributes)
        place = span.get_span_context()
        if place.is_valid:  # Else there is nobody who makes spans.
            write_place(place, headers)
        return functools.partial(_sent, span, self._system) if span.is_recording() else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep instrumentation of a client from making spans of its own beside these."""
        token = contexts.attach(contexts.set_value(_SUPPRESSED, value=True))
        try:
            yield
        finally:
            contexts.detach(token)


def _sent(span: Span, system: str, ack: Any) -> None:  # noqa: ANN401 - of a room above
    if ack.error is not None:
        mark_failed(span, ack.error)
    elif system == KAFKA:
        partition, offset = ack.place
        span.set_attributes(
            {"messaging.destination.partition.id": str(partition), "messaging.kafka.offset": offset}
        )
    elif isinstance(ack.place, str):
        span.set_attribute("messaging.message.id", ack.place)
    span.end()
