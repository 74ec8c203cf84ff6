"""Faults of an embedded broker, and what a client sees of each."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pat_events.testing.librdkafka import MockCluster

_ALL: Final = -1
_NO_LEADER: Final = -1
_NO_ERROR: Final = 0


class Api(IntEnum):
    """Requests that can be answered with an error; the numbers are Kafka's API keys.

    Metadata is not among them: see ``Faults.set_topic_error``.
    """

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28
    CONSUMER_GROUP_HEARTBEAT = 68


class Faults:
    """Breaks an embedded broker, from any thread, at once, until told otherwise.

    Error codes are those of ``confluent_kafka.KafkaError``; broker ids start at 1.
    Every method raises ConfigError for arguments that fit nothing in the cluster
    and ClosedError once the broker is closed.
    """

    def __init__(self, cluster: MockCluster, brokers: int) -> None:
        self._cluster = cluster
        self._brokers = brokers
        self._topics_in_error: set[str] = set()
        self._was_slow = False

    def broker_down(self, broker_id: int | None = None) -> None:
        """Cut every connection to one broker, or to all, and refuse new ones.

        Leaders stay where they are. Producers keep their records and retry until
        ``delivery.timeout.ms``, then report ``_MSG_TIMED_OUT``; consumers return
        nothing. With all brokers down ``error_cb`` gets ``_ALL_BROKERS_DOWN``; nothing is raised.
        """
        self._on_brokers("broker_set_down", broker_id)

    def broker_up(self, broker_id: int | None = None) -> None:
        """Accept connections again, on the same port, at one broker or at all.

        Clients are back after their ``reconnect.backoff.max.ms``, 10 s by default: set
        it to a few hundred milliseconds in tests.
        """
        self._on_brokers("broker_set_up", broker_id)

    def set_round_trip(self, rtt_s: float, broker_id: int | None = None) -> None:
        """Delay every answer of one broker, or of all, by ``rtt_s`` seconds; 0 ends it.

        Clients see slow acknowledgements, fetches and heartbeats; beyond
        ``socket.timeout.ms`` or ``session.timeout.ms`` they see those time-outs.

        After it ends, consumers that are connected already may wait once more for as
        long as it was. ``clear`` spares them that: it cuts their connections.
        """
        if not rtt_s >= 0:
            raise ConfigError(f"rtt_s is {rtt_s}: it must be 0 or more seconds")
        self._was_slow = self._was_slow or rtt_s > 0
        self._on_brokers("broker_set_rtt", broker_id, round(rtt_s * 1000))

    def push_request_errors(self, api: Api, *errors: int) -> None:
        """Answer the next requests of one kind with these errors, one each, in order.

        The broker does nothing of what such a request asks for. Clients retry
        retriable errors by themselves. A permanent one fails the whole produce
        batch, arrives as ``message.error()`` from a fetch, is raised from a commit.
        ``OUT_OF_ORDER_SEQUENCE_NUMBER`` is fatal to an idempotent producer.
        ``KafkaError._TRANSPORT`` is no answer: the connection is closed instead.

        librdkafka takes an error that meets the first fetch at the end of a partition
        for that end, and shows nothing: let the consumer read a record first.
        """
        if not errors:
            raise ConfigError("push_request_errors needs at least one error code")
        self._cluster.call(
            "push_request_errors_array",
            api,
            len(errors),
            (ctypes.c_int * len(errors))(*errors),
            failed=f"errors for {api!r} are refused",
        )

    def clear_request_errors(self, api: Api) -> None:
        """Forget the errors of one kind that no request has met yet."""
        self._cluster.call("clear_request_errors", api, failed=f"errors of {api!r} stay")

    def move_leader(self, topic: str, partition: int, broker_id: int | None) -> None:
        """Make another broker the leader of a partition; None leaves it without one.

        Clients get ``NOT_LEADER_FOR_PARTITION`` from the old leader, ask for metadata
        and go on at the new one; without a leader they wait and ask again. Nothing
        reaches the application but the delay. A topic that does not exist is created.
        """
        # librdkafka does not check this, and writes to memory that is not its own.
        if partition < 0:
            raise ConfigError(f"partition is {partition}: it must be 0 or more")
        self._cluster.call(
            "partition_set_leader",
            topic.encode(),
            partition,
            _NO_LEADER if broker_id is None else self._known(broker_id),
            failed=f"{topic}/{partition} cannot be led by {broker_id}",
        )

    def move_coordinator(self, group: str, broker_id: int) -> None:
        """Make another broker the coordinator of a consumer group.

        Its members get ``NOT_COORDINATOR``, look for the new one and join again.
        """
        self._cluster.call(
            "coordinator_set",
            b"group",
            group.encode(),
            self._known(broker_id),
            failed=f"group {group} cannot be coordinated by {broker_id}",
        )

    def set_topic_error(self, topic: str, error: int) -> None:
        """Report a topic as broken in metadata; ``KafkaError.NO_ERROR`` heals it.

        With ``UNKNOWN_TOPIC_OR_PART`` the topic looks absent, with
        ``TOPIC_AUTHORIZATION_FAILED`` forbidden. Clients notice when they next ask for
        metadata: a new one at once, one that knows the topic after
        ``topic.metadata.refresh.interval.ms`` (5 minutes). Then a consumer returns the
        error as a message and a producer fails its records with it; an absent topic it
        forgives for ``topic.metadata.propagation.max.ms`` (30 s). A topic that does not
        exist is created.
        """
        self._cluster.call(
            "topic_set_error", topic.encode(), error, failed=f"{topic} cannot be given an error"
        )
        if error:
            self._topics_in_error.add(topic)
        else:
            self._topics_in_error.discard(topic)

    def delete_topic(self, topic: str) -> None:
        """Remove a topic with its records and committed offsets; it can be created again.

        A producer that asks for it creates it again, empty, with 4 partitions. A consumer
        reads nothing until it next asks for metadata (see ``set_topic_error``); then it
        returns ``UNKNOWN_TOPIC_OR_PART`` as a message and its partitions are revoked.
        Needs confluent-kafka 2.15.
        """
        self._cluster.call("topic_delete", topic.encode(), failed=f"topic {topic} stays")

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        """Remove the records of a partition below an offset, as retention does.

        A consumer whose position is below it gets ``OFFSET_OUT_OF_RANGE``, and does as its
        ``auto.offset.reset`` says: with ``error`` that is a message with the error
        ``_AUTO_OFFSET_RESET``. Needs confluent-kafka 2.15.
        """
        self._cluster.call(
            "partition_delete_records",
            topic.encode(),
            partition,
            before_offset,
            failed=f"records of {topic}/{partition} before {before_offset} stay",
        )

    def clear(self) -> None:
        """Heal: all brokers up, no delay, no error waiting, no topic in error.

        Leaders and coordinators stay where they are, and what was deleted stays deleted.
        Connections are cut if ``set_round_trip`` was used.
        """
        self.set_round_trip(0)
        if self._was_slow:
            # A connection's timer is never set to an earlier time: once set to the old
            # round trip, it holds every answer that waits, until the connection is closed.
            self.broker_down()
            self._was_slow = False
        self.broker_up()
        for api in Api:
            self.clear_request_errors(api)
        for topic in tuple(self._topics_in_error):
            self.set_topic_error(topic, _NO_ERROR)

    def _on_brokers(self, function: str, broker_id: int | None, *arguments: int) -> None:
        broker = _ALL if broker_id is None else self._known(broker_id)
        self._cluster.call(function, broker, *arguments, failed=f"broker {broker} refuses")

    def _known(self, broker_id: int) -> int:
        if not 1 <= broker_id <= self._brokers:
            raise ConfigError(f"there is no broker {broker_id}: ids are 1 to {self._brokers}")
        return broker_id
