"""The receiving side: one librdkafka consumer, owned by one thread."""

from __future__ import annotations

import logging
import math
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from pat_events.core.repeats import WINDOW_S
from pat_events.errors import (
    ConfigError,
    HoldError,
    OffsetOutOfRangeError,
    PatEventsError,
    TransportError,
)
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.certificates import Certificates
from pat_events.transports.kafka.errors import is_fatal, kafka_errors, translate
from pat_events.transports.kafka.leaving import close_unanswered, give_back, unanswered
from pat_events.transports.kafka.logs import client_log
from pat_events.transports.kafka.messages import delivery_of
from pat_events.transports.kafka.positions import Positions, another_topic_error
from pat_events.transports.kafka.predecessor import Predecessor
from pat_events.transports.kafka.readiness import retry_until_ready
from pat_events.transports.kafka.renewal import Renewal
from pat_events.transports.kafka.topics import Topics
from pat_events.transports.kafka.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from confluent_kafka import Message

    from pat_events.core.record import Delivery
    from pat_events.transports import log
    from pat_events.transports.kafka.config import KafkaConfig

    _OnRebalance: TypeAlias = Callable[[Consumer, list[TopicPartition]], None]

_log = logging.getLogger("pat_events.kafka")

# How to be in one group with members that share partitions out in another way.
_OTHER_STRATEGY: Final = (
    "group {group} cannot be joined: its other members share partitions out in another way than "
    "this one's 'cooperative-sticky'. Set group_protocol to 'consumer' (Kafka 4 has both in one "
    "group), or let the others use 'cooperative-sticky'; while they are being replaced, the client "
    "property 'partition.assignment.strategy' can be theirs, such as 'range' or 'roundrobin'"
)
# A commit that a rebalance overtook: expected, and the next owner reads again.
_OVERTAKEN: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
        KafkaError._NO_OFFSET,  # noqa: SLF001
    }
)


class KafkaReceiver:
    """A group member; see ``Receiver``."""

    def __init__(self, config: KafkaConfig, group: str, start: log.Start) -> None:
        self._bootstrap_servers = config.bootstrap_servers
        self._group = group
        # Under KIP-848 a topic that is another one is assigned again; classic groups do not notice.
        self._checks_topic_ids = config.group_protocol == "classic"
        self._topics = Topics(config)
        self._positions = Positions(group, start, self._topics)
        instance_id = config.client_properties.get("group.instance.id")
        self._instance_id = None if instance_id is None else str(instance_id)
        self._predecessor = Predecessor(group, self._instance_id)
        strategy = config.client_properties.get(properties.STRATEGY, properties.COOPERATIVE)
        # All is taken from everybody and shared out again, instead of what moves alone.
        self._eager = strategy != properties.COOPERATIVE
        self._failed: PatEventsError | None = None
        self._closing = False
        self._unanswered: PatEventsError | None = None
        self._first_positions: list[TopicPartition] = []
        # With what is committed beside each position; see Mark.
        self._assigned: dict[log.TopicPartition, str] = {}
        # Their positions mean nothing in the log there is.
        self._out_of_range: set[log.TopicPartition] = set()
        self._ends: dict[log.TopicPartition, int] = {}
        self._paused: set[log.TopicPartition] = set()
        # Why this member is not let into the group.
        self._refused: PatEventsError | None = None
        self._remind_at = -math.inf
        self._unreadable = Unreadable()
        self._config = config
        self._renewal = Renewal(config)
        self._certificates = Certificates(config)
        # Tells clients apart that came one after the other.
        self._epoch = 0
        self._client = self._new_client()

    def _new_client(self) -> Consumer:
        with kafka_errors(f"starting a member of group {self._group!r}"):
            config = replace(self._config)  # Made again it reads its file.
            return Consumer(
                {
                    **properties.consumer(config, self._group, self._on_error),
                    "on_commit": self._on_commit,
                    # Told once each time: a position may lie past the last record; see ends().
                    "enable.partition.eof": True,
                }
            )

    def subscribe(self, topics: Sequence[str], listener: log.RebalanceListener) -> None:
        """Join the group."""
        self._subscribed = list(topics)
        self._listener = listener
        self._join()

    def _join(self) -> None:
        self._client.subscribe(
            self._subscribed,
            on_assign=self._of_this_client(self._on_assign),
            on_revoke=self._of_this_client(self._on_revoke),
            on_lost=self._of_this_client(self._on_lost),
        )

    def _of_this_client(self, callback: _OnRebalance) -> _OnRebalance:
        """Return a callback that does nothing once another client is in place of this one.

        An old one ends in a thread of its own, and its partitions are the new one's by then.
        """
        epoch = self._epoch

        def call(client: Consumer, partitions: list[TopicPartition]) -> None:
            if epoch == self._epoch:
                callback(client, partitions)

        return call

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """Return what is there; see ``Receiver.poll``."""
        if isinstance(self._failed, HoldError):
            self._raise_failure()
        if not self._has_client(timeout_s):
            return []
        # consume(n, t) waits until n have arrived or t is over; asking for
        # one first and then for what is there already is what keeps latency low.
        with kafka_errors(f"reading from {self._bootstrap_servers}"):
            messages = self._client.consume(1, timeout_s)
        if messages and max_records > 1:
            try:
                messages += self._client.consume(max_records - 1, 0)
            except KafkaException as error:
                # Raised by the next poll: the first message must be handed over.
                self._fail(translate(error.args[0], f"reading from {self._bootstrap_servers}"))
        if self._first_positions:
            self._commit_first_positions()
        self._refuse_another_topic()
        deliveries = []
        # Each is dropped when it has been read: its headers, a tuple each, would be the larger part
        # of what the garbage collector has to look at.
        messages.reverse()
        while messages:
            message = messages.pop()
            if message.error() is None:
                deliveries.append(delivery_of(message))
            else:
                self._on_message_error(message)
        # What can wait does so while records come: it is in the log, and costs the engine a pause.
        if not deliveries:
            self._remind()
            self._raise_failure()
        return deliveries

    def _has_client(self, timeout_s: float) -> bool:
        """Do what a client needs outside its callbacks; tells whether there is one to read with."""
        if self._renewal.is_wanted and self._renewal.look(self._client):
            self._topics.sign_in_again()
        if self._predecessor.is_awaited:
            if not self._predecessor.wait(timeout_s):
                return False
            self._client.close()
            self._client = self._new_client()
            self._join()
        elif self._certificates.renewed():
            self._join_again()
        return True

    def _join_again(self) -> None:
        """Leave the group, in order where its coordinator still answers, and join it again."""
        try:
            client = self._new_client()
        except PatEventsError as error:
            self._certificates.put_off(error)
            return
        try:
            self._leave()
        except PatEventsError as error:
            _log.warning("%s", error)
        # From here on nothing of the old client is heard any more, and it may take its time to end.
        self._client = client
        self._epoch += 1
        if left := list(self._assigned):
            with self._callback():
                self._listener.lost(left)
        for kept in (self._assigned, self._first_positions, self._out_of_range, self._ends):
            kept.clear()
        self._paused.clear()
        self._unreadable = Unreadable()
        self._closing, self._unanswered = False, None
        self._topics.sign_in_again()
        self._join()
        _log.warning("joining group %s again: TLS was renewed", self._group)

    def _fail(self, failure: PatEventsError) -> None:
        """Have ``poll`` raise this, unless something worse is to be raised already."""
        if not isinstance(self._failed, HoldError):
            self._failed = failure

    def _raise_failure(self) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def pause(self, partitions: Sequence[log.TopicPartition]) -> None:
        """Deliver nothing from these partitions until resumed."""
        with kafka_errors("pausing"):
            self._client.pause(_topic_partitions(partitions))
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[log.TopicPartition]) -> None:
        """Deliver from these partitions again."""
        with kafka_errors("resuming"):
            self._client.resume(_topic_partitions(partitions))
        self._paused.difference_update(partitions)

    def ends(self) -> Mapping[log.TopicPartition, int]:
        """Return the ends that were reached; see ``Receiver.ends``."""
        return self._ends

    def commit(self, offsets: Mapping[log.TopicPartition, int], *, wait: bool) -> None:
        """Record the next offset to read per partition."""
        if wait and self._unanswered is not None:
            raise self._unanswered
        not_ours = [pair for pair in offsets if pair not in self._assigned]
        if not_ours:
            # The broker takes any member's word: it would move another member's position.
            raise TransportError(f"not committed: {not_ours} belong to another member")
        positions = [
            TopicPartition(*pair, offset, self._assigned[pair])
            for pair, offset in offsets.items()
            if pair not in self._out_of_range
        ]
        if not positions:
            return
        # A first position that could not be saved must not be saved over a later one.
        self._first_positions = [
            p for p in self._first_positions if (p.topic, p.partition) not in offsets
        ]
        with kafka_errors("committing"):
            if wait:
                for position in self._client.commit(offsets=positions, asynchronous=False) or ():
                    if position.error is not None:
                        where = f"{position.topic}/{position.partition}"
                        raise translate(position.error, f"committing {where}")
            else:
                self._client.commit(offsets=positions, asynchronous=True)

    def close(self) -> None:
        """Leave the group."""
        if self._closing:
            return
        self._failed = None
        self._leave()
        self._raise_failure()

    def _leave(self) -> None:
        self._closing = True
        with kafka_errors("leaving the group"):
            try:
                gone = unanswered(self._client, _topic_partitions(self._assigned))
                if gone is not None:
                    self._unanswered = translate(gone, f"committing at {self._bootstrap_servers}")
                give_back(self._client, is_static=self._instance_id is not None)
            finally:
                self._end_client()

    def _end_client(self) -> None:
        if self._unanswered is None:
            self._client.close()
            return
        # A static member's are left, and must not be given up by the other thread.
        with self._callback():
            if left := list(self._assigned):
                self._listener.revoked(left)
        self._assigned.clear()
        close_unanswered(self._client)

    @contextmanager
    def _callback(self) -> Iterator[None]:
        """Have ``poll`` raise what a rebalance callback raises.

        Out of the callback it would go through the client's C code, which makes something of it
        that no ``except`` catches.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may go on reading
            failure = HoldError(f"a rebalance failed: {error!r}; start this member again")
            failure.__cause__ = error
            self._fail(failure)

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        with self._callback():
            if self._closing:
                # They are revoked at once, and a client that ends answers no question.
                self._take(partitions)
                self._client.pause(partitions)
                return
            self._assign(partitions)

    def _take(self, partitions: list[TopicPartition]) -> None:
        if self._eager:
            self._client.assign(partitions)
        else:
            self._client.incremental_assign(partitions)

    def _assign(self, partitions: list[TopicPartition]) -> None:
        try:
            with kafka_errors("finding where to begin"):
                found = retry_until_ready(self._positions.find, self._client, partitions)
        except PatEventsError as error:
            # Not a TransportError, after which reading goes on: these partitions are ours
            # and nobody would read them.
            held = error if isinstance(error, HoldError) else None
            self._fail(held or HoldError(f"{error}; start this member again"))
            for partition in partitions:
                partition.offset = OFFSET_END
            self._take(partitions)
            self._client.pause(partitions)
            return
        self._take([position.where for position in found])
        self._predecessor.has_gone()
        self._refused = None
        self._assigned.update((_pair(position.where), position.mark) for position in found)
        self._first_positions.extend(position.where for position in found if position.is_first)
        self._listener.assigned(_pairs(partitions))

    def _commit_first_positions(self) -> None:
        # Without this a group that began at "latest" and stopped before its
        # first event would begin at a later "latest", and miss what came between.
        positions, self._first_positions = self._first_positions, []
        ours = [p for p in positions if (p.topic, p.partition) in self._assigned]
        if ours:
            try:
                self.commit({(p.topic, p.partition): p.offset for p in ours}, wait=True)
            except PatEventsError as error:
                _log.warning("could not save the group's first position yet: %s", error)
                self._first_positions = ours

    def _refuse_another_topic(self) -> None:
        if not self._checks_topic_ids:
            return
        for topic in self._topics.recreated():
            pairs = [pair for pair in self._assigned if pair[0] == topic]
            self._out_of_range.update(pairs)
            if pairs:
                self._fail(another_topic_error(self._group, TopicPartition(*pairs[0])))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        with self._callback():
            if ours := [pair for pair in _pairs(partitions) if pair in self._assigned]:
                self._listener.revoked(ours)
        self._drop(partitions)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        with self._callback():
            self._listener.lost(_pairs(partitions))
        self._drop(partitions)

    def _drop(self, partitions: list[TopicPartition]) -> None:
        pairs = _pairs(partitions)
        for pair in pairs:
            self._assigned.pop(pair, None)
            self._ends.pop(pair, None)
            self._unreadable.forget(pair)
        self._out_of_range.difference_update(pairs)
        with self._callback():
            # The client would remember the pause, and read nothing when they are ours again. Before
            # they go, and the paused ones alone: resuming another throws away what was fetched.
            if paused := [pair for pair in pairs if pair in self._paused]:
                self.resume(paused)
            if self._eager:
                self._client.unassign()
            else:
                self._client.incremental_unassign(partitions)

    def _on_message_error(self, message: Message) -> None:
        error: KafkaError = message.error()  # type: ignore[assignment]
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            if (pair := _place(message)) in self._assigned:
                self._ends[pair] = message.offset()  # type: ignore[assignment]
            return
        if is_fatal(error):
            if not self._assigned and self._predecessor.is_there(error):
                return
            # Not a TransportError, after which reading goes on: this client never reads again.
            self._fail(
                HoldError(
                    f"this member cannot go on at {self._bootstrap_servers}: {error.str()} "
                    f"({error.name()}); start it again"
                )
            )
            return
        if error.code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL:
            self._fail(ConfigError(_OTHER_STRATEGY.format(group=self._group)))
            return
        if self._unreadable.note(error, _place(message), message.offset()):
            return
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            # Told once, and tried again without a word until the right is there.
            self._refused = translate(error, f"joining group {self._group}")
            return
        where = f"{message.topic()}/{message.partition()}"
        failure = translate(error, f"reading {where} from {self._bootstrap_servers}")
        if isinstance(failure, OffsetOutOfRangeError):
            self._out_of_range.add(_place(message))
            failure = OffsetOutOfRangeError(
                f"the group's position in {where} is no longer in the log, so events were lost to "
                "it or the topic was created again; decide where to go on with "
                "'pat-events groups reset' and start again"
            )
        self._fail(failure)
        _log.warning("%s", failure)

    def _remind(self) -> None:
        """Say now and then why this member is not let into its group."""
        if self._refused is not None and (now := time.monotonic()) >= self._remind_at:
            self._remind_at = now + WINDOW_S
            _log.error("%s; nothing is read until then", self._refused)

    def _on_error(self, error: KafkaError) -> None:
        self._renewal.note(error)
        client_log.warning("%s: %s (%s)", self._bootstrap_servers, error.str(), error.name())

    def _on_commit(self, error: KafkaError | None, positions: list[TopicPartition]) -> None:
        # The client names an error of the whole only where no partition was committed.
        error = error or next((p.error for p in positions if p.error is not None), None)
        if error is None:
            return
        if error.code() in _OVERTAKEN:
            _log.info("a rebalance overtook a commit: %s", error.name())
        else:
            _log.warning("a commit failed, a later one repeats it: %s", error.str())


def _topic_partitions(partitions: Iterable[log.TopicPartition]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for topic, partition in partitions]


def _place(message: Message) -> log.TopicPartition:
    return message.topic(), message.partition()  # type: ignore[return-value]


def _pair(partition: TopicPartition) -> log.TopicPartition:
    return partition.topic, partition.partition


def _pairs(partitions: Iterable[TopicPartition]) -> list[log.TopicPartition]:
    return [_pair(partition) for partition in partitions]
