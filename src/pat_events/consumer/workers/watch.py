"""Whether a handler still makes progress, and whether its job takes long as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pat_events.consumer.job import Job


# A job of many slow calls is ended after so long, in seconds: what it has done counts for nothing
# before it is posted, and a commit comes once a second by default.
_LONG_S: Final = 0.25


class Watch:
    """Looks at a job now and then, and knows since when it is where it is."""

    __slots__ = ("began", "done", "job", "since")

    def __init__(self) -> None:
        self.job: Job | None = None
        self.done = 0
        self.since = self.began = 0.0

    def overdue(self, job: Job | None, now: float) -> bool:
        """Tell whether this job is where it was for longer than its handler may take.

        One that was begun long ago is wanted back.
        """
        # Read once: the worker goes on meanwhile.
        done = 0 if job is None else job.done
        if job is None or job is not self.job:
            self.began = now
        elif now - self.began >= _LONG_S:
            job.wanted_back = True
        if job is None or job is not self.job or done != self.done or job.fetching:
            self.job = job
            self.done = done
            self.since = now
            return False
        if now - self.since < job.registration_at(done).timeout_s:
            return False
        job.seconds = now - self.began  # What its worker finds out comes too late.
        return True
