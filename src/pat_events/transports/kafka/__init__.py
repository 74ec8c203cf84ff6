"""Kafka through librdkafka: the only place that knows confluent_kafka."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.transport import KafkaTransport

__all__ = ["KafkaConfig", "KafkaTransport"]

_HOMES = {"KafkaConfig": "config", "KafkaTransport": "transport"}


def __getattr__(name: str) -> object:
    # On first use: settings are read without the client, which takes long to load.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
