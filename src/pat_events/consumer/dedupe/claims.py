"""What one consumer has claimed: what of a job is called for, and what is told to the store."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pat_events.consumer.dedupe.keys import Keys
from pat_events.consumer.dedupe.marks import Duplicate, Elsewhere, Mark
from pat_events.consumer.dedupe.store import DedupeClaim
from pat_events.core.log_fields import log_fields
from pat_events.core.shown import one_line
from pat_events.errors import DedupeStoreError, EventClaimedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.job import Job
    from pat_events.core.record import Delivery

_log = logging.getLogger("pat_events.consumer")

_OURS: Final = DedupeClaim.OURS


class Ended(NamedTuple):
    """What a store is to learn of a job that came back; None of one that nobody waits for."""

    job: Job | None
    handled: Sequence[bytes]
    released: Sequence[bytes]


class Claims:
    """The events that a consumer has claimed.

    Claims are made and renewed by one thread; what ended may be told by any.

    Args:
        dedupe: The settings.
        group: Whose events they are.
        owner: Who claims; another one for each consumer.
    """

    def __init__(self, dedupe: Dedupe, group: str, owner: str) -> None:
        self._store = dedupe.store
        self._ttl_s = dedupe.ttl_s
        self._claim_s = dedupe.claim_s
        self._owner = owner
        self._key_of = Keys(group).of
        self._held: dict[bytes, Job] = {}
        # Between renewing and ending. Re-entrant: an acknowledgement may come to a thread in here.
        self._lock = threading.RLock()

    def claim(self, jobs: Sequence[Job]) -> None:
        """DedupeClaim the events of these jobs, and mark what no handler is to be called for.

        Raises:
            DedupeStoreError: nothing is known of any of them.
        """
        held, key_of = self._held, self._key_of
        asked: list[bytes] = []
        has_twins = False
        for job in jobs:
            claims: list[bytes | None] = []
            for delivery in job.deliveries:
                key = key_of(delivery)
                if key in held:
                    claims.append(None)
                    _mark_twin(job, delivery, held[key])
                else:
                    held[key] = job
                    claims.append(key)
                    asked.append(key)
            job.claims = claims
            has_twins |= job.skipped > 0
        try:
            answers = self._ask(asked)
        except DedupeStoreError:
            for job in jobs:
                self._forget(job.claims or ())
                _restore(job)
                job.claims = None
            raise
        if answers is not None:
            self._mark(jobs, answers)
        if answers is not None or has_twins:
            for job in jobs:
                if job.skipped and job.registration.batch_size:
                    _keep_order(job)

    def _ask(self, keys: Sequence[bytes]) -> Sequence[DedupeClaim] | None:
        """Return what the store says of each, or None: all are ours."""
        if not keys:
            return None
        answers = _call(self._store.claim_many, keys, self._owner, self._claim_s)
        try:
            answers = list(answers)
            if answers.count(_OURS) == len(keys):
                return None
            sound = len(answers) == len(keys) and all(isinstance(it, DedupeClaim) for it in answers)
        except Exception as error:
            raise DedupeStoreError("the dedupe store answered what is no claims") from error
        if not sound:
            raise DedupeStoreError(
                f"the dedupe store answered what is no claims, for {len(keys)} events: "
                f"{one_line(repr(answers))}"
            )
        return answers

    def _mark(self, jobs: Sequence[Job], answers: Sequence[DedupeClaim]) -> None:
        each = iter(answers)
        for job in jobs:
            claims = job.claims
            for index, key in enumerate(claims or ()):
                if key is None:
                    continue
                claim = next(each)
                if claim is _OURS:
                    continue
                del self._held[key]
                claims[index] = None  # type: ignore[index]  # there are some
                delivery = job.deliveries[index]
                if claim is DedupeClaim.DONE:
                    _skip(job, delivery)
                else:
                    _keep(job, delivery, "another process")

    def ended(self, job: Job) -> Ended:
        """Return what the store is to learn of a job, and count what it skipped."""
        claims: Any = job.claims
        if job.failures is None and not job.skipped and job.done == len(claims):
            return Ended(job, claims, ())
        done = job.done
        failed = {index for index, _ in job.failures or ()}
        handled: list[bytes] = []
        released: list[bytes] = []
        for index, key in enumerate(claims):
            if key is not None:
                (handled if index < done and index not in failed else released).append(key)
        if job.skipped:
            skipped = sum(
                index < done and index not in failed and isinstance(delivery.route, Duplicate)
                for index, delivery in enumerate(job.deliveries)
            )
            _restore(job)
            job.skipped = skipped
        return Ended(job, handled, released)

    def settle(self, ended: Sequence[Ended]) -> None:
        """Tell the store what became of these; may be called again.

        Raises:
            DedupeStoreError: it may not know.
        """
        if len(ended) == 1:
            _, handled, released = ended[0]
        else:
            handled = [key for each in ended for key in each.handled]
            released = [key for each in ended for key in each.released]
        with self._lock:
            if handled:
                _call(self._store.complete_many, handled, self._ttl_s)
            if released:
                _call(self._store.release_many, released, self._owner)
            self._forget(handled)
            self._forget(released)

    def renew(self) -> None:
        """DedupeClaim again what is claimed; what is not ours any more is not begun.

        Raises:
            DedupeStoreError: nothing is known.
        """
        with self._lock:
            keys = list(self._held)
            answers = self._ask(keys)
            for key, claim in zip(keys, answers or (), strict=False):
                if claim is not _OURS:
                    self._held[key].recall()

    def _forget(self, keys: Sequence[bytes | None]) -> None:
        pop: Callable[[Any, None], object] = self._held.pop
        for key in keys:
            pop(key, None)


def _call(method: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - a store's
    try:
        return method(*args)
    except Exception as error:
        told = one_line(f"{type(error).__name__}: {error}")
        raise DedupeStoreError(f"the dedupe store does not answer: {told}") from error


def _mark_twin(job: Job, delivery: Delivery, holder: Job) -> None:
    # Behind its twin in a job of single calls it is reached only once that is handled.
    if holder is job and not job.registration.batch_size:
        _skip(job, delivery)
    else:
        _keep(job, delivery, "this process")


def _skip(job: Job, delivery: Delivery) -> None:
    delivery.route = Duplicate(delivery.route)
    job.skipped += 1
    if _log.isEnabledFor(logging.DEBUG):
        name = delivery.route.registration.name
        fields = log_fields(delivery, name)
        _log.debug("%s skips %s: it was handled", name, delivery.position, extra=fields)


def _keep(job: Job, delivery: Delivery, who: str) -> None:
    error = EventClaimedError(f"{who} has claimed the event of {delivery.position}")
    delivery.route = Elsewhere(delivery.route, error)
    job.skipped += 1


def _keep_order(job: Job) -> None:
    """Keep what is behind a kept one of its lane from the call of a batch as well."""
    for _, begin, end in job.by_lane():
        behind = False
        for delivery in job.deliveries[begin:end]:
            if behind and not isinstance(delivery.route, Elsewhere):
                _keep(job, delivery, "what waits before it, or somebody else,")
            behind |= isinstance(delivery.route, Elsewhere)


def _restore(job: Job) -> None:
    for delivery in job.deliveries if job.skipped else ():
        while isinstance(delivery.route, Mark):
            delivery.route = delivery.route.inner
    job.skipped = 0
