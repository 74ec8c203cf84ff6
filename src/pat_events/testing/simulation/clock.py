"""The time of a simulation."""

from __future__ import annotations

from typing import Final

# A test's clock begins here: not at 0, which code could take for "not set".
START_S: Final = 1_000.0
WALL_START_S: Final = 1_700_000_000.0


class VirtualClock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = START_S

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def wall(self) -> float:
        """Return the time since 1970."""
        return self.now - START_S + WALL_START_S

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
