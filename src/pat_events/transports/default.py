"""The transport that is meant where none is given: Kafka, as the environment says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pat_events.core.checks import wrong_type

if TYPE_CHECKING:
    from pat_events.transports.kafka.transport import KafkaTransport

T = TypeVar("T")


def transport_or_default(transport: T | None, method: str) -> T | KafkaTransport:
    """Return the transport that was given, or the default one.

    Args:
        transport: What was given.
        method: What it must have: ``sender`` or ``receiver``.

    Raises:
        ConfigError: that is no transport, or the environment does not say where Kafka is.
    """
    if transport is None:
        # Not before it is wanted: Kafka's client takes longer to load than all of this.
        from pat_events.transports.kafka import KafkaTransport  # noqa: PLC0415

        return KafkaTransport.from_env()
    # Of a class the method is there as well, and cannot be called.
    if isinstance(transport, type) or not hasattr(transport, method):
        raise wrong_type(
            "transport", transport, "a transport, such as KafkaTransport(KafkaConfig(...))"
        )
    return transport
