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
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Describe and Read (to consume) or Write (to publish) "
    "on the topic (MSK: kafka-cluster:DescribeTopic, ReadData, WriteData)",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Read on the group (MSK: kafka-cluster:DescribeGroup, "
    "AlterGroup)",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "IdempotentWrite on the cluster to publish "
    "(MSK: kafka-cluster:WriteDataIdempotently), or what an operator's command needs there: "
    "Create, Alter, Describe",
}


def typed(error: KafkaError, doing: str) -> PatEventsError:
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
    if (right := _RIGHTS.get(error.code())) is not None:
        return kind(f"{doing}: not permitted ({error.name()}); it takes {right}")
    return kind(f"{doing}: {error.str()} ({error.name()})")


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Raise what Kafka raises as this package's errors, ``from`` the cause."""
    try:
        yield
    except KafkaException as error:
        raise typed(error.args[0], doing) from error
