"""Kafka through librdkafka: the only place that knows confluent_kafka."""

from __future__ import annotations

from pat_events.transports.kafka.transport import KafkaTransport

__all__ = ["KafkaTransport"]
