"""The time of a simulation, and ids that come from its seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from random import Random

    from pat_events.core.clock import Waitable

# A test's clock begins here: not at 0, which code could take for "not set".
START_S: Final = 1_000.0
WALL_START_S: Final = 1_700_000_000

_NANOS: Final = 1_000_000_000


class VirtualClock:
    """Time that passes when told to, and while somebody waits.

    Attributes:
        now: The time in seconds, as ``monotonic`` tells it.
    """

    def __init__(self) -> None:
        self.now = START_S

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def wall(self) -> float:
        """Return the time since 1970, in seconds."""
        return self.now - START_S + WALL_START_S

    def time_ns(self) -> int:
        """Return the time since 1970, in nanoseconds."""
        return WALL_START_S * _NANOS + round((self.now - START_S) * _NANOS)

    def wait(self, changed: Waitable, timeout_s: float) -> None:
        """Let the whole time pass: nothing else happens meanwhile."""
        del changed
        self.advance(timeout_s)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class SeededIds:
    """Ids of a simulation: the same for the same seed and times.

    Args:
        clock: Gives a ``uuid7`` its time.
        random: Gives the rest; seeded.
    """

    def __init__(self, clock: VirtualClock, random: Random) -> None:
        self._clock = clock
        self._random = random

    def uuid4(self) -> UUID:
        """Return a random id."""
        return UUID(int=self._random.getrandbits(128), version=4)

    def uuid7(self) -> UUID:
        """Return an id that begins with the time."""
        milliseconds = self._clock.time_ns() // 1_000_000
        bits = milliseconds << 80 | self._random.getrandbits(80)
        # Version and variant, where RFC 9562 has them.
        return UUID(int=bits & ~(0xF << 76 | 3 << 62) | 7 << 76 | 2 << 62)
