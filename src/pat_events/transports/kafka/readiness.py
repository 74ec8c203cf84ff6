"""Asking again while a cluster is on its way to an answer."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

# A group's coordinator is on its way: the group's first question to a new broker, or one just gone.
_COORDINATOR_NOT_READY: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    }
)
# Longest wait, in seconds: an outage that begins while partitions are assigned is waited out.
_READY_S: Final = 120.0
# The leader is on its way as well: a topic just made, a broker just gone. Or this client's metadata
# is older than the assignment it was given: a topic that has just grown.
_NOT_READY: Final = _COORDINATOR_NOT_READY | frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001 - the library's name for it
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
    }
)


def not_ready(error: BaseException) -> bool:
    """Tell whether there was nobody to answer, who may be there soon."""
    return isinstance(error, KafkaException) and error.args[0].code() in _NOT_READY


def coordinator_not_ready(error: BaseException | None) -> bool:
    """Tell whether a group's coordinator did not answer as such, and may soon."""
    return isinstance(error, KafkaException) and error.args[0].code() in _COORDINATOR_NOT_READY


#: Calls a question again until there is somebody to answer it.
retry_until_ready: Final = Retrying(
    retry=retry_if_exception(not_ready),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(_READY_S),
    reraise=True,
)
