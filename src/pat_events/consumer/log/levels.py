"""How full a member is: what observers who want levels are told now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.telemetry.observer import Levels, PartitionLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.consumer.log.partition import PartitionState
    from pat_events.consumer.recovery.recovery import Recovery
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.log import Receiver, TopicPartition

_INTERVAL_S: Final = 1.0


class LevelsOfLog:
    """Tells levels once a second, where somebody wants them.

    Args:
        receiver: Knows where the log ends.
        partitions: Those assigned; the engine's own, which it changes.
        recovery: Knows what is held and what waits for another attempt.
        observers: Are told.
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

    def tell_if_due(self, now: float) -> None:
        """Tell, at most once a second."""
        if now < self._next or not self._observers.wants_levels:
            return
        self._next = now + _INTERVAL_S
        ends = self._receiver.log_ends()
        levels = [
            _level(state, ends.get(state.topic_partition)) for state in self._partitions.values()
        ]
        waits = [wait.held for wait in self._recovery.waiting if wait.source.alive]
        held = sum(waits)
        self._observers.saw(Levels(levels, held, len(waits) - held))


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
