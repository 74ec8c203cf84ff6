"""Batches of records that the client cannot take apart: they stay where they are, and so do we."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from pat_events.core.repeats import WINDOW_S

if TYPE_CHECKING:
    from pat_events.core.record import TopicPartition

_log = logging.getLogger("pat_events.kafka")

_CODES: Final = frozenset(
    {
        KafkaError._BAD_COMPRESSION,  # noqa: SLF001 - the library's name for it
        KafkaError._BAD_MSG,  # noqa: SLF001
        KafkaError._NOT_IMPLEMENTED,  # noqa: SLF001
        KafkaError.INVALID_MSG,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
    }
)


class Unreadable:
    """Counts attempts at such batches by partition, and says it once per ``WINDOW_S``."""

    def __init__(self) -> None:
        # Attempts, and when they were told last.
        self._seen: dict[TopicPartition, tuple[int, float]] = {}

    def note(self, error: KafkaError, pair: TopicPartition, offset: int | None) -> bool:
        """Tell whether the error is of this kind, and take note of it."""
        if error.code() not in _CODES:
            return False
        attempts, told_at = self._seen.get(pair, (0, -math.inf))
        attempts += 1
        now = time.monotonic()
        if now - told_at >= WINDOW_S:
            told_at = now
            _log.error(
                "%s/%s stands still at offset %s: what comes there cannot be read (attempts: %d): "
                "%s (%s). If it is only large, set the client property 'receive.message.max.bytes' "
                "to three times its unpacked size; if it is broken, stop the group's members and "
                "set its position past it with 'pat-events groups reset'",
                *(*pair, offset, attempts, error.str(), error.name()),
            )
        self._seen[pair] = attempts, told_at
        return True

    def attempts(self, pair: TopicPartition) -> int:
        """Return how often reading was tried in vain since the partition was assigned."""
        return self._seen.get(pair, (0, 0.0))[0]

    def forget(self, pair: TopicPartition) -> None:
        """The partition is another member's, or was assigned to us again."""
        self._seen.pop(pair, None)
