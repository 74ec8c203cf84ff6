"""Our members in a group whose other members give everything back at each rebalance."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer

from pat_events.errors import ConfigError
from pat_events.transports.kafka import KafkaTransport
from tests.support.clusters import kafka_config
from tests.support.waiting import poll_until

pytestmark = pytest.mark.kafka


class Eager:
    """Somebody else's member, as aiokafka's and those of older clients are."""

    def __init__(self, address, topic, strategy="range"):
        self._client = Consumer(
            {
                "bootstrap.servers": address,
                "group.id": f"{topic}-group",
                "partition.assignment.strategy": strategy,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": "6000",
                "heartbeat.interval.ms": "100",
            }
        )
        self._client.subscribe([topic])
        self.got = []

    def poll(self):
        message = self._client.poll(0.02)
        if message is not None:
            assert message.error() is None
            self.got.append((message.partition(), message.offset()))
            self._client.commit(message, asynchronous=False)

    @property
    def owned(self):
        return {(it.topic, it.partition) for it in self._client.assignment()}

    def close(self):
        self._client.close()


@pytest.fixture
def theirs(kafka_broker, create_topic, topic_name):
    create_topic(topic_name, partitions=4, retention_ms="-1")
    member = Eager(kafka_broker.bootstrap_servers, topic_name)
    poll_until(lambda: len(member.owned) == 4, member)
    yield member
    member.close()


@pytest.fixture
def join(kafka_broker, topic_name, make_cluster):
    def join(protocol="classic", **properties):
        config = kafka_config(kafka_broker.bootstrap_servers, protocol, **properties)
        cluster = make_cluster(KafkaTransport(config))
        return cluster, cluster.member(topic_name, f"{topic_name}-group")

    return join


def test_a_group_that_cannot_be_joined_says_why_and_what_to_do(theirs, join, topic_name):
    _, ours = join()
    with pytest.raises(ConfigError, match=f"{topic_name}-group cannot be joined") as raised:
        poll_until(lambda: False, ours, theirs)
    for way in ("group_protocol", "cooperative-sticky", "partition.assignment.strategy"):
        assert way in str(raised.value)
    ours.close()
    assert len(theirs.owned) == 4


def test_with_their_strategy_the_work_is_shared_and_taken_over(theirs, join, topic_name):
    strategy = {"partition.assignment.strategy": "range"}
    cluster, ours = join(**strategy)
    poll_until(lambda: len(ours.owned) == len(theirs.owned) == 2, ours, theirs)
    sent = [r for key in range(40) for r in cluster.send(topic_name, 1, b"%d" % key)]

    def commit(owned):
        ends = {pair: ours.offsets(pair[1])[-1:] for pair in owned}
        offsets = {pair: end[0] + 1 for pair, end in ends.items() if end}
        ours.receiver.commit(offsets, wait=True)

    ours.on_revoke = commit
    poll_until(lambda: len(ours.got) + len(theirs.got) == 40, ours, theirs)
    _, third = join(**strategy)
    poll_until(lambda: ours.owned and third.owned, ours, theirs, third)
    third.close()
    theirs.close()
    poll_until(lambda: len(ours.owned) == 4, ours)
    sent += [r for key in range(40) for r in cluster.send(topic_name, 1, b"%d" % key)]
    poll_until(lambda: len(ours.got) + len(theirs.got) + len(third.got) >= 80, ours)
    got = [(it.partition, it.offset) for it in (*ours.got, *third.got)] + theirs.got
    assert sorted(got) == sorted((it.partition, it.offset) for it in sent)
    ours.close()
    assert ours.owned == set()


def test_under_kip_848_both_are_in_one_group(theirs, join):
    _, ours = join("consumer")
    poll_until(lambda: len(ours.owned) == len(theirs.owned) == 2, ours, theirs)
