"""How much a member takes before it has settled, and can commit, what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.telemetry.partitions import Paused, Resumed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.consumer.log.limits import Limits
    from pat_events.consumer.log.partition import PartitionState
    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.observer import Observer
    from pat_events.transports.log import Receiver

# A partition that stays full this long is paused, in seconds. Not at once: pausing throws
# away what the client fetched ahead, and quick handlers make room in no time.
_PAUSE_AFTER_S: Final = 0.1


class BackPressure:
    """Bounds what is in flight by pausing partitions; polling itself never stops.

    Args:
        receiver: Pauses and resumes.
        partitions: Those assigned; the engine's own, which it changes.
        observer: Is told of both.
        limits: Most events taken and not settled, and most bytes of them, each shared evenly by
            the partitions; and how far a partition may be ahead of what can be committed.
    """

    def __init__(
        self,
        receiver: Receiver,
        partitions: Mapping[TopicPartition, PartitionState],
        observer: Observer,
        limits: Limits,
    ) -> None:
        self._receiver = receiver
        self._partitions = partitions
        self._observer = observer
        self._max_in_flight = limits.max_in_flight
        self._max_in_flight_bytes = limits.max_in_flight_bytes
        self._max_uncommitted = limits.max_uncommitted
        self._full_since: float | None = None

    @property
    def room(self) -> int:
        """How many events to ask for: one partition's share, as all may come from one."""
        return min(self._share, self._max_in_flight - self._in_flight)

    def apply(self, now: float) -> bool:
        """Pause what is full and resume what has room again.

        Returns whether to wait for a handler to make room instead of polling.
        """
        states = self._partitions.values()
        value_bytes = sum(s.tracker.value_bytes for s in states)
        crowded = self._in_flight >= self._max_in_flight or value_bytes >= self._max_in_flight_bytes
        share = self._share
        share_bytes = self._share_bytes
        full = [
            s
            for s in states
            if not s.paused
            and (
                crowded
                or len(s.tracker) >= share
                or s.tracker.value_bytes >= share_bytes
                or s.tracker.uncommitted >= self._max_uncommitted
            )
        ]
        if full:
            if self._full_since is None:
                self._full_since = now
            if now - self._full_since < _PAUSE_AFTER_S:
                return True
            names = [s.topic_partition for s in full]
            self._receiver.pause(names)
            for state in full:
                state.paused = True
            self._observer.saw(Paused(names))
        self._full_since = None
        roomy = [
            s
            for s in states
            if s.paused
            and not crowded
            and len(s.tracker) <= share // 2
            and s.tracker.value_bytes <= share_bytes // 2
            and s.tracker.uncommitted <= self._max_uncommitted // 2
        ]
        if roomy:
            names = [s.topic_partition for s in roomy]
            self._receiver.resume(names)
            for state in roomy:
                state.paused = False
            self._observer.saw(Resumed(names))
        return False

    @property
    def _in_flight(self) -> int:
        return sum(len(state.tracker) for state in self._partitions.values())

    @property
    def _share(self) -> int:
        return max(1, self._max_in_flight // max(1, len(self._partitions)))

    @property
    def _share_bytes(self) -> int:
        return max(1, self._max_in_flight_bytes // max(1, len(self._partitions)))
