"""Who makes spans of what is published and handled, as producers and consumers know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pat_events.telemetry.observer import Happening, Origin


class SenderSpans(Protocol):
    """Spans of what one producer sends; callable from any thread."""

    def send(
        self, topic: str, key: str, headers: dict[str, bytes | None]
    ) -> Callable[[Any], None] | None:
        """Begin to send an event: its trace is written into its headers.

        Returns what ends the span, to be called with the event's ``Ack`` once that is settled; None
        where nothing is recorded.
        """

    def alone(self) -> AbstractContextManager[object]:
        """Keep instrumentation of a client from making spans of its own beside these."""


class ConsumerSpans(Protocol):
    """Spans of what one consumer handles. An ``Observer``, callable from any thread.

    Attributes:
        origin: The consumer.
    """

    origin: Origin

    def handler(
        self, call: Callable[..., Any], name: str, *, is_async: bool, is_batch: bool
    ) -> Callable[..., Any]:
        """Return a handler's function within a span, which is current while it runs."""

    def saw(self, what: Happening) -> None:
        """This happened."""


class Spans(Protocol):
    """Makes spans, such as ``pat_events.telemetry.Tracing``."""

    def of_sender(self, system: str) -> SenderSpans:
        """Return the spans of a producer."""

    def of_consumer(self, origin: Origin) -> ConsumerSpans:
        """Return the spans of a consumer."""
