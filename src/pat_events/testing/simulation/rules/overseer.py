"""The rules about what one member does in time: retries, deadlines, drains, commits, its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.errors import HandlerTimeoutError
from pat_events.testing.simulation.events import LIMITS, TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.consumer.job import Job
    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.testing.simulation.clock import VirtualClock
    from pat_events.testing.simulation.member import Member
    from pat_events.testing.simulation.rules.place import Place
    from pat_events.testing.simulation.rules.story import Story

    # Calls, attempt and holds.
    Counts = tuple[int, int, int]

WATCH_S: Final = 0.05
# So often is committed again what was committed before.
RECOMMIT_S: Final = 30.0
_ROUNDING_S: Final = 0.01


class _Wait:
    """What a failed event waits for: its counts then, the longest wait, and when it is due."""

    __slots__ = ("counts", "due", "longest_s")

    def __init__(self, counts: Counts, longest_s: float) -> None:
        self.counts = counts
        self.longest_s = longest_s
        self.due: float | None = None


class Overseer:
    """Looks at a member after each of its steps, and when one of its handlers failed."""

    def __init__(self, member: Member, place: Place, clock: VirtualClock) -> None:
        self._member = member
        self._place = place
        self._clock = clock
        # By the first of the failed deliveries of a lane.
        self._waiting: dict[Story, _Wait] = {}
        self._next_look = 0.0
        self._since: dict[Job, tuple[int, float | None]] = {}
        self._started: dict[Job, float] = {}
        self._behind: dict[tuple[TopicPartition, int], tuple[int | None, float]] = {}
        self._drained_at: float | None = None
        place.drained = self._check_drain
        place.waits_too_long = self._waits_too_long
        place.is_due_in_time = self._is_due_in_time
        place.distance = self._distance
        self._overdue = member.workers.overdue
        member.workers.overdue = self._note_overdue  # type: ignore[method-assign]
        self._put = member.inbox.put
        member.inbox.put = self._note_put

    def waits(self, story: Story, longest_s: float) -> None:
        """A failed event is due again so long after it was settled, and leads its lane then."""
        self._waiting[story] = _Wait(self._counts(story), longest_s)

    def started(self, job: Job) -> None:
        """A worker begins a job, and with it the first call."""
        self._started[job] = self._clock.now

    def _counts(self, story: Story) -> Counts:
        return story.calls, story.delivery.attempt, story.delivery.holds

    def after_step(self, began: float) -> None:
        """Check what holds after a step that began at a time."""
        self._check_retries(began)
        self._check_deadlines(began)
        self._check_bounds()
        self._check_commit_in_time(began)

    def while_draining(self) -> None:
        """Check what holds when it waits for handlers: its other partitions go on."""
        if self._drained_at is not None:
            self._check_retries(self._drained_at)
            self._check_deadlines(self._drained_at)
        self._drained_at = self._clock.now
        self._place.look()

    def _waits(self, story: Story) -> bool:
        """Tell whether it failed, and is surely not tried again before it is due."""
        wait = self._waiting.get(story)
        if wait is None or self._clock.now >= story.not_before:
            return False
        calls, *decided = self._counts(story)
        return calls == wait.counts[0] and tuple(decided) != wait.counts[1:]

    def _waits_too_long(self, story: Story) -> bool:
        late = story.held or story.not_before >= self._place.begin_until
        return late and self._waits(story)

    def _is_due_in_time(self, story: Story) -> bool:
        if story.held or not self._waits(story):
            return False
        wait = self._waiting[story]
        return (wait.due or self._clock.now + wait.longest_s) < self._place.begin_until

    def _distance(self, partition: TopicPartition) -> int:
        low = self._member.engine._partitions[partition].tracker.committable()
        return 0 if low is None else self._place.next_of(partition) - low

    def _check_retries(self, began: float) -> None:
        if not self._waiting:
            return
        workers = self._member.workers
        handed_out = {id(d) for job in (*workers.ready, *workers.running) for d in job.deliveries}
        for story, wait in list(self._waiting.items()):
            calls, attempt, holds = self._counts(story)
            partition = story.position[:2]
            stories = self._place.stories.get(partition, {})
            if calls != wait.counts[0] or stories.get(story.position[2]) is not story:
                del self._waiting[story]  # Called again, or another member's by now.
            elif wait.due is None:
                if (attempt, holds) != wait.counts[1:]:
                    wait.due = self._clock.now + wait.longest_s
            elif began >= wait.due and partition not in self._place.moving:
                del self._waiting[story]
                if id(story.delivery) not in handed_out:
                    self._place.trouble(
                        f"{story.position} was due at {wait.due}, not run at {began}"
                    )

    def _check_deadlines(self, began: float) -> None:
        look = began >= self._next_look
        if look:
            self._next_look = began + WATCH_S
        since: dict[Job, tuple[int, float | None]] = {}
        for job in self._member.workers.running:
            if job.abandoned:
                continue
            done, at = self._since.get(job, (-1, None))
            if done != job.done:
                at = None  # The engine has yet to see that it went on.
            elif look:
                at = at or began
                if began - at >= TIMEOUT_S:
                    self._place.trouble(f"{_at_work(job).position} runs on at {began}, as at {at}")
            since[job] = (job.done, at)
        self._since = since

    def _note_overdue(self, now: float) -> list[Job]:
        given_up = self._overdue(now)
        for job in given_up:
            self._given_up(job, now)
        return given_up

    def _note_put(self, job: Job) -> None:
        """What is left of a job that was given up: what was handled before is settled by it."""
        if not job.abandoned:
            for delivery in job.deliveries:
                story = self._place.stories.get((delivery.topic, delivery.partition), {}).get(
                    delivery.offset
                )
                if story is not None and story.delivery is delivery:
                    story.job = job
        self._put(job)

    def _given_up(self, job: Job, now: float) -> None:
        delivery = _at_work(job)
        partition = (delivery.topic, delivery.partition)
        story = self._place.stories.get(partition, {}).get(delivery.offset)
        if story is None or story.delivery is not delivery:
            return
        batch = job.registration.batch_size
        since = self._started[job] if batch or not job.done else story.began
        if now - since < TIMEOUT_S:
            self._place.trouble(f"{story.position} was given up, begun at {since}")
        error = HandlerTimeoutError("late")
        stories = [story]
        if batch:
            mine = self._place.stories[partition]
            stories = [mine[d.offset] for d in job.deliveries]
        surely = not job.unsettled
        for each in stories:
            waits = each.failed(error, now, surely=surely, together=len(stories))
        broken = self._place.ledger.fates[story.position] == "broken"  # Its handler is not called.
        if surely and len(stories) == 1 and not story.gives_up and not broken:
            self.waits(story, waits[1])

    def _check_bounds(self) -> None:
        member = self._member
        stats = member.stats
        out = stats.handled + stats.skipped + stats.dead_lettered + stats.returned
        if stats.delivered != out + stats.in_flight:
            self._place.trouble(f"the counts do not add up: {stats}")
        # One more: of a partition assigned by the poll that was to find nothing.
        if stats.in_flight > LIMITS.max_in_flight + 1:
            self._place.trouble(f"more in flight than {LIMITS.max_in_flight}: {stats}")
        for partition, state in member.engine._partitions.items():
            stories = self._place.stories[partition]
            tracker = state.tracker
            kept = sum(len(stories[at].delivery.value or b"") for at in tracker._in_flight)
            if tracker.value_bytes != kept:
                self._place.trouble(f"{partition} keeps {kept} bytes, not {tracker.value_bytes}")

    def _check_commit_in_time(self, began: float) -> None:
        place = self._place
        group = place.membership
        allowed = LIMITS.commit_interval_s
        if place.loses_commits:
            allowed += RECOMMIT_S
        behind: dict[tuple[TopicPartition, int], tuple[int | None, float]] = {}
        for partition, state in self._member.engine._partitions.items():
            # Not those of an assignment before: a new one begins where it is committed.
            key = (partition, place.assignments)
            want, since = self._behind.get(key, (None, began))
            if group.owners.get(partition) is not place or place.left_the_log(partition):
                continue
            committed = group.committed[partition]
            if want is None or committed >= want:
                want, since = state.tracker.committable(), self._clock.now
                if want is None or committed >= want:
                    continue
            elif place.refused:
                since = self._clock.now
            elif began >= since + allowed:
                place.trouble(f"{partition} may be committed to {want} since {since}")
            behind[key] = (want, since)
        self._behind = behind
        place.refused = False

    def _check_drain(self, partitions: Sequence[TopicPartition], seconds: float) -> None:
        self._drained_at = None
        limit = LIMITS.drain_timeout_s
        if seconds - self._place.overtime_s > limit + _ROUNDING_S:
            self._place.trouble(f"draining {partitions} took {seconds} s")
        if seconds > limit - _ROUNDING_S:
            return
        workers = self._member.workers
        for job in (*workers.ready, *workers.running):
            first = job.deliveries[0]
            stories = self._place.stories.get((first.topic, first.partition), {})
            story = (
                stories.get(first.offset) if (first.topic, first.partition) in partitions else None
            )
            if story is not None and story.delivery is first and not job.abandoned:
                self._place.trouble(f"{_at_work(job).position} was cut off after {seconds} s")


def _at_work(job: Job) -> Delivery:
    return job.deliveries[min(job.done, len(job.deliveries) - 1)]
