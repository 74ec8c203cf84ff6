"""How a member is: what keeps it from being ready, and how full it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.telemetry.health import told_of_held
from pat_events.telemetry.partitions import Levels, PartitionLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.consumer.log.partition import PartitionState
    from pat_events.consumer.recovery.recovery import Recovery
    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.log import Receiver

_INTERVAL_S: Final = 1.0
_NOT_JOINED: Final = "it has not joined its group yet"


class Told(NamedTuple):
    """What was told last.

    Attributes:
        at: When, by the member's clock.
        levels: It.
        ends: Where the partitions ended by then, of those of which it was known.
    """

    at: float
    levels: Levels
    ends: Mapping[TopicPartition, int]


class Readiness:
    """Looks once a second, and tells levels where somebody wants them.

    Args:
        receiver: Knows where the log ends.
        partitions: Those assigned; the engine's own, which it changes.
        recovery: Knows what is held and what waits for another attempt.
        observers: Are told.

    Attributes:
        not_ready: What keeps the member from being ready, in words; read by any thread.
        told: What was told last, or None; read by any thread.
        changing: Held while partitions go, and while levels are told by whichever thread.
    """

    def __init__(
        self,
        receiver: Receiver,
        partitions: Mapping[TopicPartition, PartitionState],
        recovery: Recovery,
        observers: Observers,
    ) -> None:
        self._receiver = receiver
        self._partitions = partitions
        self._recovery = recovery
        self._observers = observers
        self._next = 0.0
        self.not_ready: tuple[str, ...] = (_NOT_JOINED,)
        self.told: Told | None = None
        self.changing = threading.RLock()

    @property
    def wants_levels(self) -> bool:
        """Whether somebody does."""
        return self._observers.wants_levels

    def look_if_due(self, now: float) -> None:
        """Look, and tell, at most once a second."""
        if now < self._next:
            return
        self._next = now + _INTERVAL_S
        waits = [wait.held for wait in self._recovery.waiting if wait.source.alive]
        held = sum(waits)
        why = [] if self._receiver.has_joined() else [_NOT_JOINED]
        if held:
            why.append(told_of_held(held))
        self.not_ready = (*why, *self._recovery.gates.open)
        if not self._observers.wants_levels:
            return
        ends = self._receiver.log_ends()
        levels = [
            _level(state, ends.get(state.topic_partition)) for state in self._partitions.values()
        ]
        # Else what another thread has just found out of date would be told after this.
        with self.changing:
            self.told = Told(now, Levels(levels, held, len(waits) - held), ends)
            self._observers.saw(self.told.levels)

    def tell_of_stuck(self, told: Told, levels: Levels) -> None:
        """Tell levels in the place of the member's own thread, unless it has told meanwhile.

        Called by another thread. What is told of a partition that has gone would stay for good.
        """
        with self.changing:
            here = [it for it in levels.partitions if (it.topic, it.partition) in self._partitions]
            if self.told is told:
                self._observers.saw(levels._replace(partitions=here))


def _level(state: PartitionState, end: int | None) -> PartitionLevel:
    tracker = state.tracker
    lowest = tracker.committable()
    # What was read and is settled may be behind the end that the client has heard of.
    lag = None if end is None or lowest is None else max(0, end - lowest)
    unsettled = len(tracker) or lag
    return PartitionLevel(
        state.topic,
        state.partition,
        len(tracker),
        tracker.value_bytes,
        len(state.lanes),
        state.paused,
        lag,
        state.oldest_ms(lowest) if unsettled else None,
    )
