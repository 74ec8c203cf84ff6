"""Which deliveries of the lanes that may run become a job together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pat_events.consumer.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.consumer.handlers import Registration
    from pat_events.consumer.job import DeliverySource
    from pat_events.core.lanes import Lane
    from pat_events.core.record import Delivery


class Admission(Protocol):
    """Says whose handlers may be called.

    Attributes:
        keeps: Not all may.
    """

    keeps: bool

    def admit(self, source: DeliverySource, ready: list[Lane], jobs: list[Job]) -> list[Lane]:
        """Return the lanes that may go on, or put a job of one into ``jobs``."""


def take_jobs(
    source: DeliverySource,
    ready: list[Lane],
    last: int | None,
    limit: int,
    *,
    batches: bool,
    gates: Admission,
) -> list[Job]:
    """Make jobs of what lanes begin with.

    Args:
        source: Whose lanes they are.
        ready: Lanes that may run, and are busy already.
        last: The highest offset that may be begun, if there is one.
        limit: Most deliveries of a job; a batch has the size its handler asks for.
        batches: There are handlers for batches.
        gates: Says which of the lanes may go on.
    """
    jobs: list[Job] = []
    if gates.keeps:
        ready = gates.admit(source, ready, jobs)
    if batches:
        more, ready = take_batches(source, ready, last)
        jobs += more
    jobs += take_chunks(source, ready, last, limit, mixes=not gates.keeps)
    return jobs


def take_chunks(
    source: DeliverySource,
    ready: Iterable[Lane],
    last: int | None,
    limit: int,
    *,
    mixes: bool = True,
) -> list[Job]:
    """Make a job of what each lane begins with, ``limit`` deliveries at most.

    Args:
        source: Whose lanes they are.
        ready: Lanes that may run, and are busy already.
        last: The highest offset that may be begun, if there is one.
        limit: Most deliveries of a job; a batch has the size its handler asks for.
        mixes: A job may be for several handlers.
    """
    jobs: list[Job] = []
    take = source.lanes.take
    for lane in ready:
        if len(lane.waiting) == 1:
            jobs.append(Job(source, lane, take(lane, 1)))
            continue
        count, mixed = _chunk_size(lane, limit, mixes=mixes)
        if last is not None:
            count = sum(delivery.offset <= last for delivery in lane.waiting[:count])
        jobs.append(job := Job(source, lane, take(lane, count)))
        job.mixed = mixed
    return jobs


def _chunk_size(lane: Lane, limit: int, *, mixes: bool) -> tuple[int, bool]:
    """Return how many deliveries of a lane can go to a worker together, ``limit`` at most.

    And whether they are for several handlers. A batch has the size its handler asks for, whatever
    the limit.
    """
    waiting = lane.waiting
    first = waiting[0].route.registration
    if first.batch_size:
        return _batch_size(waiting, first, first.batch_size) or 1, False
    count = 1
    mixed = False
    while count < min(limit, len(waiting)):
        registration = waiting[count].route.registration
        if registration is not first:
            if (
                not mixes
                or registration.batch_size
                or registration.is_async is not first.is_async
                or registration.breaker is not first.breaker
            ):
                break
            mixed = True
        count += 1
    return count, mixed


def take_batches(
    source: DeliverySource, ready: Iterable[Lane], last: int | None
) -> tuple[list[Job], list[Lane]]:
    """Make jobs for batch handlers of what several lanes begin with.

    Args:
        source: Whose lanes they are.
        ready: Lanes that may run, and are busy already.
        last: The highest offset that may be begun, if there is one.

    Returns:
        The jobs, and the lanes that none of them is for.
    """
    jobs: list[Job] = []
    others: list[Lane] = []
    open_batches: dict[int, _Batch] = {}
    for lane in ready:
        registration = lane.waiting[0].route.registration
        size = registration.batch_size
        batch = open_batches.get(id(registration)) or _Batch()
        count = size and _batch_size(lane.waiting, registration, size - batch.count, last)
        if not count:
            others.append(lane)
            continue
        batch.add(lane, source.lanes.take(lane, count))
        if batch.count == size:
            jobs.append(batch.job(source))
            batch = _Batch()
        open_batches[id(registration)] = batch
    jobs += [batch.job(source) for batch in open_batches.values() if batch.count]
    return jobs, others


class _Batch:
    """The lanes of a job in the making, each with what it begins with."""

    __slots__ = ("count", "parts")

    def __init__(self) -> None:
        self.count = 0
        self.parts: list[tuple[Lane, list[Delivery]]] = []

    def add(self, lane: Lane, deliveries: list[Delivery]) -> None:
        self.parts.append((lane, deliveries))
        self.count += len(deliveries)

    def job(self, source: DeliverySource) -> Job:
        # The last of a lane is its highest: so the last of all is the highest of all.
        self.parts.sort(key=lambda part: part[1][-1].offset)
        (lane, deliveries), *more = self.parts
        more_lanes: list[tuple[Lane, int]] = []
        for another, its_deliveries in more:
            more_lanes.append((another, len(deliveries)))
            deliveries += its_deliveries
        return Job(source, lane, deliveries, more_lanes or None)


def _batch_size(
    waiting: list[Delivery], registration: Registration, room: int, last: int | None = None
) -> int:
    """Return how many of these, from the front, can be in one batch.

    After a failure a batch is tried one by one: the bad event is found, the others pass.
    """
    count = 0
    for delivery in waiting:
        if (
            count == room
            or delivery.route.registration is not registration
            or delivery.attempt > 1
            or delivery.holds
            or (last is not None and delivery.offset > last)
        ):
            break
        count += 1
    return count
