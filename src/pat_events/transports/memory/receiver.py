"""The receiving side: one member of a group, which rebalances when it polls."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pat_events.core.record import Delivery
from pat_events.errors import OffsetOutOfRangeError, TransportError
from pat_events.transports.log import CommitAnswer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pat_events.core.record import TopicPartition
    from pat_events.transports.log import RebalanceListener, Start
    from pat_events.transports.memory.broker import Group, MemoryBroker


class MemoryReceiver:
    """A group member."""

    topics: tuple[str, ...] = ()
    _own: Collection[str] = ()

    def __init__(self, broker: MemoryBroker, group: str, start: Start) -> None:
        self._broker = broker
        self._group_name = group
        self._start = start
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._out_of_range: set[TopicPartition] = set()
        self._answers: deque[CommitAnswer] = deque(maxlen=100)
        self._turn = 0
        self.last_poll = broker.clock.monotonic()

    @property
    def _group(self) -> Group:
        return self._broker.group(self._group_name)

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, own: Collection[str] = ()
    ) -> None:
        """Join the group."""
        with self._broker.changed:
            self.topics = (*topics, *own)
            self._own = own
            self._listener = listener
            self.last_poll = self._broker.clock.monotonic()
            self._group.members[self] = None
            self._broker.changed.notify_all()

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """Rebalance if need be, then return what is there."""
        deadline = self._broker.clock.monotonic() + timeout_s
        while True:
            self._rebalance()
            with self._broker.changed:
                deliveries = [] if self._broker.down else self._read(max_records)
                left = deadline - self._broker.clock.monotonic()
                if deliveries or left <= 0:
                    return deliveries
                self._broker.clock.wait(self._broker.changed, left)

    def _rebalance(self) -> None:
        self._evict_expired()
        revoked = self._give_up_what_moves()
        self._take_what_is_free(notify=bool(revoked))

    def _evict_expired(self) -> None:
        broker = self._broker
        with broker.lock:
            now = broker.clock.monotonic()
            self.last_poll = now
            group = self._group
            was_expelled = self not in group.members
            group.members[self] = None
            for member in list(group.members):
                if now - member.last_poll > broker.session_timeout_s:
                    group.members.pop(member)
                    for pair in [p for p, owner in group.owners.items() if owner is member]:
                        group.owners.pop(pair)
            if was_expelled:
                lost = list(self._positions)
            else:
                lost = [p for p in self._positions if group.owners.get(p) is not self]
        if lost:
            self._forget(lost)
            self._listener.lost(lost)

    def _give_up_what_moves(self) -> list[TopicPartition]:
        with self._broker.lock:
            target = self._group.target(self._broker.partition_counts())
            revoked = [p for p in self._positions if target.get(p) is not self]
        if revoked:
            # Outside the lock: the owner drains, which takes other threads' work.
            self._listener.revoked(revoked)
            self._give_back(revoked)
        return revoked

    def _take_what_is_free(self, *, notify: bool) -> None:
        broker = self._broker
        with broker.changed:
            group = self._group
            target = group.target(broker.partition_counts())
            mine = [p for p, owner in target.items() if owner is self and p not in group.owners]
            for pair in mine:
                group.owners[pair] = self
                if pair not in group.committed:
                    start = "earliest" if pair[0] in self._own else self._start
                    group.committed[pair] = broker.first_offset(group, pair, start)
                self._positions[pair] = group.committed[pair]
            if notify:
                broker.changed.notify_all()
        if mine:
            self._listener.assigned(mine)

    def _read(self, max_records: int) -> list[Delivery]:
        deliveries: list[Delivery] = []
        order = [p for p in self._positions if p not in self._paused]
        self._turn += 1
        for index in range(len(order)):
            pair = order[(index + self._turn) % len(order)]
            offset = self._positions[pair]
            try:
                found = self._broker.read(pair, offset, max_records - len(deliveries))
            except OffsetOutOfRangeError:
                self._out_of_range.add(pair)
                if deliveries:
                    break  # Handed over first: their positions have moved.
                raise
            deliveries.extend(_copy(record) for record in found)
            self._positions[pair] = offset + len(found)
            if len(deliveries) >= max_records:
                break
        return deliveries

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing from these partitions until resumed."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver from these partitions again."""
        self._paused.difference_update(partitions)

    def ends(self) -> Mapping[TopicPartition, int]:
        """Return the ends that were reached; see ``Receiver.ends``."""
        with self._broker.lock:
            return {p: at for p, at in self._positions.items() if at == self._broker.end(p)}

    def has_joined(self) -> bool:
        """Tell whether the group has this member."""
        return self in self._group.members

    def log_ends(self) -> Mapping[TopicPartition, int]:
        """Return where the partitions end; see ``Receiver.log_ends``."""
        with self._broker.lock:
            return {pair: self._broker.end(pair) for pair in self._positions}

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        """Record the next offset to read; refused for partitions of another member."""
        with self._broker.lock:
            if self._broker.down:
                raise TransportError("the broker is down")
            group = self._group
            not_ours = [p for p in offsets if group.owners.get(p) is not self]
            if not_ours:
                raise TransportError(f"not the owner of {not_ours}")
            group.committed.update(
                (pair, offset) for pair, offset in offsets.items() if pair not in self._out_of_range
            )
        if not wait:  # It is written at once all the same.
            self._answers.append(CommitAnswer(dict(offsets), 0.0, None))

    def commit_answers(self) -> Sequence[CommitAnswer]:
        """Return what came of commits; see ``Receiver.commit_answers``."""
        answers = list(self._answers)
        self._answers.clear()
        return answers

    def close(self) -> None:
        """Leave the group."""
        revoked = list(self._positions)
        if revoked:
            self._listener.revoked(revoked)
        self._give_back(revoked)
        with self._broker.changed:
            self._group.members.pop(self, None)
            self._broker.changed.notify_all()

    def _give_back(self, partitions: list[TopicPartition]) -> None:
        with self._broker.changed:
            self._forget(partitions)
            for pair in partitions:
                if self._group.owners.get(pair) is self:
                    self._group.owners.pop(pair)
            self._broker.changed.notify_all()

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for pair in partitions:
            self._positions.pop(pair, None)
            self._paused.discard(pair)
            self._out_of_range.discard(pair)


def _copy(record: Delivery) -> Delivery:
    # A delivery carries state of the engine that handles it: each its own.
    return Delivery(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        list(record.headers),
        record.timestamp_ms,
    )
