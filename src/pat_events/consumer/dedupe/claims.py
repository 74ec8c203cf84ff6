"""What one consumer has claimed: what of a job is called for, and what is told to the store."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.dedupe.keys import Keys
from pat_events.consumer.dedupe.marks import Duplicate, Elsewhere, Mark
from pat_events.consumer.dedupe.store import DedupeAnswer
from pat_events.core import headers as h
from pat_events.core.log_fields import log_fields
from pat_events.core.shown import one_line
from pat_events.errors import DedupeStoreError, EventClaimedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.job import DeliverySource, Job
    from pat_events.core.record import Delivery

_log = logging.getLogger("pat_events.consumer")

_OURS: Final = DedupeAnswer.OURS
_NOBODY: Final = (None, None)
_ID: Final = h.CE_ID
_SOURCE: Final = h.CE_SOURCE


class Claims:
    """The events that a consumer has claimed.

    For the thread that asks the store; ``take_back`` alone is for any, which has the job.

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
        self._keys = Keys(group)
        self._held: dict[bytes, Job] = {}
        # Of those what is in its lane again, uncalled: it stays claimed for its next job.
        self._kept: dict[bytes, tuple[Delivery, DeliverySource]] = {}
        # Of those what somebody else has claimed meanwhile.
        self._lost: set[bytes] = set()

    def claim(self, jobs: Sequence[Job]) -> None:
        """Claim the events of these jobs, and mark what no handler is to be called for.

        Raises:
            DedupeStoreError: nothing is known of any of them.
        """
        asked, has_twins = self._note(jobs)
        try:
            answers = self._ask(asked)
        except DedupeStoreError:
            for job in jobs:
                self._forget(self.take_back(job))
            raise
        if answers is not None:
            self._mark(asked, answers)
        if answers is not None or has_twins:
            for job in jobs:
                if job.skipped and job.registration.batch_size:
                    _keep_order(job)

    def _note(self, jobs: Sequence[Job]) -> tuple[list[bytes], bool]:
        """Note what these jobs are about; returns what to ask for, and whether some came twice."""
        held, key_of, prefixes = self._held, self._keys.of, self._keys.by_source
        asked: list[bytes] = []
        has_twins = False
        for job in jobs:
            claims: list[bytes | None] = []
            for delivery in job.deliveries:
                # As ``Keys.of`` has it: a call for each event costs as much as all else here.
                values = delivery.header_values
                event_id, source = values.get(_ID), values.get(_SOURCE)
                if event_id and source in prefixes:
                    key = prefixes[source] + event_id
                else:
                    key = key_of(delivery)
                if key in held:
                    if self._kept and self._kept.get(key, _NOBODY)[0] is delivery:
                        del self._kept[key]
                        held[key] = job
                        claims.append(key)
                        continue
                    claims.append(None)
                    _mark_twin(job, delivery, held[key])
                    has_twins = True
                else:
                    held[key] = job
                    claims.append(key)
                    asked.append(key)
            job.claims = claims
        return asked, has_twins

    def _ask(self, keys: Sequence[bytes]) -> Sequence[DedupeAnswer] | None:
        """Return what the store says of each, or None: all are ours."""
        if not keys:
            return None
        answers = _call(self._store.claim_many, keys, self._owner, self._claim_s)
        try:
            answers = list(answers)
            if answers.count(_OURS) == len(keys):
                return None
            sound = len(answers) == len(keys) and all(
                isinstance(it, DedupeAnswer) for it in answers
            )
        except Exception as error:
            raise DedupeStoreError("the dedupe store answered what is no claims") from error
        if not sound:
            raise DedupeStoreError(
                f"the dedupe store answered what is no claims, for {len(keys)} events: "
                f"{one_line(repr(answers))}"
            )
        return answers

    def _mark(self, asked: Sequence[bytes], answers: Sequence[DedupeAnswer]) -> None:
        for key, answer in zip(asked, answers, strict=True):
            if answer is _OURS:
                continue
            job = self._held.pop(key)
            claims: Any = job.claims
            index = claims.index(key)
            claims[index] = None
            delivery = job.deliveries[index]
            if answer is DedupeAnswer.DONE:
                _skip(job, delivery)
            else:
                _keep(job, delivery, "another process")

    def settle(self, jobs: Sequence[Job], also_released: Sequence[bytes] = ()) -> None:
        """Tell the store what became of these jobs, and count what they skipped.

        Raises:
            DedupeStoreError: it may not know; nothing has changed here, to be told again.
        """
        handled: list[bytes] = []
        released = list(also_released)
        kept: dict[bytes, tuple[Delivery, DeliverySource]] = {}
        others: list[tuple[Job, int]] = []
        for job in jobs:
            claims: Any = job.claims
            # As most are.
            if job.failures is None and not job.skipped and job.done == len(claims):
                handled += claims
            else:
                others.append((job, _outcome(job, handled, released, kept)))
        if handled:
            _call(self._store.complete_many, handled, self._ttl_s)
        if released:
            _call(self._store.release_many, released, self._owner)
        self._forget(handled)
        self._forget(released)
        self._forget(self._lost.intersection(kept))
        self._kept |= {key: it for key, it in kept.items() if key in self._held}
        for job, skipped in others:
            _restore(job)
            job.skipped = skipped

    def take_back(self, job: Job) -> list[bytes]:
        """Return what is claimed for a job that nothing was called for; it is to be released."""
        claims, job.claims = job.claims, None
        _restore(job)
        return [key for key in claims or () if key is not None]

    @property
    def keeps(self) -> bool:
        """Whether something is claimed that is in no job."""
        return bool(self._kept)

    def let_go(self, *, all_of_it: bool = False) -> list[bytes]:
        """Return what is in no job and will be in none here; it is to be released."""
        let_go = [key for key, (_, source) in self._kept.items() if all_of_it or not source.alive]
        for key in let_go:
            del self._kept[key]
        return let_go

    def renew(self) -> None:
        """Claim again what is claimed; what is not ours any more is not begun.

        Raises:
            DedupeStoreError: nothing is known.
        """
        keys = list(self._held)
        answers = self._ask(keys)
        for key, answer in zip(keys, answers or (), strict=False):
            if answer is not _OURS:
                self._held[key].recall()
                self._lost.add(key)
                if self._kept.pop(key, None):
                    self._forget([key])

    def _forget(self, keys: Iterable[bytes | None]) -> None:
        pop: Callable[[Any, None], object] = self._held.pop
        for key in keys:
            pop(key, None)
        if self._lost:
            self._lost &= self._held.keys()


def _outcome(
    job: Job,
    handled: list[bytes],
    released: list[bytes],
    kept: dict[bytes, tuple[Delivery, DeliverySource]],
) -> int:
    """Sort what a job has claimed; returns how many duplicates it passed over."""
    done, source = job.done, job.source
    failed = {index for index, _ in job.failures or ()}
    skipped = 0
    for index, key in enumerate(job.claims or ()):
        is_done = index < done and index not in failed
        if key is not None:
            delivery = job.deliveries[index]
            if is_done:
                handled.append(key)
            elif index in failed or not source.alive or delivery.offset > source.last_to_begin:
                released.append(key)
            else:
                kept[key] = delivery, source
        elif is_done:
            skipped += isinstance(job.deliveries[index].route, Duplicate)
    return skipped


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
