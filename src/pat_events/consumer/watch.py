"""Whether a handler still makes progress, and whether its work takes long as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pat_events.consumer.work import Work


# A work of many slow calls is ended after so long, in seconds: what it has done counts for nothing
# before it is posted, and a commit comes once a second by default.
_LONG_S: Final = 0.25


class Watch:
    """Looks at a work now and then, and knows since when it is where it is."""

    __slots__ = ("began", "done", "since", "work")

    def __init__(self) -> None:
        self.work: Work | None = None
        self.done = 0
        self.since = self.began = 0.0

    def overdue(self, work: Work | None, now: float) -> bool:
        """Tell whether this work is where it was for longer than its handler may take.

        One that was begun long ago is wanted back.
        """
        # Read once: the worker goes on meanwhile.
        done = 0 if work is None else work.done
        if work is None or work is not self.work:
            self.began = now
        elif now - self.began >= _LONG_S:
            work.wanted_back = True
        if work is None or work is not self.work or done != self.done:
            self.work = work
            self.done = done
            self.since = now
            return False
        return now - self.since >= work.registration_at(done).timeout_s
