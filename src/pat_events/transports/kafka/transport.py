"""One Kafka cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pat_events.core.spelling import nearest
from pat_events.errors import TopicMissingError, TransportUnavailableError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.errors import kafka_errors, typed
from pat_events.transports.kafka.receiver import KafkaReceiver
from pat_events.transports.kafka.sender import KafkaSender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.config import Config
    from pat_events.transports.base import Start

_ABSENT: Final = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
_NO_ANSWER: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the library's name for it
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
    }
)


class KafkaTransport:
    """Makes senders and receivers for the cluster a ``Config`` names."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def sender(self) -> KafkaSender:
        """Return a new sender."""
        return KafkaSender(self._config)

    def receiver(self, group: str, start: Start) -> KafkaReceiver:
        """Return a new member of ``group``."""
        return KafkaReceiver(self._config, group, start)

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic; see ``Transport.partitions``."""
        trouble: list[str] = []
        address = self._config.bootstrap_servers
        settings = properties.admin(self._config, lambda error: trouble.append(error.str()))
        with kafka_errors(f"connecting to {address}"):
            client = AdminClient(settings)  # type: ignore[arg-type]
        try:
            found = client.list_topics(timeout=timeout_s).topics
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            client.poll(0)
            if cause.code() not in _NO_ANSWER:
                raise typed(cause, f"asking {address} for its topics") from error
            detail = f" ({trouble[-1]})" if trouble else ""
            raise TransportUnavailableError(
                f"no broker answered at {address} within {timeout_s:g} s{detail}"
            ) from error
        missing = []
        for topic in topics:
            problem: KafkaError | None = found[topic].error if topic in found else _ABSENT
            if problem is None:
                continue
            if problem.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise typed(problem, f"asking {address} for topic {topic}")
            missing.append(topic)
        if missing:
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
