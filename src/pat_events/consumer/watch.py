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
        # Read once: the worker goes on meanwhile.
        done = 0 if work is None else work.done
        if work is None or work is not self.work or done != self.done:
            self.work = work
            self.done = done
            self.since = now
            return False
        return now - self.since >= work.registration_at(done).timeout_s
