"""When positions are committed, and which."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pat_events.core.shown import one_line
from pat_events.errors import PatEventsError
from pat_events.telemetry.clients import OperationEnded
from pat_events.telemetry.partitions import CommitFailed, Committed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pat_events.consumer.log.partition import PartitionState
    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.log import Receiver

_log = logging.getLogger("pat_events.consumer")

_RECOMMIT_S: Final = 30.0


class Commits:
    """Commits the lowest offset in flight of each partition.

    Args:
        receiver: Commits.
        partitions: Those assigned; the engine's own, which it changes.
        observer: Is told of each commit, and of what came of it.
        interval_s: Time between commits, in seconds.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        receiver: Receiver,
        partitions: Mapping[TopicPartition, PartitionState],
        observer: Observers,
        interval_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._receiver = receiver
        self._partitions = partitions
        self._observer = observer
        self._interval_s = interval_s
        self._clock = clock
        self._next = 0.0
        self._next_again = 0.0

    def commit_if_due(self, now: float) -> bool:
        """Commit all partitions without waiting, once per interval; tells whether it was due."""
        if now < self._next:
            return False
        self._next = now + self._interval_s
        self._tell_answers()
        # Now and then what was committed before, too: an answer may have been an error.
        again = now >= self._next_again
        if again:
            self._next_again = now + _RECOMMIT_S
        self._commit(self._partitions.values(), wait=False, again=again)
        return True

    def _tell_answers(self) -> None:
        for offsets, seconds, error in self._receiver.commit_answers():
            if error is not None:
                self._observer.saw(CommitFailed(offsets, error))
            self._tell_duration(seconds, error)

    def _tell_duration(self, seconds: float, error: PatEventsError | None) -> None:
        if self._observer.wants_operations:
            self._observer.saw(OperationEnded("commit", seconds, error))

    def commit_last(self, states: Iterable[PartitionState]) -> None:
        """Commit partitions that are about to go, and wait for the answer."""
        self._commit(states, wait=True, again=True)

    def _commit(self, states: Iterable[PartitionState], *, wait: bool, again: bool) -> None:
        ends = self._receiver.ends()
        offsets = {}
        for state in states:
            end = ends.get(state.topic_partition)
            if end is not None:
                state.tracker.reach(end)
            offset = state.tracker.committable() if again else state.tracker.to_commit()
            if offset is not None:
                offsets[state.topic_partition] = offset
        if not offsets:
            return
        began = self._clock()
        try:
            self._receiver.commit(offsets, wait=wait)
        except PatEventsError as error:
            self._tell_duration(self._clock() - began, error)
            # Not lost: whoever owns the partition next handles these events once more.
            where = ", ".join(f"{t}/{p} at {at}" for (t, p), at in sorted(offsets.items()))
            then = "the events before that come again" if wait else "a later commit repeats it"
            _log.warning("could not commit %s: %s; %s", where, one_line(str(error)), then)
            self._observer.saw(CommitFailed(offsets, error))
            return
        if wait:  # Else it is told with the answer.
            self._tell_duration(self._clock() - began, None)
        for topic_partition, offset in offsets.items():
            self._partitions[topic_partition].tracker.committed(offset)
        self._observer.saw(Committed(offsets))
