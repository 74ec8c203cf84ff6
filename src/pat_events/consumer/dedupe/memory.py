"""Claims in this process alone: for one process, and for tests."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Final

from pat_events.consumer.dedupe.store import ClosableStore, DedupeAnswer
from pat_events.core.checks import require_at_least_1

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What is too old is looked for once in this share of ``ttl_s``, and this share of what fits is
# forgotten where there is too much.
_SWEEP: Final = 0.1


class MemoryDedupe(ClosableStore):
    """Keeps claims in memory: what comes twice to one process is handled once, until it ends.

    Args:
        max_events: Most completed events that are remembered, about 250 bytes each; the oldest are
            forgotten first.
        clock: Monotonic, in seconds.

    Raises:
        ConfigError: ``max_events`` is below 1.
    """

    waits = False

    def __init__(
        self, *, max_events: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        require_at_least_1("max_events", max_events)
        self._max_events = max_events
        self._clock = clock
        # Until when, and for whom. Both are few: what is in flight.
        self._claims: dict[bytes, tuple[str, float]] = {}
        # Until when; the oldest first.
        self._completed: dict[bytes, float] = {}
        self._next_sweep = 0.0
        # Consumers of a process may share it. Their engines ask: nobody who publishes does.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many events are remembered as completed."""
        return len(self._completed)

    def claim_many(
        self, keys: Sequence[bytes], owner: str, claim_s: float
    ) -> Sequence[DedupeAnswer]:
        """Claim these events; see ``DedupeStore``."""
        now = self._clock()
        ours = owner, now + claim_s
        with self._lock:
            claims, completed = self._claims, self._completed
            # As it is nearly always, and a loop takes three times as long.
            if completed.keys().isdisjoint(keys) and claims.keys().isdisjoint(keys):
                claims.update(dict.fromkeys(keys, ours))
                return [DedupeAnswer.OURS] * len(keys)
            answers = []
            for key in keys:
                if key in completed and completed[key] > now:
                    answers.append(DedupeAnswer.DONE)
                    continue
                claim = claims.get(key)
                if claim is None or claim[0] == owner or claim[1] <= now:
                    claims[key] = ours
                    answers.append(DedupeAnswer.OURS)
                else:
                    answers.append(DedupeAnswer.BUSY)
        return answers

    def complete_many(self, keys: Sequence[bytes], ttl_s: float) -> None:
        """Remember that these were handled; see ``DedupeStore``."""
        now = self._clock()
        until = now + ttl_s
        with self._lock:
            claims, completed = self._claims, self._completed
            for key in keys:
                claims.pop(key, None)
            completed.update(dict.fromkeys(keys, until))
            if len(completed) > self._max_events or now >= self._next_sweep:
                self._next_sweep = now + ttl_s * _SWEEP
                self._forget(now)

    def _forget(self, now: float) -> None:
        # Many at a time: a dict whose first keys went one by one is slow to find the next of them.
        self._claims = {key: it for key, it in self._claims.items() if it[1] > now}
        left = {key: until for key, until in self._completed.items() if until > now}
        excess = len(left) - self._max_events
        if excess > 0:
            excess += int(self._max_events * _SWEEP)
            left = dict(itertools.islice(left.items(), excess, None))
        self._completed = left

    def release_many(self, keys: Sequence[bytes], owner: str) -> None:
        """Give up claims; see ``DedupeStore``."""
        with self._lock:
            for key in keys:
                claim = self._claims.get(key)
                if claim is not None and claim[0] == owner:
                    del self._claims[key]
