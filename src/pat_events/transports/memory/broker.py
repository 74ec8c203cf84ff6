"""The log and the groups that read it."""

from __future__ import annotations

import threading
import weakref
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pat_events.core.record import Delivery
from pat_events.errors import OffsetOutOfRangeError, TopicMissingError
from pat_events.system.clock import CLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.core.clock import Clock
    from pat_events.core.record import TopicPartition
    from pat_events.transports.log import Start
    from pat_events.transports.memory.sender import MemorySender
    from pat_events.transports.sending import Outgoing


@dataclass(slots=True)
class _Partition:
    # Offset of the first record still kept; earlier ones were deleted.
    first: int = 0
    records: list[Delivery] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.first + len(self.records)


class Member(Protocol):
    """What a group looks at in each of its members."""

    #: What it subscribed to.
    topics: tuple[str, ...]
    #: When it polled last, in seconds of the broker's clock.
    last_poll: float


@dataclass(slots=True, eq=False)
class Group:
    """A consumer group: its members, who owns which partition, and what is committed."""

    members: dict[Member, None] = field(default_factory=dict)
    owners: dict[TopicPartition, Member] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    #: How many partitions each topic had when the group began with it.
    partitions_at_start: dict[str, int] = field(default_factory=dict)

    def target(self, topics: Mapping[str, int]) -> dict[TopicPartition, Member]:
        """Return who should own what: an even share, moving as little as possible."""
        wanted: dict[TopicPartition, list[Member]] = {}
        for member in self.members:
            for topic in member.topics:
                for partition in range(topics.get(topic, 0)):
                    wanted.setdefault((topic, partition), []).append(member)
        load = dict.fromkeys(self.members, 0)
        share = -(-len(wanted) // max(1, len(self.members)))
        target: dict[TopicPartition, Member] = {}
        for pair, candidates in sorted(wanted.items()):
            owner = self.owners.get(pair)
            if owner in candidates and load[owner] < share:
                target[pair] = owner
                load[owner] += 1
        for pair, candidates in sorted(wanted.items()):
            if pair not in target:
                emptiest = min(candidates, key=load.__getitem__)
                target[pair] = emptiest
                load[emptiest] += 1
        return target


class MemoryBroker:
    """The log and the groups; share one between the transports that should meet.

    Args:
        clock: For sessions that expire, and for waiting.
        session_timeout_s: A member that has not polled for this long loses its
            partitions, in seconds.
    """

    def __init__(self, *, clock: Clock = CLOCK, session_timeout_s: float = 45.0) -> None:
        self.clock = clock
        self.session_timeout_s = session_timeout_s
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        #: Told when the broker is back, in this order: what waits in them is written then.
        self.senders: weakref.WeakKeyDictionary[MemorySender, None] = weakref.WeakKeyDictionary()
        self._topics: dict[str, list[_Partition]] = {}
        self._groups: dict[str, Group] = {}
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
                sender.wait_for_room(0)

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

    def group(self, name: str) -> Group:
        """Return the state of a group; called with the lock held."""
        return self._groups.setdefault(name, Group())

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
            headers = outgoing.headers
            pairs = list(headers.items() if isinstance(headers, dict) else headers)
            offset = log[index].end
            log[index].records.append(
                Delivery(
                    outgoing.topic,
                    index,
                    offset,
                    key,
                    outgoing.value,
                    pairs,
                    outgoing.timestamp_ms,
                )
            )
            self.changed.notify_all()
            return index, offset

    def read(self, pair: TopicPartition, offset: int, count: int) -> list[Delivery]:
        """Return at most ``count`` records from an offset on."""
        log = self._log(pair[0])[pair[1]]
        if not log.first <= offset <= log.end:
            raise OffsetOutOfRangeError(
                f"{pair[0]}/{pair[1]} holds offsets {log.first} to {log.end}, not {offset}"
            )
        start = offset - log.first
        return log.records[start : start + count]

    def first(self, pair: TopicPartition) -> int:
        """Return the offset of the first record that is still there, or to come."""
        return self._log(pair[0])[pair[1]].first

    def end(self, pair: TopicPartition) -> int:
        """Return the offset of the next record to come."""
        return self._log(pair[0])[pair[1]].end

    def first_offset(self, group: Group, pair: TopicPartition, start: Start) -> int:
        """Return where a group begins in a partition it never committed.

        One that is new to the group was made since it began: all of it is to be read.
        """
        topic, partition = pair
        log = self._log(topic)[partition]
        if partition >= group.partitions_at_start.setdefault(topic, len(self._log(topic))):
            return log.first
        if isinstance(start, datetime):
            millis = start.timestamp() * 1000
            later = (record.offset for record in log.records if record.timestamp_ms >= millis)
            return next(later, log.end)
        return log.first if start == "earliest" else log.end

    def _log(self, topic: str) -> list[_Partition]:
        if topic not in self._topics:
            raise TopicMissingError(f"there is no topic {topic}: create it first")
        return self._topics[topic]
