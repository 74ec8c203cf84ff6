"""One contract, three clusters: memory, Kafka's classic groups, Kafka's KIP-848 groups."""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from pat_events import Config
from pat_events.transports.kafka import KafkaTransport
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from pat_events.transports.opening import make_sender
from pat_events.transports.sending import Outgoing
from tests.support.clusters import kafka_config
from tests.support.senders import ON_AWS, OnClaimCheck, OnCluster
from tests.support.waiting import DEADLINE_S, poll_until


class Sent(Outgoing):
    """A record that counts how often it was settled."""

    __slots__ = ("settlements",)

    def __init__(self, topic, key, value, headers=(), timestamp_ms=1_700_000_000_000):
        super().__init__(topic, key, value, list(headers), timestamp_ms)
        self.settlements = 0

    def settle(self, error, place):
        self.settlements += 1
        super().settle(error, place)

    @property
    def partition(self):
        return self.place[0]

    @property
    def offset(self):
        return self.place[1]


class Member:
    """A receiver, its assignment and everything it was told."""

    def __init__(self, cluster, group, topic, start, own):
        self.receiver = cluster.transport.receiver(group, start)
        self.log = cluster.log
        self.owned = set()
        self.assignments = 0
        self.got = []
        self.lost_ones = set()
        self.on_revoke = lambda partitions: None
        self.closed = False
        self.receiver.subscribe([topic] if isinstance(topic, str) else topic, self, own)

    def assigned(self, partitions):
        assert not self.owned & set(partitions)
        self.assignments += 1
        self.owned |= set(partitions)
        self.log.extend(("assigned", self, it) for it in partitions)

    def revoked(self, partitions):
        self.on_revoke(partitions)
        self.owned -= set(partitions)
        self.log.extend(("revoked", self, it) for it in partitions)

    def lost(self, partitions):
        self.owned -= set(partitions)
        self.lost_ones |= set(partitions)
        self.log.extend(("lost", self, it) for it in partitions)

    def poll(self, timeout_s=0.02, max_records=100):
        new = self.receiver.poll(max_records, timeout_s)
        assert len(new) <= max_records
        self.got += new
        return new

    def commit(self, offset, partition=0, *, wait=True):
        (topic,) = {topic for topic, _ in self.owned}
        self.receiver.commit({(topic, partition): offset}, wait=wait)

    def offsets(self, partition=0):
        return [it.offset for it in self.got if it.partition == partition]

    def close(self):
        if not self.closed:
            self.closed = True
            self.receiver.close()


class Cluster:
    """A transport under test."""

    def __init__(self, transport, create_topic, delete_records, grow_topic=None):
        self.transport = transport
        self._create_topic = create_topic
        self._grow_topic = grow_topic
        self.delete_records = delete_records
        self.log = []
        self._members = []
        self._senders = []
        self._bulk = None
        # Where what is large goes, if anywhere.
        self.claim_check = None

    def topic(self, partitions=1, name=None):
        name = name or f"contract-{uuid.uuid4().hex[:12]}"
        self._create_topic(name, partitions)
        return name

    def grow(self, topic, partitions):
        self._grow_topic(topic, partitions)
        self._bulk = None  # It would not know of the new ones for minutes.

    def sender(self, observers=()):
        return self._sender_of(self.transport, observers)

    def _sender_of(self, transport, observers, **limits):
        if self.claim_check is not None:
            limits |= {"claim_check_bucket": "payloads", "claim_check_above_bytes": 1_000}
        sender = make_sender(transport, Config(**limits), observers, self.claim_check)
        self._senders.append(sender)
        return sender

    def sender_out_of_reach(self, observers=(), **limits):
        """A sender of the same kind whose broker never answers."""
        if isinstance(self.transport, MemoryTransport):
            broker = MemoryBroker()
            broker.set_down(down=True)
            transport = MemoryTransport(broker)
        else:
            transport = KafkaTransport(kafka_config("127.0.0.1:1"))
        # Closed at the end as the others are: a client left open logs into whatever test is next.
        return self._sender_of(transport, observers, **limits)

    def member(self, topic, group=None, start="earliest", own=()):
        """A member of a group, new when None, that reads one topic or a list of them."""
        member = Member(self, group or f"group-{uuid.uuid4().hex[:12]}", topic, start, own)
        self._members.append(member)
        return member

    def send(self, topic, count=1, key=None, timestamp_ms=1_700_000_000_000, first=0):
        """Send numbered records and wait until the log has them."""
        if self._bulk is None:
            self._bulk = self.sender()
        records = [
            Sent(topic, key, b"%d" % number, (), timestamp_ms)
            for number in range(first, first + count)
        ]
        for record in records:
            self._bulk.send(record)
        assert self._bulk.flush(DEADLINE_S) == []
        assert [it.error for it in records if it.error] == []
        return records

    poll_until = staticmethod(poll_until)

    def close(self):
        # All of them, whatever one says: a consumer left open can hang the interpreter's exit.
        with ExitStack() as ends:
            for sender in self._senders:
                ends.callback(sender.close, 1)
            for member in reversed(self._members):
                ends.callback(member.close)


def kafka_cluster(address, protocol, create_topic):
    admin = AdminClient({"bootstrap.servers": address})

    def delete_records(topic, before):
        futures = admin.delete_records([TopicPartition(topic, 0, before)])
        for future in futures.values():
            future.result(DEADLINE_S)

    def grow(topic, partitions):
        admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(DEADLINE_S)
        deadline = time.monotonic() + DEADLINE_S
        while len(admin.list_topics(topic, DEADLINE_S).topics[topic].partitions) != partitions:
            assert time.monotonic() < deadline

    return Cluster(
        KafkaTransport(kafka_config(address, protocol)),
        # The records are years old, and a broker looks for such half a minute after its start
        # and every five minutes: by default it would delete them in the middle of a test.
        lambda name, partitions: create_topic(name, partitions=partitions, retention_ms="-1"),
        delete_records,
        grow,
    )


@pytest.fixture(
    params=[
        "memory",
        pytest.param("classic", marks=pytest.mark.kafka),
        pytest.param("consumer", marks=pytest.mark.kafka),
    ]
)
def cluster(request):
    if request.param == "memory":
        broker = MemoryBroker()
        cluster = Cluster(
            MemoryTransport(broker),
            broker.create_topic,
            lambda topic, before: broker.delete_records(topic, 0, before),
            broker.create_topic,
        )
    else:
        address = request.getfixturevalue("kafka_broker").bootstrap_servers
        create_topic = request.getfixturevalue("create_topic")
        cluster = kafka_cluster(address, request.param, create_topic)
    yield cluster
    cluster.close()


@pytest.fixture(
    params=[
        "memory",
        "claim check",
        pytest.param("kafka", marks=pytest.mark.kafka),
        pytest.param("claim check on kafka", marks=pytest.mark.kafka),
        *(pytest.param(name, marks=pytest.mark.localstack) for name in ON_AWS),
    ]
)
def target(request):
    """Somewhere to send to."""
    on_cluster = OnClaimCheck if request.param.startswith("claim check") else OnCluster
    if request.param in ("memory", "claim check"):
        broker = MemoryBroker()
        target = on_cluster(Cluster(MemoryTransport(broker), broker.create_topic, None))
    elif request.param in ("kafka", "claim check on kafka"):
        address = request.getfixturevalue("kafka_broker").bootstrap_servers
        create_topic = request.getfixturevalue("create_topic")
        target = on_cluster(kafka_cluster(address, "classic", create_topic))
    else:
        request.getfixturevalue("aws_credentials")
        url = request.getfixturevalue("localstack_url")
        aws = request.getfixturevalue("aws")
        target = ON_AWS[request.param](aws, url)
    yield target
    target.close()


@pytest.fixture
def sent():
    """Makes records that count their settlements."""
    return Sent


@pytest.fixture
def make_cluster():
    """Makes clusters of a given transport; their members leave at the end."""
    made = []

    def make(transport):
        made.append(Cluster(transport, None, None))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def record():
    """Makes records of topic "t" by name; what is done when one is settled can be added."""

    class Record(Sent):
        __slots__ = ("then",)

        def settle(self, error, place):
            super().settle(error, place)
            self.then(self)

    def record(name, then=lambda it: None):
        made = Record("t", b"k", name.encode())
        made.then = then
        return made

    return record
