"""The clock of the machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pat_events.core.clock import Clock, Waitable


class _SystemClock:
    # The functions themselves: a method around them would be one call more for each event.
    monotonic = staticmethod(time.monotonic)
    time_ns = staticmethod(time.time_ns)

    def wait(self, changed: Waitable, timeout_s: float) -> None:
        changed.wait(timeout_s)


CLOCK: Final[Clock] = _SystemClock()
