"""Workers that get a job once its events are claimed, and hand it back once the store knows."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.dedupe.claims import Claims
from pat_events.consumer.job import Job
from pat_events.consumer.workers.inbox import Inbox, take_all
from pat_events.core.shown import one_line
from pat_events.errors import DedupeStoreError, HoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.workers.pool import ClosableWorkers

_log = logging.getLogger("pat_events.consumer")

# Most events for one question to the store, give or take a job.
_MAX_ASKED: Final = 1_000
# So often a claim is renewed within its time.
_RENEWALS: Final = 3
# After so long a store that did not take what ended is told again, in seconds.
_AGAIN_S: Final = 0.5
_END: Final = object()


class ClaimingWorkers:
    """Workers around others: what comes between them and the engine is the store of claims.

    Of a store that waits for a server a thread asks, which takes all there is at a time: many small
    jobs are one question. Neither the engine's thread nor a loop of coroutines waits for it.

    Args:
        dedupe: The settings.
        group: Whose events they are; each of these claims under a name of its own.
        make_workers: Called with where to post a job that is settled.
        post: Where it goes from there, when the store knows.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        dedupe: Dedupe,
        group: str,
        make_workers: Callable[[Callable[[Job], None]], ClosableWorkers],
        post: Callable[[Job], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pass_on = post
        self._claims = Claims(dedupe, group, uuid.uuid4().hex)
        self._renew_s = dedupe.claim_s / _RENEWALS
        self._clock = clock
        self._next_renewal = clock() + self._renew_s
        self._next_look = 0.0
        self._unsettled: list[Job] = []
        self._to_release: deque[bytes] = deque()
        self._settle_at = 0.0
        # Why the store does not answer, while it does not.
        self._down: str | None = None
        self._failure: HoldError | None = None
        self._inner = make_workers(self.post)
        #: Its store has a thread of its own.
        self.waits = dedupe.store.waits
        self._asks: Inbox | None = None
        self._to_claim: deque[Job] = deque()
        # What the store is asked for just now.
        self._claiming: list[Job] = []
        # Between the thread and the engine's: a job is in one of these or inside, and those inside
        # are for one thread at a time.
        self._lock: AbstractContextManager[Any] = nullcontext()
        if self.waits:
            self._asks = Inbox()
            self._lock = threading.Lock()
            self._thread = threading.Thread(target=self._run, name="pat-events-dedupe", daemon=True)
            self._thread.start()

    def submit(self, jobs: list[Job]) -> None:
        """Claim these jobs' events and run them; see ``WorkerPool``.

        Raises:
            HoldError: nothing runs handlers any more.
        """
        if self._asks is None:
            self._claim(jobs)
            self._raise_failure()
        else:
            self._to_claim.extend(jobs)
            self._asks.put(None)

    def post(self, job: Job) -> None:
        """Take a job that is settled to the engine, when the store knows; from any thread."""
        if self._asks is None or job.claims is None:
            self._pass_on(job)
        elif not job.abandoned:  # What is left of it comes by itself.
            self._asks.put(job)

    def settled(self, items: list[Any]) -> list[Any]:
        """Tell a store that does not wait of the jobs among these; returns what the engine gets."""
        jobs = [
            it for it in items if type(it) is Job and it.claims is not None and not it.abandoned
        ]
        if not (jobs or self._unsettled or self._to_release):
            return items
        known = self._settle(jobs)
        if not known:  # Of those at least that came now.
            unknown = set(jobs)
            return [it for it in items if it not in unknown]
        return items + known[len(jobs) :]

    def _claim(self, jobs: Sequence[Job]) -> None:
        # What is another consumer's by now is not asked for.
        wanted = [job for job in jobs if job.source.alive and not job.abandoned]
        if not wanted:
            return
        try:
            self._claims.claim(wanted)
        except DedupeStoreError as error:
            self._tell(error)
            for job in wanted:
                job.failures = [(index, error) for index in range(_first(job))]
                self._pass_on(job)
            return
        self._tell(None)
        try:
            with self._lock:
                self._claiming = []
                self._inner.submit(wanted)
        except HoldError as error:  # The jobs were posted.
            self._failure = error

    def _settle(self, jobs: list[Job], *, at_last: bool = False) -> list[Job]:
        """Tell the store of these jobs, and of what it may not know yet; returns those it knows.

        Nothing is settled before: not to be handled, or dead-lettered, while it may be claimed.
        """
        jobs = jobs + self._unsettled
        if self._unsettled and self._clock() < self._settle_at and not at_last:
            self._unsettled = jobs
            return []
        to_release = take_all(self._to_release)
        try:
            self._claims.settle(jobs, to_release)
        except DedupeStoreError as error:
            self._tell(error)
            self._unsettled = jobs
            self._to_release.extend(to_release)
            self._settle_at = self._clock() + _AGAIN_S
            return []
        self._unsettled = []
        if jobs:
            self._tell(None)
        return jobs

    def _renew(self, now: float) -> None:
        if self._claims.keeps and now >= self._next_look:
            self._next_look = now + _AGAIN_S
            self._to_release.extend(self._claims.let_go())
        if now >= self._next_renewal:
            self._next_renewal = now + self._renew_s
            try:
                self._claims.renew()
            except DedupeStoreError as error:
                self._tell(error)

    def _run(self) -> None:
        """Ask the store until the end; the body of the thread."""
        asks = self._asks
        assert asks is not None  # noqa: S101 - or there is no thread
        is_last = False
        while not is_last:
            wait_s = max(0.001, self._next_renewal - self._clock()) if not self._to_claim else 0.0
            is_soon = self._unsettled or self._claims.keeps
            items = asks.take(min(wait_s, _AGAIN_S) if is_soon else wait_s)
            is_last = _END in items
            jobs = [it for it in items if it is not None and it is not _END]
            if is_last:
                self._to_release.extend(self._claims.let_go(all_of_it=True))
            # Before claims: what ended is in nobody's way.
            for job in self._settle(jobs, at_last=is_last):
                self._pass_on(job)
            self._claim(self._take_part())
            self._renew(self._clock())

    def _take_part(self) -> list[Job]:
        """Return so many of what waits for its claims as one question is for."""
        part: list[Job] = []
        count = 0
        with self._lock:
            while self._to_claim and count < _MAX_ASKED:
                job = self._to_claim.popleft()
                part.append(job)
                count += len(job.deliveries)
            self._claiming = part
        return part

    def _tell(self, error: DedupeStoreError | None) -> None:
        """Log where a store does not answer any more, or does again."""
        was_down, self._down = self._down, None if error is None else one_line(str(error))
        if self._down is not None and was_down is None:
            _log.warning("%s; events are held until it does", self._down)
        elif self._down is None and was_down is not None:
            _log.warning("the dedupe store answers again")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def wake_idle(self) -> bool:
        """Help waiting jobs along; see ``WorkerPool``."""
        with self._lock:
            return self._inner.wake_idle()

    def overdue(self, now: float) -> list[Job]:
        """Give up jobs past their deadline; see ``WorkerPool``."""
        self._raise_failure()
        if self._asks is None:
            self._renew(now)
        with self._lock:
            return self._inner.overdue(now)

    def take_back(self) -> list[Job]:
        """Return the jobs that no worker has taken, and release them; see ``WorkerPool``.

        What the store is asked for comes back by itself, without a call.
        """
        with self._lock:
            unclaimed = take_all(self._to_claim)
            for job in self._claiming:
                job.recall()
            claimed = self._inner.take_back()
        for job in claimed:
            self._to_release.extend(self._claims.take_back(job))
        if self._asks is not None:
            self._asks.put(None)
        return unclaimed + claimed

    def jobs(self) -> list[Job]:
        """Return what waits for its claims, and what workers have; see ``WorkerPool``."""
        with self._lock:
            return [*self._inner.jobs(), *self._claiming, *self._to_claim]

    @property
    def threads_at_work(self) -> int:
        """How many threads are in a call of a handler; see ``ThreadWorkers``."""
        return self._inner.threads_at_work

    @property
    def tasks_at_work(self) -> int:
        """How many tasks have not ended; see ``TaskWorkers``."""
        return self._inner.tasks_at_work

    @property
    def not_ready(self) -> tuple[str, ...]:
        """Why the store does not answer, if it does not."""
        return () if self._down is None else (self._down,)

    def called_by_handler(self) -> bool:
        """Tell whether a handler at work here is the caller; from any thread."""
        return self._inner.called_by_handler()

    def close(self, timeout_s: float) -> None:
        """Release what was not begun, and end; waits for a store that has a thread."""
        self.take_back()
        self._inner.close(timeout_s)
        if self._asks is None:
            self._to_release.extend(self._claims.let_go(all_of_it=True))
            self._settle([], at_last=True)
        else:
            self._asks.put(_END)
            self._thread.join(timeout_s)


def _first(job: Job) -> int:
    """Return how many deliveries fail where nothing of a job can be begun.

    Of several lanes all: what waits behind the first in its lane goes back to that.
    """
    return len(job.deliveries) if job.more_lanes else 1
