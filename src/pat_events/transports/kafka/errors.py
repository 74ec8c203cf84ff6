"""Kafka's errors in this package's terms."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException

from pat_events.errors import (
    AuthenticationError,
    ConfigError,
    NotPermittedError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicMissingError,
    TransportError,
    TransportTimeoutError,
    TransportUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import TopicPartition

    from pat_events.errors import PatEventsError

_CLASSES: Final[dict[int, type[PatEventsError]]] = {
    KafkaError.MSG_SIZE_TOO_LARGE: RecordTooLargeError,
    KafkaError.RECORD_LIST_TOO_LARGE: RecordTooLargeError,
    KafkaError.UNKNOWN_TOPIC_OR_PART: TopicMissingError,
    KafkaError._UNKNOWN_TOPIC: TopicMissingError,  # noqa: SLF001 - the library's name for it
    KafkaError._AUTO_OFFSET_RESET: OffsetOutOfRangeError,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN: TransportUnavailableError,  # noqa: SLF001
    KafkaError._TRANSPORT: TransportUnavailableError,  # noqa: SLF001
    KafkaError._MSG_TIMED_OUT: TransportTimeoutError,  # noqa: SLF001
    KafkaError._TIMED_OUT: TransportTimeoutError,  # noqa: SLF001
    KafkaError.REQUEST_TIMED_OUT: TransportTimeoutError,
    KafkaError._INVALID_ARG: ConfigError,  # noqa: SLF001
    KafkaError._AUTHENTICATION: AuthenticationError,  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED: AuthenticationError,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: NotPermittedError,
    KafkaError.GROUP_AUTHORIZATION_FAILED: NotPermittedError,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: NotPermittedError,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: NotPermittedError,
}
# What has to be granted, as Kafka names it and as an IAM policy of MSK does.
_RIGHTS: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Write on the topic to publish, Read to consume (MSK "
    "IAM: kafka-cluster:WriteData or kafka-cluster:ReadData, and kafka-cluster:DescribeTopic)",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Read on the group (MSK IAM: "
    "kafka-cluster:DescribeGroup and kafka-cluster:AlterGroup)",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "Write on the transactional id (MSK IAM: "
    "kafka-cluster:AlterTransactionalId, kafka-cluster:DescribeTransactionalId and "
    "kafka-cluster:WriteDataIdempotently)",
    # Brokers since Kafka 2.8 take Write on any topic for the right to be idempotent.
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "to publish, Write on the topic, and IdempotentWrite "
    "on the cluster before Kafka 2.8 (MSK IAM: kafka-cluster:WriteData and "
    "kafka-cluster:WriteDataIdempotently); "
    "for an operator's command Create, Alter or Describe on the cluster",
}


def is_fatal(error: KafkaError) -> bool:
    """Tell whether the client that met the error is dead."""
    return error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001


def right_for(error: KafkaError) -> str:
    """Return which right is missing, as the end of a sentence; empty for other errors."""
    right = _RIGHTS.get(error.code())
    return f"; allow {right}" if right else ""


def translate(error: KafkaError, doing: str) -> PatEventsError:
    """Return this package's error for Kafka's; ``doing`` begins the sentence."""
    kind = _CLASSES.get(error.code(), TransportError)
    if kind is TopicMissingError:
        return kind(
            f"{doing}: the topic does not exist, or was made so lately that not all know of it; "
            "'pat-events topics apply' creates those that are missing"
        )
    if error.code() == KafkaError._UNKNOWN_PARTITION:  # noqa: SLF001
        return kind(
            f"{doing}: this client does not know the partition, as just after a topic has grown; "
            "it asks again by itself"
        )
    return kind(f"{doing}: {error.str()} ({error.name()}){right_for(error)}")


def checked(positions: list[TopicPartition]) -> list[TopicPartition]:
    """Return what the client answered for partitions.

    Raises:
        KafkaException: the answer for one of them is an error.
    """
    for position in positions:
        if position.error is not None:
            raise KafkaException(position.error)
    return positions


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Raise what Kafka raises as this package's errors, ``from`` the cause."""
    try:
        yield
    except KafkaException as error:
        raise translate(error.args[0], doing) from error
