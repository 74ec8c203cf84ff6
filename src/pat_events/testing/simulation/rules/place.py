"""A member's place in the group, and the rules about what it reads, commits and gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.errors import OffsetOutOfRangeError, TransportError
from pat_events.testing.simulation.events import GROUP, LIMITS
from pat_events.testing.simulation.rules.story import Story
from pat_events.transports.memory import MemoryReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.testing.simulation.cluster import Broker
    from pat_events.testing.simulation.rules.ledger import Ledger
    from pat_events.transports.log import RebalanceListener
    from pat_events.transports.memory.broker import Group

# Share of the drain time in which handlers may still be called.
BEGIN_SHARE: Final = 0.5
# How much later than the drain time an end still counts as in time: the sum of many waits.
_ROUNDING_S: Final = 0.01


class Place(MemoryReceiver):
    """A receiver that checks what passes through it, and may lose a commit on its way."""

    _broker: Broker

    def __init__(
        self,
        broker: Broker,
        ledger: Ledger,
        *,
        loses_commits: bool,
        loses_commit: Callable[[], bool],
    ) -> None:
        super().__init__(broker, GROUP, "earliest")
        self.ledger = ledger
        #: Whether any commit may be lost; and whether this one is.
        self.loses_commits = loses_commits
        self._loses_commit = loses_commit
        self.leaving = False
        #: How much of the common clock passed beyond what the engine wanted to wait.
        self.overtime_s = 0.0
        #: What was delivered of each assigned partition, by offset.
        self.stories: dict[TopicPartition, dict[int, Story]] = {}
        self._first: dict[TopicPartition, int] = {}
        #: How often partitions were assigned.
        self.assignments = 0
        #: Partitions on their way to another member -> highest offset that may still be begun.
        self.moving: dict[TopicPartition, int] = {}
        #: Until when handlers may be called for those, if what is begun is to end in time.
        self.begin_until = 0.0
        #: Called when partitions were drained in so many seconds.
        self.drained: Callable[[Sequence[TopicPartition], float], None] = (
            lambda _partitions, _seconds: None
        )
        #: Tells whether a story waits for something that this drain does not wait for.
        self.waits_too_long: Callable[[Story], bool] = lambda _story: False
        #: Tells whether a story is tried again within this drain.
        self.is_due_in_time: Callable[[Story], bool] = lambda _story: False
        #: How far a partition is ahead of what can be committed.
        self.distance: Callable[[TopicPartition], int] = lambda _partition: 0
        #: Where this member was told that its position is gone.
        self.out_of_range: set[TopicPartition] = set()
        #: Whether a commit was refused or dropped since the last look.
        self.refused = False
        #: Too far ahead of what can be committed for another poll: by how many offsets.
        self.far: dict[TopicPartition, int] = {}
        self._losing = False
        self._uncertain: set[TopicPartition] = set()

    @property
    def membership(self) -> Group:
        """The state of the group, which has to be as the members think."""
        return self._group

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, own: Collection[str] = ()
    ) -> None:
        """Join the group; the engine is told after the rules were checked."""
        self._engine = listener
        super().subscribe(topics, self, own)

    def trouble(self, what: str) -> None:
        """Note a rule that is broken."""
        self.ledger.trouble.append(what)

    def next_of(self, partition: TopicPartition) -> int:
        """The offset to be delivered next."""
        return self._first[partition] + len(self.stories[partition])

    def left_the_log(self, partition: TopicPartition) -> bool:
        """Whether its position is gone; the receiver may know, and tell it with the next poll."""
        return self._positions[partition] < self._broker.first(partition)

    def is_done(self, story: Story) -> bool:
        """Whether it was handled for good, or has its dead letter."""
        return story.settled or id(story.delivery) in self._broker.dead_lettered

    def finished_up_to(self, partition: TopicPartition) -> int:
        """The highest offset that was handled or dead-lettered in this assignment; else -1."""
        done = (o for o, story in self.stories[partition].items() if self.is_done(story))
        return max(done, default=-1)

    def look(self) -> None:
        """Note what may be begun until the next look, while partitions move.

        It is what saves repeating what was finished above, and what can end in time.
        """
        for partition in self.moving:
            last = -1
            if self._broker.clock.monotonic() < self.begin_until:
                too_long = (
                    o - 1 for o, s in self.stories[partition].items() if self.waits_too_long(s)
                )
                last = min(self.finished_up_to(partition), *too_long, self.next_of(partition))
            self.moving[partition] = last

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """What is assigned was not ours."""
        self.assignments += 1
        for partition in partitions:
            if partition in self.stories:
                self.trouble(f"{partition} was assigned twice")
            self.stories[partition] = {}
            self._first[partition] = self._broker.committed(self._group_name)[partition]
        self._engine.assigned(partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """What is revoked is given back in time, as far as it can be."""
        began = self._broker.clock.monotonic()
        # One that leaves may have been expelled, and not have heard of it yet.
        if not self.leaving and any(
            self._group.owners.get(partition) is not self for partition in partitions
        ):
            self.trouble(f"{partitions} were revoked, and are another member's already")
        self.moving.update(dict.fromkeys(partitions, -1))
        self.begin_until = began + LIMITS.drain_timeout_s * BEGIN_SHARE
        self._uncertain.clear()
        self.overtime_s = 0.0
        self._engine.revoked(partitions)
        seconds = self._broker.clock.monotonic() - began
        self.drained(partitions, seconds)
        for partition in partitions:
            uncertain = partition in self._uncertain or self.left_the_log(partition)
            if seconds < LIMITS.drain_timeout_s - _ROUNDING_S and not uncertain:
                self._check_given_back(partition)
        self._gave_up(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Of what is lost nothing is committed."""
        self._losing = True
        self._engine.lost(partitions)
        self._losing = False
        self._gave_up(partitions)

    def _gave_up(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self.moving.pop(partition, None)
            self.far.pop(partition, None)
            self.out_of_range.discard(partition)
            del self.stories[partition]

    def _check_given_back(self, partition: TopicPartition) -> None:
        """The last commit is as far as it may be, and nothing was handled in vain."""
        stories = self.stories[partition]
        group = self._group
        if group.owners.get(partition) is not self:
            return
        low = group.committed[partition]
        first = stories.get(low)
        if first is None:
            return
        fate = self.ledger.fates[first.position]
        if self.is_done(first) or fate == "strange":
            self.trouble(f"{partition} was given back at {low}, which was settled")
        vain = self.finished_up_to(partition)
        if vain < low or self._broker.clock.monotonic() >= self.begin_until:
            return
        # It counts as tried, too, where a worker began and hung before its handler was called.
        tried = first.calls or first.delivery.attempt > 1 or fate == "broken"
        if not tried:
            self.trouble(f"{partition} was left at {low}, never tried, with {vain} handled")
        elif self.is_due_in_time(first):
            self.trouble(f"{partition} was left at {low}, due in time, with {vain} handled")

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """What is delivered is assigned, asked for and next."""
        limit = LIMITS.max_uncommitted
        self.far = {p: far for p in self.stories if (far := self.distance(p)) >= limit}
        try:
            deliveries = super().poll(max_records, timeout_s)
        except OffsetOutOfRangeError as error:
            self.out_of_range.add(
                next(p for p in self._positions if str(error).startswith("{}/{} ".format(*p)))
            )
            raise
        if len(deliveries) > max_records:
            self.trouble(f"{len(deliveries)} were delivered, {max_records} asked for")
        for delivery in deliveries:
            self._check_delivery(delivery)
        return deliveries

    def _check_delivery(self, delivery: Delivery) -> None:
        partition = (delivery.topic, delivery.partition)
        if partition not in self.stories:
            self.trouble(f"{delivery.position} was delivered, and is not assigned")
            return
        if partition in self._paused:
            self.trouble(f"{delivery.position} was delivered, and is paused")
        if delivery.offset != self.next_of(partition):
            self.trouble(f"{delivery.position} was delivered, not {self.next_of(partition)}")
        if partition in self.far:
            self.trouble(f"{delivery.position} was delivered, {self.far[partition]} uncommitted")
        story = Story(delivery)
        self.stories[partition][delivery.offset] = story
        self.ledger.stories[story.position].append(story)

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        """What was lost, or is out of range, is not committed."""
        if self._losing:
            self.trouble(f"{offsets} were committed when they were lost")
        if not wait and self._loses_commit():
            self.refused = True
            return  # Taken from the engine, which cannot know, and dropped by the broker.
        committed = self._group.committed
        before = {partition: committed[partition] for partition in self.out_of_range}
        try:
            super().commit(offsets, wait=wait)
        except TransportError:
            self.refused = True
            self._uncertain.update(offsets)
            raise
        if any(committed[partition] != at for partition, at in before.items()):
            self.trouble(f"{offsets} were committed, out of range in {before}")
