"""Kafka's errors in this package's terms."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

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


# A leader is on its way: a topic just made, a broker just gone.
_NOT_LED_YET: Final = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
    }
)
# An outage that begins just then is waited out.
_LED_S: Final = 120.0
#: Calls something again until there is a leader to answer it.
until_led: Final = Retrying(
    retry=retry_if_exception(
        lambda error: isinstance(error, KafkaException) and error.args[0].code() in _NOT_LED_YET
    ),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(_LED_S),
    reraise=True,
)
