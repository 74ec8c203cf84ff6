"""Where partitions end that are paused: no fetch tells it, so the cluster is asked now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from concurrent.futures import Future

    from confluent_kafka.admin import ListOffsetsResultInfo  # type: ignore[attr-defined]

    from pat_events.core.record import TopicPartition
    from pat_events.transports.kafka.topics import Topics

#: How often they are asked for, in seconds.
ASK_S: Final = 5.0


class PausedEnds:
    """Asks without waiting: an answer is had at a later look. One thread owns it."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._next = 0.0
        self._asked: dict[TopicPartition, Future[ListOffsetsResultInfo]] = {}
        self._ends: dict[TopicPartition, int] = {}

    def look(self, paused: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the ends that are known of these, as of up to ``ASK_S`` and an answer ago."""
        for pair, future in list(self._asked.items()):
            if future.done():
                del self._asked[pair]
                if future.exception() is None:
                    self._ends[pair] = future.result().offset
        self._ends = {pair: end for pair, end in self._ends.items() if pair in paused}
        now = time.monotonic()
        # One question at a time: where nobody answers there is no more than that.
        if paused and not self._asked and now >= self._next:
            self._next = now + ASK_S
            self._asked = self._topics.ask_ends(paused)
        return self._ends
