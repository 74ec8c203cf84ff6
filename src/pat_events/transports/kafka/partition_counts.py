"""How many partitions topics have, and of a topic that a cluster does not show why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from pat_events.core.spelling import nearest
from pat_events.errors import NotPermittedError, TopicMissingError
from pat_events.transports.kafka.errors import kafka_errors, translate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]

_ABSENT: Final = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)


def partition_counts(
    client: AdminClient,
    metadata: ClusterMetadata,
    topics: Sequence[str],
    address: str,
    timeout_s: float,
) -> dict[str, int]:
    """Return how many partitions each topic has, of what a cluster has answered to the client.

    Raises:
        TopicMissingError: names those that do not exist.
        NotPermittedError: names those that may not be seen.
    """
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


def hidden(client: AdminClient, topics: Iterable[str], address: str, timeout_s: float) -> list[str]:
    """Return those topics that may be there and may not be seen, of those a list left out.

    Asked for by its name, a cluster says that a topic may not be described; in a list it is not.
    """
    found = []
    for topic in topics:
        with kafka_errors(f"asking {address} for topic {topic}"):
            error = client.list_topics(topic, timeout=timeout_s).topics[topic].error
        if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            found.append(topic)
    return found


def _missing(missing: list[str], address: str, found: list[str]) -> str:
    near = {topic: nearest(topic, found, cutoff=0.8) for topic in missing}
    names = ", ".join(
        f"{topic} (there is {near[topic]})" if near[topic] else topic for topic in missing
    )
    return (
        f"{address} has no topic {names}: 'pat-events topics apply' creates what the catalogue "
        "lists, and what the groups under 'groups' need"
    )
