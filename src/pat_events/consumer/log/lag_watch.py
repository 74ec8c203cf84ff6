"""How far behind a member is whose own thread makes no step: the cluster is asked by another."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from pat_events.core.shown import one_line
from pat_events.errors import PatEventsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from pat_events.consumer.log.readiness import Readiness, Told
    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.partitions import Levels, PartitionLevel

_log = logging.getLogger("pat_events.consumer")

#: A member that has told nothing for so long is stuck, in seconds.
STUCK_S: Final = 10.0
#: How often the cluster is asked for one that is, and longest wait for its answer, in seconds.
ASK_S: Final = 5.0


class LagWatch:
    """Tells the levels of a member that does not tell them itself, with the lag as it is now.

    Runs in a thread of its own while it is used as a context manager, and does nothing where
    nobody wants levels.

    Args:
        readiness: The member's.
        ask: Returns where partitions end, within ``ASK_S``; it may raise ``PatEventsError``.
        clock: Monotonic seconds.
        wall_clock: Seconds since 1970.
    """

    def __init__(
        self,
        readiness: Readiness,
        ask: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._readiness = readiness
        self._ask = ask
        self._clock = clock
        self._wall_clock = wall_clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pat-events lag", daemon=True)
        # Since when there is more to do of what was all done when the member told last.
        self._since_ms: dict[TopicPartition, int] = {}

    def __enter__(self) -> Self:
        if self._readiness.wants_levels:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not waited for: it may be asking, and tells nothing of a member that has gone.
        self._ended.set()

    def _run(self) -> None:
        wait_s = STUCK_S / 10
        while not self._ended.wait(wait_s):
            wait_s = ASK_S if self.look() else STUCK_S / 10

    def look(self) -> bool:
        """Tell levels if the member is stuck; tells whether it is."""
        told = self._readiness.told
        if told is None or self._clock() - told.at < STUCK_S:
            self._since_ms.clear()
            return False
        try:
            ends = self._ask(list(told.ends)) if told.ends else {}
        except PatEventsError as error:
            _log.info("lag of a member that is stuck: %s", one_line(str(error)))
            return True
        self._readiness.tell_of_stuck(told, self._levels(told, ends))
        return True

    def _levels(self, told: Told, ends: Mapping[TopicPartition, int]) -> Levels:
        now = [self._level(each, told, ends) for each in told.levels.partitions]
        return told.levels._replace(partitions=now)

    def _level(
        self, level: PartitionLevel, told: Told, ends: Mapping[TopicPartition, int]
    ) -> PartitionLevel:
        pair = (level.topic, level.partition)
        if level.lag is None or pair not in ends:
            return level
        lag = level.lag + max(0, ends[pair] - told.ends[pair])
        oldest_ms = level.oldest_ms
        if lag and oldest_ms is None:
            oldest_ms = self._since_ms.setdefault(pair, int(self._wall_clock() * 1000))
        return level._replace(lag=lag, oldest_ms=oldest_ms)
