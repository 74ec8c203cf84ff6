"""How busy the machine is with something else, as one thread notices it."""

from __future__ import annotations

import time
from pathlib import Path

# Nanoseconds on a processor, then nanoseconds ready to run without one.
_TOLD = Path("/proc/thread-self/schedstat")


class Turns:
    """What the calling thread got of the processors since this was made.

    Linux counts it; elsewhere nobody ever seems to wait.
    """

    def __init__(self) -> None:
        self._began_s = _waited_s()
        self._ran_s = time.thread_time()

    def waited_s(self) -> float:
        """Return the seconds it was ready to run while others had the processors."""
        return _waited_s() - self._began_s

    def waited_share(self) -> float:
        """Return which part that is of the time in which it wanted to run, 0 to 1."""
        waited_s = self.waited_s()
        wanted_s = waited_s + time.thread_time() - self._ran_s
        return waited_s / wanted_s if wanted_s else 0.0


def _waited_s() -> float:
    try:
        return int(_TOLD.read_text("ascii").split()[1]) / 1e9
    except OSError:
        return 0.0
