"""A member's place in the group, and the rules about what it reads, commits and gives back."""

from __future__ import annotations

from pat_events.errors import OffsetOutOfRangeError, TransportError
from pat_events.transports.memory import MemoryReceiver

from .story import Story

# Share of the drain time in which handlers may still be called.
BEGIN_SHARE = 0.5


class Place(MemoryReceiver):
    """A receiver that checks what passes through it, and may lose a commit on its way."""

    def __init__(self, broker, group, ledger, limits, loses_commit):
        super().__init__(broker, group, "earliest")
        self._limits = limits
        self.ledger = ledger
        self.loses_commit = loses_commit
        self.leaving = False
        #: How much of the common clock passed beyond what the engine wanted to wait.
        self.overtime_s = 0.0
        #: What was delivered of each assigned partition, by offset.
        self.stories = {}
        self._first = {}
        #: How often partitions were assigned.
        self.assignments = 0
        #: Partitions on their way to another member -> highest offset that may still be begun.
        self.moving = {}
        #: Until when handlers may be called for those, if what is begun is to end in time.
        self.begin_until = 0.0
        #: Called when partitions were drained in so many seconds.
        self.drained = lambda partitions, seconds: None
        #: Tells whether a story waits for something that this drain does not wait for.
        self.waits_too_long = lambda story: False
        #: Tells whether a story is tried again within this drain.
        self.is_due_in_time = lambda story: False
        #: How far a partition is ahead of what can be committed.
        self.distance = lambda partition: 0
        #: Where this member was told that its position is gone.
        self.out_of_range = set()
        #: Whether a commit was refused or dropped since the last look.
        self.refused = False
        #: Too far ahead of what can be committed for another poll: by how many offsets.
        self.far = {}
        self._losing = False
        self._uncertain = set()

    def subscribe(self, topics, listener):
        self._engine = listener
        super().subscribe(topics, self)

    def trouble(self, what):
        self.ledger.trouble.append(what)

    def next_of(self, partition):
        """The offset to be delivered next."""
        return self._first[partition] + len(self.stories[partition])

    def left_the_log(self, partition):
        """Whether its position is gone; the receiver may know, and tell it with the next poll."""
        topic, number = partition
        return self._positions[partition] < self._broker._topics[topic][number].first

    def is_done(self, story):
        return story.settled or id(story.delivery) in self._broker.dead_lettered

    def finished_up_to(self, partition):
        """The highest offset that was handled or dead-lettered in this assignment; else -1."""
        done = (o for o, story in self.stories[partition].items() if self.is_done(story))
        return max(done, default=-1)

    def look(self):
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

    def assigned(self, partitions):
        self.assignments += 1
        for partition in partitions:
            if partition in self.stories:
                self.trouble(f"{partition} was assigned twice")
            self.stories[partition] = {}
            self._first[partition] = self._broker.committed(self._group_name)[partition]
        self._engine.assigned(partitions)

    def revoked(self, partitions):
        began = self._broker.clock.monotonic()
        # One that leaves may have been expelled, and not have heard of it yet.
        if not self.leaving and any(
            self._group.owners.get(partition) is not self for partition in partitions
        ):
            self.trouble(f"{partitions} were revoked, and are another member's already")
        self.moving.update(dict.fromkeys(partitions, -1))
        self.begin_until = began + self._limits.drain_timeout_s * BEGIN_SHARE
        self._uncertain.clear()
        self.overtime_s = 0.0
        self._engine.revoked(partitions)
        seconds = self._broker.clock.monotonic() - began
        self.drained(partitions, seconds)
        for partition in partitions:
            uncertain = partition in self._uncertain or self.left_the_log(partition)
            if seconds < self._limits.drain_timeout_s - 0.01 and not uncertain:
                self._check_given_back(partition)
        self._gave_up(partitions)

    def lost(self, partitions):
        self._losing = True
        self._engine.lost(partitions)
        self._losing = False
        self._gave_up(partitions)

    def _gave_up(self, partitions):
        for partition in partitions:
            self.moving.pop(partition, None)
            self.far.pop(partition, None)
            self.out_of_range.discard(partition)
            del self.stories[partition]

    def _check_given_back(self, partition):
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

    def poll(self, max_records, timeout_s):
        limit = self._limits.max_uncommitted
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

    def _check_delivery(self, delivery):
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

    def commit(self, offsets, *, wait):
        if self._losing:
            self.trouble(f"{offsets} were committed when they were lost")
        if not wait and self.loses_commit():
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
