"""One Kafka cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from pat_events.core.checks import wrong_type
from pat_events.core.spelling import nearest
from pat_events.errors import NotPermittedError, TopicMissingError
from pat_events.transports.kafka.config import KafkaConfig
from pat_events.transports.kafka.connecting import connect, hidden
from pat_events.transports.kafka.errors import translate
from pat_events.transports.kafka.receiver import KafkaReceiver
from pat_events.transports.kafka.sender import KafkaSender

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from pat_events.config import Config
    from pat_events.telemetry.observer import Observer
    from pat_events.transports.log import Start

_ABSENT: Final = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)


class KafkaTransport:
    """Makes senders and receivers for the cluster a ``KafkaConfig`` names."""

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

    def sender(self, config: Config, observers: Iterable[Observer] = ()) -> KafkaSender:
        """Return a new sender."""
        return KafkaSender(self._config, config, observers=observers)

    def receiver(self, group: str, start: Start) -> KafkaReceiver:
        """Return a new member of ``group``."""
        return KafkaReceiver(self._config, group, start)

    def ping(self, timeout_s: float) -> None:
        """Ask whether a broker answers; see ``SendingTransport.ping``."""
        connect(self._config, timeout_s)

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic; see ``Transport.partitions``."""
        address = self._config.bootstrap_servers
        client, metadata = connect(self._config, timeout_s)
        found = metadata.topics
        missing = []
        for topic in topics:
            problem: KafkaError | None = found[topic].error if topic in found else _ABSENT
            if problem is None:
                continue
            if problem.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise translate(problem, f"asking {address} for topic {topic}")
            missing.append(topic)
        if missing:
            if unseen := hidden(client, missing, address, timeout_s):
                raise NotPermittedError(
                    f"{address} does not say whether there is a topic {', '.join(unseen)}: it is "
                    "missing, or not permitted; grant Describe on it (MSK: "
                    "kafka-cluster:DescribeTopic)"
                )
            raise TopicMissingError(_missing(missing, address, list(found)))
        return {topic: len(found[topic].partitions) for topic in topics}


def _missing(missing: list[str], address: str, found: list[str]) -> str:
    near = {topic: nearest(topic, found, cutoff=0.8) for topic in missing}
    names = ", ".join(
        f"{topic} (there is {near[topic]})" if near[topic] else topic for topic in missing
    )
    return (
        f"{address} has no topic {names}: 'pat-events topics apply' creates what the catalogue "
        "lists, and dead-letter topics of the groups under 'groups'"
    )
