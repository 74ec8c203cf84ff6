"""What is still begun in partitions that are about to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.consumer.job import DeliverySource
    from pat_events.consumer.log.partition import PartitionState
    from pat_events.consumer.recovery.recovery import Recovery

# Share of the drain time in which handlers may still be called; the rest is for those at work.
_BEGIN_SHARE: Final = 0.5


class Drain:
    """Has partitions finish what lies below their highest finished offset, and nothing above.

    All that was finished above the lowest unfinished offset comes again: finishing what is below
    it is what saves that. What is held, or is not tried again in time, cannot be helped, and then
    nothing above it can either.

    Args:
        states: The partitions that go.
        recovery: Knows what waits for its next try.
        now: The monotonic clock, in seconds.
        timeout_s: The drain time.
    """

    def __init__(
        self, states: Sequence[PartitionState], recovery: Recovery, now: float, timeout_s: float
    ) -> None:
        self._states = states
        self._recovery = recovery
        self._begin_until = now + timeout_s * _BEGIN_SHARE
        self.deadline = now + timeout_s
        for state in states:
            state.drain()

    @property
    def at_work(self) -> bool:
        """Whether handlers or dead letters are on their way."""
        return any(state.running for state in self._states)

    def move_limits(self, now: float) -> bool:
        """Set what each partition may begin; tells whether a retry is worth waiting for."""
        if now >= self._begin_until:
            for state in self._states:
                state.drain()
            return False
        limits: dict[DeliverySource, int] = {state: state.finished_up_to for state in self._states}
        in_time: list[tuple[DeliverySource, int]] = []
        for at, source, offset, held in self._recovery.waiting:
            if source not in limits:
                continue
            if held or at >= self._begin_until:
                limits[source] = min(limits[source], offset - 1)
            else:
                in_time.append((source, offset))
        for source, limit in limits.items():
            source.last_to_begin = limit
        return any(offset <= limits[source] for source, offset in in_time)
