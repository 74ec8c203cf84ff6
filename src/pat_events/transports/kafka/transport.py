"""One Kafka cluster."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from pat_events.core.checks import wrong_type
from pat_events.transports.kafka.config import KafkaConfig
from pat_events.transports.kafka.connecting import connect
from pat_events.transports.kafka.errors import kafka_errors
from pat_events.transports.kafka.partition_counts import partition_counts
from pat_events.transports.kafka.receiver import KafkaReceiver
from pat_events.transports.kafka.sender import KafkaSender
from pat_events.transports.kafka.topics import ask_ends
from pat_events.transports.sending import place_of_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Self

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.log import Start


class KafkaTransport:
    """Makes senders and receivers for the cluster a ``KafkaConfig`` names."""

    system = "kafka"
    keeps_order = True

    def __init__(self, config: KafkaConfig) -> None:
        if not isinstance(config, KafkaConfig):
            raise wrong_type("config", config, "a KafkaConfig")
        self._config = config

    @classmethod
    def from_env(cls) -> Self:
        """Return the cluster that ``PAT_EVENTS_*`` name.

        Raises:
            ConfigError: no broker is named, or a setting is impossible.
        """
        return cls(KafkaConfig.from_env())

    @property
    def address(self) -> str:
        """Its brokers; see ``Transport.address``."""
        return self._config.bootstrap_servers

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> KafkaSender:
        """Return a new sender."""
        return KafkaSender(self._config, config, observers=observers, spans=spans)

    def receiver(self, group: str, start: Start) -> KafkaReceiver:
        """Return a new member of ``group``."""
        return KafkaReceiver(self._config, group, start)

    def ping(self, timeout_s: float) -> None:
        """Ask whether a broker answers; see ``SendingTransport.ping``."""
        connect(self._config, timeout_s)

    def cluster_id(self, timeout_s: float) -> str:
        """Return the id that the cluster has given itself; see ``Transport.cluster_id``."""
        _, metadata = connect(self._config, timeout_s)
        # None of a broker that tells none, whatever the stub says: it is not the next one's.
        cluster_id: str | None = metadata.cluster_id
        return cluster_id or self.address

    def routed(self, catalog: Catalog) -> Sequence[str]:
        """Return nothing: the catalogue names no cluster; see ``BridgeTarget.routed``."""
        del catalog
        return ()

    def check_events(self, names: Iterable[str]) -> None:
        """Return: each event has its topic; see ``BridgeTarget.check_events``."""

    def places(self, timeout_s: float) -> Callable[[str], str]:
        """Return what names its topics; see ``BridgeTarget.places``."""
        return partial(place_of_log, self.cluster_id(timeout_s))

    def check_dead_letters(self, destination: str, timeout_s: float) -> None:
        """Ask whether this topic is there; see ``DeadLetterTransport.check_dead_letters``."""
        self.partitions([destination], timeout_s)

    def log_ends(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> Mapping[TopicPartition, int]:
        """Ask where these end; see ``Transport.log_ends``."""
        client, _ = connect(self._config, timeout_s)
        with kafka_errors(f"asking {self.address} where partitions end"):
            answers = ask_ends(client, partitions, timeout_s)
        ends = {}
        for pair, answer in answers.items():
            with suppress(KafkaException, TimeoutError):
                ends[pair] = answer.result(timeout_s).offset
        return ends

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic; see ``Transport.partitions``."""
        client, metadata = connect(self._config, timeout_s)
        return partition_counts(client, metadata, topics, self.address, timeout_s)
