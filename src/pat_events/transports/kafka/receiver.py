"""The receiving side: one librdkafka consumer, owned by one thread."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pat_events.errors import PatEventsError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.assignment import Assignment, topic_partitions
from pat_events.transports.kafka.certificates import Certificates
from pat_events.transports.kafka.commits import Commits, commit
from pat_events.transports.kafka.errors import kafka_errors, translate
from pat_events.transports.kafka.leaving import close_unanswered, give_back, unanswered
from pat_events.transports.kafka.logs import client_log
from pat_events.transports.kafka.messages import delivery_of
from pat_events.transports.kafka.paused_ends import PausedEnds
from pat_events.transports.kafka.positions import Positions, another_topic_error, log_ends
from pat_events.transports.kafka.predecessor import Predecessor
from pat_events.transports.kafka.read_errors import ReadErrors
from pat_events.transports.kafka.rebalancing import Rebalancing
from pat_events.transports.kafka.renewal import Renewal
from pat_events.transports.kafka.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    from confluent_kafka import KafkaError

    from pat_events.core import record
    from pat_events.core.record import Delivery
    from pat_events.transports import log
    from pat_events.transports.kafka.config import KafkaConfig

    _OnRebalance: TypeAlias = Callable[[Consumer, list[TopicPartition]], None]

_log = logging.getLogger("pat_events.kafka")


class KafkaReceiver:
    """A group member; see ``Receiver``."""

    def __init__(self, config: KafkaConfig, group: str, start: log.Start) -> None:
        self._bootstrap_servers = config.bootstrap_servers
        self._group = group
        # Under KIP-848 a topic that is another one is assigned again; classic groups do not notice.
        self._checks_topic_ids = config.group_protocol == "classic"
        self._topics = Topics(config)
        instance_id = config.client_properties.get("group.instance.id")
        self._instance_id = None if instance_id is None else str(instance_id)
        self._predecessor = Predecessor(group, self._instance_id)
        self._assignment = assignment = Assignment()
        self._errors = ReadErrors(group, config.bootstrap_servers, assignment, self._predecessor)
        strategy = config.client_properties.get(properties.STRATEGY, properties.COOPERATIVE)
        self._positions = Positions(group, start, self._topics)
        self._rebalancing = Rebalancing(
            assignment,
            self._positions,
            self._errors,
            eager=strategy != properties.COOPERATIVE,
        )
        self._paused_ends = PausedEnds(self._topics)
        self._commits = Commits()
        # Why the last commit cannot be waited for.
        self._unanswered: PatEventsError | None = None
        self._config = config
        self._renewal = Renewal(config)
        self._certificates = Certificates(config, lambda: self._subscribed)
        # Tells clients apart that came one after the other.
        self._epoch = 0
        self._client = self._new_client()

    def _new_client(self) -> Consumer:
        with properties.making_client(self._config, f"starting a member of group {self._group!r}"):
            config = replace(self._config)  # Made again it reads its file.
            return Consumer(
                {
                    **properties.consumer(config, self._group, self._on_error),
                    "on_commit": self._commits.answered,
                    # Told once each time: a position may lie past the last record; see ends().
                    "enable.partition.eof": True,
                }
            )

    def subscribe(
        self,
        topics: Sequence[str],
        listener: log.RebalanceListener,
        own: Collection[str] = (),
    ) -> None:
        """Join the group."""
        self._subscribed = [*topics, *own]
        self._positions.own = self._errors.own = frozenset(own)
        self._rebalancing.listener = listener
        self._join()

    def _join(self) -> None:
        self._client.subscribe(
            self._subscribed,
            on_assign=self._of_this_client(self._rebalancing.on_assign),
            on_revoke=self._of_this_client(self._rebalancing.on_revoke),
            on_lost=self._of_this_client(self._rebalancing.on_lost),
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
        if self._errors.is_over:
            self._errors.raise_failed()
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
                self._errors.fail(
                    translate(error.args[0], f"reading from {self._bootstrap_servers}")
                )
        if self._assignment.first_positions:
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
                self._errors.note(message)
        # What can wait does so while records come: it is in the log, and costs the engine a pause.
        if not deliveries:
            self._errors.remind()
            self._errors.raise_failed()
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
        self._rebalancing.lose_all()
        self._rebalancing.is_leaving, self._unanswered = False, None
        self._topics.sign_in_again()
        self._join()
        _log.warning("joining group %s again: TLS was renewed", self._group)

    def pause(self, partitions: Sequence[record.TopicPartition]) -> None:
        """Deliver nothing from these partitions until resumed."""
        with kafka_errors("pausing"):
            self._client.pause(topic_partitions(partitions))
        self._assignment.paused.update(partitions)

    def resume(self, partitions: Sequence[record.TopicPartition]) -> None:
        """Deliver from these partitions again."""
        with kafka_errors("resuming"):
            self._client.resume(topic_partitions(partitions))
        self._assignment.paused.difference_update(partitions)

    def ends(self) -> Mapping[record.TopicPartition, int]:
        """Return the ends that were reached; see ``Receiver.ends``."""
        return self._assignment.ends

    def has_joined(self) -> bool:
        """Tell whether the group's coordinator has named this member."""
        return bool(self._client.memberid())

    def log_ends(self) -> Mapping[record.TopicPartition, int]:
        """Return where the partitions end; see ``Receiver.log_ends``."""
        ends = log_ends(self._client, self._assignment.marks)
        for pair, end in self._paused_ends.look(self._assignment.paused).items():
            ends[pair] = max(end, ends.get(pair, end))
        return ends

    def commit(self, offsets: Mapping[record.TopicPartition, int], *, wait: bool) -> None:
        """Record the next offset to read per partition."""
        if wait and self._unanswered is not None:
            raise self._unanswered
        if positions := self._assignment.to_commit(offsets):
            if wait:
                commit(self._client, positions)
            else:
                self._commits.ask(self._client, positions)

    def commit_answers(self) -> Sequence[log.CommitAnswer]:
        """Return what came of commits; see ``Receiver.commit_answers``."""
        return self._commits.answers()

    def close(self) -> None:
        """Leave the group."""
        if self._rebalancing.is_leaving:
            return
        self._errors.forget()
        self._leave()
        self._errors.raise_failed()

    def _leave(self) -> None:
        self._rebalancing.is_leaving = True
        with kafka_errors("leaving the group"):
            try:
                gone = unanswered(self._client, topic_partitions(self._assignment.marks))
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
        self._rebalancing.revoke_all()
        close_unanswered(self._client)

    def _commit_first_positions(self) -> None:
        # Without this a group that began at "latest" and stopped before its
        # first event would begin at a later "latest", and miss what came between.
        if positions := self._assignment.take_first_positions():
            try:
                self.commit(positions, wait=True)
            except PatEventsError as error:
                _log.warning("could not save the group's first position yet: %s", error)
                self._assignment.first_positions = positions

    def _refuse_another_topic(self) -> None:
        if not self._checks_topic_ids:
            return
        for topic in self._topics.recreated():
            pairs = self._assignment.of_topic(topic)
            self._assignment.out_of_range.update(pairs)
            if pairs:
                self._errors.fail(another_topic_error(self._group, TopicPartition(*pairs[0])))

    def _on_error(self, error: KafkaError) -> None:
        self._renewal.note(error)
        client_log.warning("%s: %s (%s)", self._bootstrap_servers, error.str(), error.name())
