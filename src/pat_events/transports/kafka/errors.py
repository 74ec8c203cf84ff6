"""Kafka's errors in this package's terms."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException

from pat_events.errors import (
    ConfigError,
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
    KafkaError._UNKNOWN_PARTITION: TopicMissingError,  # noqa: SLF001
    KafkaError._AUTO_OFFSET_RESET: OffsetOutOfRangeError,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN: TransportUnavailableError,  # noqa: SLF001
    KafkaError._TRANSPORT: TransportUnavailableError,  # noqa: SLF001
    KafkaError._MSG_TIMED_OUT: TransportTimeoutError,  # noqa: SLF001
    KafkaError._TIMED_OUT: TransportTimeoutError,  # noqa: SLF001
    KafkaError.REQUEST_TIMED_OUT: TransportTimeoutError,
    KafkaError._INVALID_ARG: ConfigError,  # noqa: SLF001
}


def typed(error: KafkaError, doing: str) -> PatEventsError:
    """Return this package's error for Kafka's; ``doing`` begins the sentence."""
    kind = _CLASSES.get(error.code(), TransportError)
    if kind is TopicMissingError:
        return kind(f"{doing}: the topic does not exist; create it with 'pat-events topics apply'")
    return kind(f"{doing}: {error.str()} ({error.name()})")


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Raise what Kafka raises as this package's errors, ``from`` the cause."""
    try:
        yield
    except KafkaException as error:
        raise typed(error.args[0], doing) from error
