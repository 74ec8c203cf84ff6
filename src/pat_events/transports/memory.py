"""A cluster inside the process: a real partitioned log with consumer groups.

Partitions, offsets, committed positions, cooperative rebalances and sessions
that expire behave as Kafka's do. Nothing is written to disk and no other process can see it.
"""

from __future__ import annotations

import threading
import time
import weakref
import zlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pat_events.core.record import Delivery
from pat_events.errors import (
    BufferFullError,
    ClosedError,
    OffsetOutOfRangeError,
    TopicMissingError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pat_events.transports.base import (
        Outgoing,
        RebalanceListener,
        Start,
        TopicPartition,
    )


@dataclass(slots=True)
class _Partition:
    # Offset of the first record still kept; earlier ones were deleted.
    first: int = 0
    records: list[Delivery] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.first + len(self.records)


@dataclass(slots=True, eq=False)
class _Group:
    members: dict[MemoryReceiver, None] = field(default_factory=dict)
    owners: dict[TopicPartition, MemoryReceiver] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)

    def target(self, topics: Mapping[str, int]) -> dict[TopicPartition, MemoryReceiver]:
        """Return who should own what: an even share, moving as little as possible."""
        wanted: dict[TopicPartition, list[MemoryReceiver]] = {}
        for member in self.members:
            for topic in member.topics:
                for partition in range(topics.get(topic, 0)):
                    wanted.setdefault((topic, partition), []).append(member)
        load = dict.fromkeys(self.members, 0)
        share = -(-len(wanted) // max(1, len(self.members)))
        target: dict[TopicPartition, MemoryReceiver] = {}
        for position, candidates in sorted(wanted.items()):
            owner = self.owners.get(position)
            if owner in candidates and load[owner] < share:
                target[position] = owner
                load[owner] += 1
        for position, candidates in sorted(wanted.items()):
            if position not in target:
                emptiest = min(candidates, key=load.__getitem__)
                target[position] = emptiest
                load[emptiest] += 1
        return target


class MemoryBroker:
    """The log and the groups; share one between the transports that should meet.

    Args:
        clock: Monotonic seconds, for sessions that expire.
        session_timeout_s: A member that has not polled for this long loses its
            partitions, in seconds.
        buffer_events: Records a sender takes before they are "on the wire": the
            limit at which ``BufferFullError`` is raised while the broker is down.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        session_timeout_s: float = 45.0,
        buffer_events: int = 10_000,
    ) -> None:
        self.clock = clock
        self.session_timeout_s = session_timeout_s
        self.buffer_events = buffer_events
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        #: Told when the broker is back: what waits in them is written then.
        self.senders: weakref.WeakSet[MemorySender] = weakref.WeakSet()
        self._topics: dict[str, list[_Partition]] = {}
        self._groups: dict[str, _Group] = {}
        self._down = False
        self._round_robin = 0

    def create_topic(self, name: str, partitions: int = 4) -> None:
        """Create a topic; one that exists keeps its records and may grow."""
        with self.lock:
            log = self._topics.setdefault(name, [])
            log.extend(_Partition() for _ in range(partitions - len(log)))

    def set_down(self, *, down: bool) -> None:
        """Take the broker away, or bring it back: what was sent meanwhile is then written."""
        with self.changed:
            self._down = down
            self.changed.notify_all()
        if not down:
            for sender in list(self.senders):
                sender.poll(0)

    @property
    def down(self) -> bool:
        """Whether nothing is written or read for now."""
        return self._down

    def records(self, topic: str) -> list[Delivery]:
        """Return everything a topic holds, partition by partition."""
        with self.lock:
            return [record for partition in self._log(topic) for record in partition.records]

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        """Forget the records of a partition below an offset, as retention does."""
        with self.lock:
            log = self._log(topic)[partition]
            count = max(0, min(before_offset, log.end) - log.first)
            del log.records[:count]
            log.first += count

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """Return a group's committed positions."""
        with self.lock:
            return dict(self.group(group).committed)

    def group(self, name: str) -> _Group:
        """Return the state of a group; called with the lock held."""
        return self._groups.setdefault(name, _Group())

    def partition_counts(self) -> dict[str, int]:
        """Return the number of partitions of every topic."""
        return {name: len(log) for name, log in self._topics.items()}

    def append(self, outgoing: Outgoing) -> tuple[int, int]:
        """Write a record; returns its partition and offset."""
        with self.changed:
            log = self._log(outgoing.topic)
            key = outgoing.key
            if key is None:
                self._round_robin += 1
                index = self._round_robin % len(log)
            else:
                index = zlib.crc32(key) % len(log)
            offset = log[index].end
            log[index].records.append(
                Delivery(
                    outgoing.topic,
                    index,
                    offset,
                    key,
                    outgoing.value,
                    list(outgoing.headers),
                    outgoing.timestamp_ms,
                )
            )
            self.changed.notify_all()
            return index, offset

    def read(self, position: TopicPartition, offset: int, count: int) -> list[Delivery]:
        """Return at most ``count`` records from an offset on."""
        log = self._log(position[0])[position[1]]
        if not log.first <= offset <= log.end:
            raise OffsetOutOfRangeError(
                f"{position[0]}/{position[1]} holds offsets {log.first} to {log.end}, not {offset}"
            )
        start = offset - log.first
        return log.records[start : start + count]

    def first_offset(self, position: TopicPartition, start: Start) -> int:
        """Return where a group begins that never committed."""
        log = self._log(position[0])[position[1]]
        if isinstance(start, datetime):
            millis = start.timestamp() * 1000
            later = (record.offset for record in log.records if record.timestamp_ms >= millis)
            return next(later, log.end)
        return log.first if start == "earliest" else log.end

    def _log(self, topic: str) -> list[_Partition]:
        if topic not in self._topics:
            raise TopicMissingError(f"there is no topic {topic}: create it first")
        return self._topics[topic]


class MemorySender:
    """Writes at once; while the broker is down records wait, as in a real client."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._waiting: deque[Outgoing] = deque()
        self._closed = False
        broker.senders.add(self)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record."""
        with self._broker.lock:
            if self._closed:
                raise ClosedError("the producer was closed: make a new one")
            if len(self._waiting) >= self._broker.buffer_events:
                raise BufferFullError(
                    f"the send buffer is full ({self._broker.buffer_events} events)"
                )
            self._waiting.append(outgoing)
        self.poll(0)

    def in_callback(self) -> bool:
        """Records settle one by one here, and any thread can make room."""
        return False

    def hurry(self) -> None:
        """Nothing to do: records settle as they are sent."""

    def poll(self, timeout_s: float) -> None:
        """Write what waits."""
        with self._broker.changed:
            if self._broker.down and self._waiting:
                self._broker.changed.wait(timeout_s)
            if self._broker.down:
                return
            # Under the lock, one by one: neither another thread nor a callback that
            # publishes can overtake what was sent before.
            while self._waiting:
                outgoing = self._waiting.popleft()
                try:
                    partition, offset = self._broker.append(outgoing)
                except TransportError as error:
                    outgoing.settle(error, -1, -1)
                else:
                    outgoing.settle(None, partition, offset)

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled."""
        deadline = time.monotonic() + timeout_s
        self.poll(0)
        while self._waiting and (left := deadline - time.monotonic()) > 0:
            self.poll(left)
        return list(self._waiting)

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Flush, then stop for good."""
        given_up = self.flush(timeout_s)
        self._closed = True
        self._waiting.clear()
        for outgoing in given_up:
            outgoing.settle(TransportError("not acknowledged before close"), -1, -1)
        return given_up


class MemoryReceiver:
    """A group member."""

    topics: tuple[str, ...] = ()

    def __init__(self, broker: MemoryBroker, group: str, start: Start) -> None:
        self._broker = broker
        self._group_name = group
        self._start = start
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0
        self.last_poll = broker.clock()

    @property
    def _group(self) -> _Group:
        return self._broker.group(self._group_name)

    def subscribe(self, topics: Sequence[str], listener: RebalanceListener) -> None:
        """Join the group."""
        with self._broker.changed:
            self.topics = tuple(topics)
            self._listener = listener
            self.last_poll = self._broker.clock()
            self._group.members[self] = None
            self._broker.changed.notify_all()

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """Rebalance if need be, then return what is there."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._rebalance()
            with self._broker.changed:
                deliveries = [] if self._broker.down else self._read(max_records)
                left = deadline - time.monotonic()
                if deliveries or left <= 0:
                    return deliveries
                self._broker.changed.wait(left)

    def _rebalance(self) -> None:
        self._expel_the_silent()
        revoked = self._give_up_what_moves()
        self._take_what_is_free(notify=bool(revoked))

    def _expel_the_silent(self) -> None:
        broker = self._broker
        with broker.lock:
            now = broker.clock()
            self.last_poll = now
            group = self._group
            was_expelled = self not in group.members
            group.members[self] = None
            for member in list(group.members):
                if now - member.last_poll > broker.session_timeout_s:
                    group.members.pop(member)
                    for position in [p for p, owner in group.owners.items() if owner is member]:
                        group.owners.pop(position)
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
            for position in mine:
                group.owners[position] = self
                if position not in group.committed:
                    group.committed[position] = broker.first_offset(position, self._start)
                self._positions[position] = group.committed[position]
            if notify:
                broker.changed.notify_all()
        if mine:
            self._listener.assigned(mine)

    def _read(self, max_records: int) -> list[Delivery]:
        deliveries: list[Delivery] = []
        order = [p for p in self._positions if p not in self._paused]
        self._turn += 1
        for index in range(len(order)):
            position = order[(index + self._turn) % len(order)]
            offset = self._positions[position]
            try:
                found = self._broker.read(position, offset, max_records - len(deliveries))
            except OffsetOutOfRangeError:
                if deliveries:
                    break  # Handed over first: their positions have moved.
                raise
            deliveries.extend(_copy(record) for record in found)
            self._positions[position] = offset + len(found)
            if len(deliveries) >= max_records:
                break
        return deliveries

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing from these partitions until resumed."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver from these partitions again."""
        self._paused.difference_update(partitions)

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        """Record the next offset to read; refused for partitions of another member."""
        del wait  # Written at once either way.
        with self._broker.lock:
            if self._broker.down:
                raise TransportError("the broker is down")
            group = self._group
            strange = [p for p in offsets if group.owners.get(p) is not self]
            if strange:
                raise TransportError(f"not the owner of {strange}")
            group.committed.update(offsets)

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
            for position in partitions:
                if self._group.owners.get(position) is self:
                    self._group.owners.pop(position)
            self._broker.changed.notify_all()

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for position in partitions:
            self._positions.pop(position, None)
            self._paused.discard(position)


class MemoryTransport:
    """Makes senders and receivers for a ``MemoryBroker``."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def sender(self) -> MemorySender:
        """Return a new sender."""
        return MemorySender(self._broker)

    def receiver(self, group: str, start: Start) -> MemoryReceiver:
        """Return a new member of ``group``."""
        return MemoryReceiver(self._broker, group, start)

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic; see ``Transport.partitions``."""
        del timeout_s
        counts = self._broker.partition_counts()
        missing = [topic for topic in topics if topic not in counts]
        if missing:
            raise TopicMissingError(f"there is no topic {', '.join(missing)}: create it first")
        return {topic: counts[topic] for topic in topics}


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
