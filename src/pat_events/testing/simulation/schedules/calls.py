"""What handlers ask of the world: whether they may be called, and how each call ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pat_events.errors import BufferFullError, HoldError, PermanentError, TransientError
from pat_events.testing.simulation.events import BATCH, PARTS, POLICY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from pat_events.consumer.context import Context
    from pat_events.consumer.job import Job
    from pat_events.producer.ack import Ack
    from pat_events.testing.simulation.clock import VirtualClock
    from pat_events.testing.simulation.events import At
    from pat_events.testing.simulation.rules.ledger import Ledger
    from pat_events.testing.simulation.rules.overseer import Overseer
    from pat_events.testing.simulation.rules.place import Place
    from pat_events.testing.simulation.rules.story import Called, Story


class Calls:
    """The calls of a schedule's handlers; a schedule is one."""

    def __init__(self, ledger: Ledger, clock: VirtualClock, random: Random) -> None:
        self.ledger = ledger
        self.trouble = ledger.trouble
        self.clock = clock
        self.random = random
        self.places: dict[int, Place] = {}
        self.overseers: dict[int, Overseer] = {}
        #: How often what a schedule is about came about.
        self.seen = Counter[str]()
        #: What each work has called its handler with.
        self.called_by: dict[Job, list[Called]] = {}
        #: Whose handlers are at work, the innermost last: slot and work.
        self.at_work: list[tuple[int, Job]] = []

    def meanwhile(self) -> None:
        """Other things happen while a function is at work."""
        raise NotImplementedError

    def begin(self, contexts: list[Context]) -> None:
        """Check that a handler may be called, and decide what becomes of each event."""
        slot, job = self.at_work[-1]
        place = self.places[slot]
        positions = {ctx.position[:3] for ctx in contexts}
        if len(contexts) > BATCH or (len(contexts) > 1 and any(it.attempt > 1 for it in contexts)):
            self.trouble.append(f"{sorted(positions)} came as one batch")
        if len({ctx.key for ctx in contexts}) > 1:
            self.seen[f"batch of keys in {self.ledger.order}"] += 1
        for ctx in contexts:
            position = ctx.position[:3]
            story = place.stories.get(position[:2], {}).get(position[2])
            if story is None or story.delivery is not ctx.delivery:
                self.trouble.append(f"{position} began after its partition was given back")
                story = self.ledger.stories[position][-1]
            elif position[:2] in place.moving:
                self.seen["begun at a stop"] += 1
                if position[2] > place.moving[position[:2]]:
                    self.trouble.append(f"{position} began while its partition was given back")
            if job.abandoned:
                self.trouble.append(f"{position} began after its job was given up")
            self._check_repeat(story, ctx)
            self.ledger.check_order(position, ctx.key, positions)
            story.begin(job, self.called_by.setdefault(job, []), self.clock.now)
            story.error = self._decide(position)

    def _check_repeat(self, story: Story, ctx: Context) -> None:
        if story.settled:
            self.trouble.append(f"{story.position} was handled, and is called again")
        if not story.attempts_at_least < ctx.attempt <= 1 + story.attempts_at_most:
            self.trouble.append(
                f"{story.position} attempt {ctx.attempt} after {story.attempts_at_least} to "
                f"{story.attempts_at_most} failures"
            )
        if ctx.attempt > POLICY.attempts:
            self.trouble.append(f"{story.position} is tried for the {ctx.attempt}. time")
        if self.clock.now < story.not_before:
            self.trouble.append(f"{story.position} came {story.not_before - self.clock.now} early")

    def _decide(self, position: At) -> Exception | None:
        fate = self.ledger.fates[position]
        if fate == "hopeless":
            return PermanentError("no")
        if fate in ("fails", "asks", "held"):
            self.ledger.failures[position] += 1
            if self.ledger.failures[position] <= position[2] % 5:
                errors: dict[str, Exception] = {
                    "fails": ValueError("no"),
                    "asks": TransientError("later", retry_after_s=3),
                    "held": HoldError("no"),
                }
                return errors[fate]
        return None

    def _story(self, ctx: Context) -> Story:
        return next(
            story
            for story in reversed(self.ledger.stories[ctx.position[:3]])
            if story.delivery is ctx.delivery
        )

    def is_to_fail(self, ctx: Context) -> bool:
        """Tell whether the handler of this event is to fail."""
        return self._story(ctx).error is not None

    def parts(self, ctx: Context) -> range:
        """The numbers of what this event's handler publishes."""
        return range(PARTS if self.ledger.fates[ctx.position[:3]] == "publishes" else 0)

    def failure(self, ctx: Context) -> Exception | None:
        """Return what the handler of a single event, or of one in a batch, fails with."""
        slot, job = self.at_work[-1]
        story = self._story(ctx)
        if story.error is not None and not job.abandoned:
            batch = job.registration.batch_size and len(job.deliveries) > 1
            surely = self._published_nothing(job)
            waits = story.failed(story.error, self.clock.now, surely=surely)
            if surely and not batch and not story.gives_up:
                self.overseers[slot].waits(story, waits[1])
        return story.error

    def _published_nothing(self, job: Job) -> bool:
        """Tell whether no follow-up of an earlier event can fail, and take a failure's place."""
        return not any(acks for _, acks in self.called_by[job])

    def failure_of_all(self, contexts: list[Context]) -> Exception | None:
        """Return what a batch raises as a whole, if it does."""
        errors = [error for ctx in contexts if (error := self._story(ctx).error)]
        if len(contexts) == 1 or not errors or self.random.random() < 0.7:
            return None
        self.seen["whole batch"] += 1
        self._all_failed(contexts, errors[0])
        return errors[0]

    def _all_failed(self, contexts: Iterable[Context], error: Exception) -> None:
        slot, job = self.at_work[-1]
        if job.abandoned:
            return
        stories = [self._story(ctx) for ctx in contexts]
        surely = self._published_nothing(job)
        for story in stories:
            waits = story.failed(error, self.clock.now, surely=surely, together=len(stories))
        # Of a batch with letters on their way the lane waits for those as well.
        whole = len(stories) == len(job.deliveries)
        if surely and (whole or not job.registration.batch_size):
            self.overseers[slot].waits(stories[0], waits[1])

    @contextmanager
    def refusals(self, contexts: list[Context]) -> Iterator[None]:
        """Note that a handler was cancelled from outside, or found the buffer full."""
        try:
            yield
        except (asyncio.CancelledError, BufferFullError) as error:
            self.seen[type(error).__name__] += 1
            self._all_failed(contexts, HoldError("it is none of the handler's doing"))
            raise

    def handled(self, ctx: Context, acks: list[Ack]) -> None:
        """Note that a handler is done with an event, and what it published."""
        story = self._story(ctx)
        if story.job is self.at_work[-1][1]:  # Else it was given up, and is tried again already.
            story.handled = True
            story.acks.extend(acks)
        self.ledger.handled[story.position] += 1
