"""Whether a handler still makes progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.consumer.work import Work


class Watch:
    """Looks at a work now and then, and knows since when it is where it is."""

    __slots__ = ("done", "since", "work")

    def __init__(self) -> None:
        self.work: Work | None = None
        self.done = 0
        self.since = 0.0

    def overdue(self, work: Work | None, now: float) -> bool:
        """Tell whether this work is where it was for longer than its handler may take."""
        if work is None or work is not self.work or work.done != self.done:
            self.work = work
            self.done = 0 if work is None else work.done
            self.since = now
            return False
        return now - self.since >= work.registration.timeout_s
