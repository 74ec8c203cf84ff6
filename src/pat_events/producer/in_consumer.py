"""The producer inside a consumer: of what handlers publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.producer.producer import Producer
from pat_events.transports.opening import make_sender

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import Spans
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import Sender, SendingTransport


def producer_in_consumer(
    transport: SendingTransport,
    config: Config,
    payloads: PayloadStore | None,
    observers: Iterable[GivenObserver],
    tracing: Spans | None,
) -> tuple[Producer, Sender]:
    """Return a producer that nobody was asked for an answer for, and its sender.

    What is out of order there fails what needs it, in time, and not the consumer.
    """
    spans = None if tracing is None else tracing.of_sender(transport.system)
    sender = make_sender(transport, config, observers, payloads, spans)
    try:
        return Producer(config, transport=transport, sender=sender, tracing=tracing), sender
    except BaseException:
        sender.close(0)
        raise
