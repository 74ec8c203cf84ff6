"""Kafka through librdkafka: the only place that knows confluent_kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.transport import KafkaTransport

__all__ = ["KafkaConfig", "KafkaTransport"]

# On first use: settings are read without the client, which takes long to load.
if not TYPE_CHECKING:
    from pat_events.lazy import lazy_names

    _HOMES = {"KafkaConfig": "config", "KafkaTransport": "transport"}
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
