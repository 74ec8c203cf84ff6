"""Reads partitions from chosen positions, as no member of any group, committing nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from pat_events.transports.kafka import properties
from pat_events.transports.kafka.errors import kafka_errors, translate
from pat_events.transports.kafka.messages import delivery_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from pat_events.core.record import Delivery
    from pat_events.core.record import TopicPartition as Pair
    from pat_events.transports.kafka.config import KafkaConfig

_log = logging.getLogger("pat_events.kafka")

# The client wants a group's name, and looks for that group's coordinator although it joins none.
_NO_GROUP: Final = "pat-events-reader"
# People look at a few records: fetching 64 MiB ahead, as a group does, would be a waste.
_AHEAD_KIB: Final = "4096"


class KafkaReader:
    """Reads from the positions given to it. One thread owns it.

    Attributes:
        ended: Partitions whose end was reached, with the offset of what comes next: of one that
            ends in a transaction, that is behind the mark of its commit.

    Args:
        config: The cluster.
        positions: Offset of the first record to read, per partition.

    Raises:
        ConfigError: the cluster's settings are impossible.
    """

    def __init__(self, config: KafkaConfig, positions: Mapping[Pair, int]) -> None:
        self._address = config.bootstrap_servers
        settings = properties.consumer(
            replace(config, group_protocol="classic"), _NO_GROUP, self._on_error, purpose="reader"
        )
        settings["queued.max.messages.kbytes"] = _AHEAD_KIB
        settings["enable.partition.eof"] = True
        # What a transaction took back was never there, whatever somebody's consumers are told.
        settings["isolation.level"] = "read_committed"
        self.ended: Final[dict[Pair, int]] = {}
        with properties.making_client(config, f"reading from {self._address}"):
            self._client = Consumer(settings)
            self._client.assign([TopicPartition(*pair, at) for pair, at in positions.items()])

    def read(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """Return what is there, at most ``max_records``; wait ``timeout_s`` only for the first.

        Raises:
            TransportError: reading failed: no permission, or the topic is gone.
            OffsetOutOfRangeError: the position is no longer in the log.
        """
        with kafka_errors(f"reading from {self._address}"):
            messages = self._client.consume(1, timeout_s)
            if messages and max_records > 1:
                messages += self._client.consume(max_records - 1, 0)
        deliveries = []
        for message in messages:
            error = message.error()
            if error is None:
                deliveries.append(delivery_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's name
                self.ended[message.topic(), message.partition()] = message.offset()  # type: ignore[index, assignment]
            elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # of no use here anyway
                where = f"{message.topic()}/{message.partition()}"
                raise translate(error, f"reading {where} from {self._address}")
        return deliveries

    def close(self) -> None:
        """Let go of the connections."""
        with kafka_errors("closing a reader"):
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _on_error(self, error: KafkaError) -> None:
        _log.warning("%s: %s (%s)", self._address, error.str(), error.name())
