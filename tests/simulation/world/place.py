"""A member's place in the group, and the rules about what it reads, commits and gives back."""

from __future__ import annotations

from pat_events.errors import OffsetOutOfRangeError, TransportError
from pat_events.transports.memory import MemoryReceiver

from .story import Story

# The orders in which a member that leaves with time to drain has handled nothing above an event it
# never tried: in the others it may not have begun one whose later neighbours are done.
FINISHED_AT_A_STOP = ("partition",)
# A partition from which this member was told that its position is gone may not be committed.
LOST_POSITIONS_ARE_COMMITTED = True
# Furthest distance from what may be committed to the last delivery; None while there is no limit.
MAX_DISTANCE = None


class Place(MemoryReceiver):
    """A receiver that checks what passes through it, and may lose a commit on its way."""

    def __init__(self, broker, group, ledger, drain_timeout_s, loses_commit):
        super().__init__(broker, group, "earliest")
        self.drain_timeout_s = drain_timeout_s
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
        #: Partitions on their way to another member.
        self.moving = set()
        #: Called when partitions were drained in so many seconds.
        self.drained = lambda partitions, seconds: None
        self.out_of_range = set()
        #: Whether a commit was refused or dropped since the last look.
        self.refused = False
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

    def assigned(self, partitions):
        self.assignments += 1
        for partition in partitions:
            if partition in self.stories:
                self.trouble(f"{partition} was assigned twice")
            self.stories[partition] = {}
            self._first[partition] = self._broker.committed(self._group_name)[partition]
        self._engine.assigned(partitions)

    def revoked(self, partitions):
        began = self._broker.clock()
        # One that leaves may have been expelled, and not have heard of it yet.
        if not self.leaving and any(
            self._group.owners.get(partition) is not self for partition in partitions
        ):
            self.trouble(f"{partitions} were revoked, and are another member's already")
        self.moving.update(partitions)
        self._uncertain.clear()
        self.overtime_s = 0.0
        self._engine.revoked(partitions)
        seconds = self._broker.clock() - began
        self.drained(partitions, seconds)
        for partition in partitions:
            if seconds < self.drain_timeout_s - 0.01 and partition not in self._uncertain:
                self._check_given_back(partition)
        self._gave_up(partitions)

    def lost(self, partitions):
        self._losing = True
        self._engine.lost(partitions)
        self._losing = False
        self._gave_up(partitions)

    def _gave_up(self, partitions):
        self.moving.difference_update(partitions)
        for partition in partitions:
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
        if first.settled or self.ledger.fates[first.position] == "strange":
            self.trouble(f"{partition} was given back at {low}, which was settled")
        tried = first.calls or self.ledger.fates[first.position] == "broken"
        orders = FINISHED_AT_A_STOP if self.leaving else ("partition",)
        if not tried and self.ledger.order in orders:
            vain = [o for o, story in stories.items() if o > low and story.settled]
            if vain:
                self.trouble(f"{partition} was left at {low}, never tried, with {vain} handled")

    def poll(self, max_records, timeout_s):
        try:
            deliveries = super().poll(max_records, timeout_s)
        except OffsetOutOfRangeError:
            for (topic, number), offset in self._positions.items():
                if offset < self._broker._topics[topic][number].first:
                    self.out_of_range.add((topic, number))
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
        story = Story(delivery)
        self.stories[partition][delivery.offset] = story
        self.ledger.stories[story.position].append(story)

    def commit(self, offsets, *, wait):
        if self._losing:
            self.trouble(f"{offsets} were committed when they were lost")
        if not LOST_POSITIONS_ARE_COMMITTED and not self.out_of_range.isdisjoint(offsets):
            self.trouble(f"{offsets} were committed out of range")
        if not wait and self.loses_commit():
            self.refused = True
            return  # Taken from the engine, which cannot know, and dropped by the broker.
        try:
            super().commit(offsets, wait=wait)
        except TransportError:
            self.refused = True
            self._uncertain.update(offsets)
            raise
