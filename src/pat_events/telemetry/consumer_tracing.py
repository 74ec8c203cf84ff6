"""Spans of what a consumer handles, and of what becomes of it where that fails."""

from __future__ import annotations

import functools
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pat_events.core import headers as h
from pat_events.errors import HandlerTimeoutError
from pat_events.telemetry.observer import DeadLettered, GivenUp, Held, InvocationEnded, Retried
from pat_events.telemetry.partitions import Lost, Revoked
from pat_events.telemetry.span_parts import (
    KAFKA,
    NAME,
    SCHEMA_URL,
    add_attributes_of,
    add_delivery,
    contexts,
    logs,
    mark_failed,
    place_in,
    place_of,
    trace,
    type_name,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.trace import Link, Span, SpanContext, Tracer
    from opentelemetry.util.types import AttributeValue

    from pat_events.core.record import Delivery, Position
    from pat_events.telemetry.observer import Happening, Origin
    from pat_events.telemetry.sampling import Beginnings

# The last digit of the flags: https://www.w3.org/TR/trace-context-2, sampled is bit 0.
_NOT_SAMPLED: Final = frozenset({b"0", b"2", b"4", b"6", b"8", b"a", b"c", b"e"})
# Of so many events that failed the last attempt's place is kept, the latest ones: what becomes of a
# message that goes back to its queue is not told here.
_KEPT: Final = 10_000
# Why events are given up whose handler was found, and not called.
_NOT_CALLED: Final = frozenset({"undecodable", "claim-check"})


class _Around:
    """Makes a span current while a handler runs that is called with these contexts."""

    __slots__ = ("_called_with", "_positions", "_span", "_token", "_tracing")

    def __init__(self, tracing: ConsumerTracing, span: Span, called_with: Sequence[Any]) -> None:
        self._tracing = tracing
        self._span = span
        self._called_with = called_with
        self._positions: list[Position] = [each.position for each in called_with]

    def __enter__(self) -> None:
        self._tracing.entered(self._span, self._positions)
        self._token = contexts.attach(trace.set_span_in_context(self._span))

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        contexts.detach(self._token)
        self._tracing.left(self._span, self._called_with, self._positions, error)


class ConsumerTracing:
    """Makes the spans of one consumer; see ``ConsumerSpans``."""

    def __init__(self, beginnings: Beginnings, origin: Origin, *, parent: bool) -> None:
        self.origin = origin
        self._beginnings = beginnings
        self._parent = parent
        self._logger = logs.get_logger(NAME, schema_url=SCHEMA_URL)
        # The span of the last attempt of what is not done, where one is recorded.
        self._last: dict[Position, SpanContext] = {}
        # The spans of calls at work, to end those that are past their deadline.
        self._running: dict[Position, Span] = {}

    def handler(
        self, call: Callable[..., Any], name: str, *, is_async: bool, is_batch: bool
    ) -> Callable[..., Any]:
        """Return a handler's function within a span; see ``ConsumerSpans.handler``."""
        begin = functools.partial(self._begin_batch if is_batch else self._begin_one, name)

        def traced(*args: Any) -> Any:  # noqa: ANN401 - those of the handler
            around = begin(*args)
            if around is None:
                return call(*args)
            with around:
                return call(*args)

        async def traced_async(*args: Any) -> Any:  # noqa: ANN401
            around = begin(*args)
            if around is None:
                return await call(*args)
            with around:
                return await call(*args)

        within_span = traced_async if is_async else traced
        if is_batch:
            return functools.wraps(call)(within_span)

        @functools.wraps(call)
        def unless_not_sampled(event: object, context: Any) -> Any:  # noqa: ANN401
            # Most events are not: that costs a call and this look, of a coroutine as well.
            traceparent = context.delivery.header_values.get(h.TRACEPARENT)
            if traceparent is not None and traceparent[54:55] in _NOT_SAMPLED:
                return call(event, context)
            return within_span(event, context)

        return unless_not_sampled

    def _begin_one(self, name: str, _: object, context: Any) -> _Around | None:  # noqa: ANN401
        delivery: Delivery = context.delivery
        beginnings = self._beginnings
        # Before it is read where the event was published, which costs more.
        tracer = beginnings.tracer if self._parent else beginnings.begin()
        if tracer is None:
            return None
        created = place_of(delivery)
        if created is not None and not created.trace_flags.sampled:
            return None
        if created is None and self._parent:
            tracer = beginnings.begin()
            if tracer is None:
                return None
        attributes = self._attributes(name, delivery.topic)
        add_attributes_of(delivery.header_values, attributes)
        add_delivery(delivery, self.origin.system, attributes)
        parent = created if self._parent else None
        links = () if created is None or self._parent else (trace.Link(created),)
        span = self._start(tracer, delivery.topic, attributes, parent=parent, links=links)
        return _Around(self, span, [context]) if span.is_recording() else None

    def _begin_batch(self, name: str, pairs: Sequence[tuple[object, Any]]) -> _Around | None:
        deliveries: list[Delivery] = [context.delivery for _, context in pairs]
        created = [each for each in map(place_of, deliveries) if each is not None]
        links = [trace.Link(each) for each in created if each.trace_flags.sampled]
        tracer = self._beginnings.begin() if links or not created else None
        if tracer is None:
            return None
        topic = deliveries[0].topic
        attributes = self._attributes(name, topic)
        attributes["messaging.batch.message_count"] = len(deliveries)
        span = self._start(tracer, topic, attributes, links=links)
        called_with = [context for _, context in pairs]
        return _Around(self, span, called_with) if span.is_recording() else None

    def _attributes(self, name: str, topic: str) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.system": self.origin.system,
            "messaging.destination.name": topic,
            "pat_events.handler": name,
        }
        if self.origin.consumer and self.origin.system == KAFKA:
            attributes["messaging.consumer.group.name"] = self.origin.consumer
        return attributes

    def _start(
        self,
        tracer: Tracer,
        topic: str,
        attributes: Mapping[str, AttributeValue],
        *,
        parent: SpanContext | None = None,
        links: Sequence[Link] = (),
    ) -> Span:
        kind = trace.SpanKind.CONSUMER
        return tracer.start_span(f"process {topic}", within(parent), kind, attributes, links)

    def entered(self, span: Span, positions: Sequence[Position]) -> None:
        """A span's handler is about to be called with what is at these positions."""
        self._remember(positions, span.get_span_context())
        for position in positions:
            self._running[position] = span

    def left(
        self,
        span: Span,
        called_with: Sequence[Any],
        positions: Sequence[Position],
        error: BaseException | None,
    ) -> None:
        """Its handler has returned, or raised."""
        if error is not None:
            self._failed(span, error)
        else:
            for each, position in zip(called_with, positions, strict=True):
                if each.failure is not None:  # By ``ctx.fail``.
                    self._failed(span, each.failure)
                elif span.is_recording():  # Else it came too late, and counts as failed.
                    self._last.pop(position, None)
        for position in positions:
            if self._running.get(position) is span:
                self._running.pop(position, None)
        if span.is_recording():
            span.end()

    def _failed(self, span: Span, error: BaseException) -> None:
        if span.is_recording():
            mark_failed(span, error)
            self._log_exception(span, error)

    def _remember(self, positions: Iterable[Position], place: SpanContext) -> None:
        for position in positions:
            self._last.pop(position, None)  # To be the latest.
            self._last[position] = place
        # Another thread may be at it as well.
        with suppress(KeyError, RuntimeError, StopIteration):
            while len(self._last) > _KEPT:
                self._last.pop(next(iter(self._last)))

    def _log_exception(self, span: Span, error: BaseException) -> None:
        self._logger.emit(
            context=trace.set_span_in_context(span),
            severity_number=logs.SeverityNumber.WARN,
            event_name="messaging.process.exception",
            attributes={
                "exception.type": type_name(error),
                "exception.message": str(error),
                "exception.stacktrace": "".join(traceback.format_exception(error)),
            },
        )

    def saw(self, what: Happening) -> None:
        """Make a span of what became of an event that failed, below that of its attempt."""
        if isinstance(what, Retried | Held | GivenUp):
            if isinstance(what.error, HandlerTimeoutError):
                self._end_overdue(what.position, what.error)
            self._failed_event(what)
        elif isinstance(what, DeadLettered):
            self._note("dead letter", what.position, destination=what.topic, reason=what.reason)
            self._last.pop(what.position, None)
        elif isinstance(what, Revoked | Lost):
            gone = set(what.partitions)
            for position in [it for it in list(self._last) if (it.topic, it.partition) in gone]:
                self._last.pop(position, None)
        elif isinstance(what, InvocationEnded):
            self._last.clear()

    def _failed_event(self, what: Retried | Held | GivenUp) -> None:
        if isinstance(what, Retried):
            self._note("retry", what.position, wait_s=what.wait_s, attempt=what.attempt)
        elif isinstance(what, Held):
            self._note("hold", what.position, wait_s=what.wait_s)
        elif what.position in self._last:
            self._note("give up", what.position, reason=what.reason, attempt=what.attempts)
        elif not what.handler or what.reason in _NOT_CALLED:
            self._refused(what)

    def _refused(self, what: GivenUp) -> None:
        """Begin the spans of an event that no handler was called with."""
        created = place_in(what.trace)
        if created is not None and not created.trace_flags.sampled:
            return
        below = created if self._parent else None
        tracer = self._beginnings.begin() if below is None else self._beginnings.tracer
        if tracer is None:
            return
        topic = what.position.topic
        span = tracer.start_span(
            f"give up {topic}",
            within(below),
            trace.SpanKind.INTERNAL,
            {"messaging.system": self.origin.system, "messaging.destination.name": topic}
            | {"pat_events.reason": what.reason},
            [] if created is None or self._parent else [trace.Link(created)],
        )
        if span.is_recording():
            mark_failed(span, what.error)
            self._remember([what.position], span.get_span_context())
            span.end()

    def _end_overdue(self, position: Position, error: BaseException) -> None:
        """End the span of a call that is past its deadline: it may never return."""
        span = self._running.pop(position, None)
        if span is not None and span.is_recording():
            self._failed(span, error)
            span.end()

    def _note(self, name: str, position: Position, **facts: AttributeValue) -> None:
        last = self._last.get(position)
        if last is not None:
            described = {f"pat_events.{key}": value for key, value in facts.items()}
            span_name = f"{name} {position.topic}"
            kind = trace.SpanKind.INTERNAL
            self._beginnings.tracer.start_span(span_name, within(last), kind, described).end()
