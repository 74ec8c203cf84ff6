"""What only a real Kafka can show: its partitioner, other clients, lost memberships."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from pat_events import Config, KafkaConfig
from pat_events import Producer as EventProducer
from pat_events.core.envelope import read_envelope
from pat_events.errors import TransportError
from pat_events.events import EmailReceived
from pat_events.transports.kafka import KafkaTransport
from tests.support.waiting import DEADLINE_S, poll_until

pytestmark = pytest.mark.kafka

# org.apache.kafka.common.utils.Utils.murmur2 of these keys, from Kafka's own UtilsTest.
MURMUR2 = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.fixture
def config(kafka_broker):
    return KafkaConfig(
        bootstrap_servers=kafka_broker.bootstrap_servers,
        client_properties={
            "fetch.wait.max.ms": "10",
            "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "100",
        },
    )


def test_a_key_lands_where_the_java_client_puts_it(config, create_topic, topic_name, sent):
    create_topic(topic_name, partitions=7)
    sender = KafkaTransport(config).sender(Config())
    records = [sent(topic_name, key, b"v") for key in MURMUR2]
    for record in records:
        sender.send(record)
    assert sender.close(DEADLINE_S) == []
    expected = {key: (value & 0x7FFFFFFF) % 7 for key, value in MURMUR2.items()}
    assert {it.key: it.partition for it in records} == expected


def test_a_record_of_a_plain_client_is_read_with_its_envelope(
    config, create_topic, topic_name, member_of
):
    create_topic(topic_name)
    event = EmailReceived(email_id="e-1", subject="from elsewhere")
    plain = Producer({"bootstrap.servers": config.bootstrap_servers})
    plain.produce(
        topic_name,
        key="e-1",
        value=event.SerializeToString(),
        headers={"ce_id": "id-1", "ce_type": "pat.events.v1.EmailReceived", "flag": None},
    )
    assert plain.flush(DEADLINE_S) == 0
    member = member_of(config, topic_name)
    poll_until(lambda: member.got, member)
    (delivery,) = member.got
    assert delivery.key == b"e-1"
    assert EmailReceived.FromString(delivery.value) == event
    envelope = read_envelope(delivery)
    assert (envelope.event_id, envelope.type) == ("id-1", "pat.events.v1.EmailReceived")
    assert delivery.headers[-1] == ("flag", None)


def test_our_record_is_read_by_a_plain_client(config, create_topic):
    create_topic_once(create_topic, "pat-emails")
    with EventProducer(transport=KafkaTransport(config)) as producer:
        event = EmailReceived(email_id=f"e-{uuid.uuid4().hex}")
        position = producer.publish(event).result(DEADLINE_S)
    plain = Consumer({"bootstrap.servers": config.bootstrap_servers, "group.id": "plain"})
    try:
        plain.assign([TopicPartition(position.topic, position.partition, position.offset)])
        message = plain.poll(DEADLINE_S)
    finally:
        plain.close()
    assert message.error() is None
    assert message.key() == event.email_id.encode()
    assert message.value() == event.SerializeToString()
    headers = dict(message.headers())
    assert headers["ce_type"] == b"pat.events.v1.EmailReceived"
    assert headers["ce_id"] == event.metadata.event_id.encode()
    assert headers["content-type"] == b"application/protobuf"


def create_topic_once(create_topic, name):
    try:
        create_topic(name, partitions=3)
    except KafkaException as error:
        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise


def test_a_member_that_stops_polling_loses_its_partition_and_may_not_commit_it(
    config, create_topic, topic_name, member_of
):
    create_topic(topic_name)
    impatient = KafkaConfig(
        bootstrap_servers=config.bootstrap_servers,
        client_properties={
            **config.client_properties,
            "session.timeout.ms": "6000",
            "max.poll.interval.ms": "6000",
        },
    )
    first = member_of(impatient, topic_name, "g")
    poll_until(lambda: first.owned, first)
    second = member_of(config, topic_name, "g")
    poll_until(lambda: second.owned, second)
    with pytest.raises(TransportError):
        first.receiver.commit({(topic_name, 0): 7}, wait=True)
    try:
        poll_until(lambda: first.lost_ones, first)
    except TransportError as told:
        assert "MAX_POLL_EXCEEDED" in str(told)  # noqa: PT017 - one of two ways to learn it
        poll_until(lambda: first.lost_ones, first)
    assert first.lost_ones == {(topic_name, 0)}
    with pytest.raises(TransportError):
        first.receiver.commit({(topic_name, 0): 7}, wait=True)


@pytest.fixture
def static(config):
    properties = {**config.client_properties, "group.instance.id": "a"}
    return replace(config, client_properties=properties)


@pytest.mark.parametrize("kind", ["config", "static"])
def test_a_member_that_closes_amid_a_rebalance_commits_before_it_leaves(
    config, create_topic, topic_name, make_cluster, request, kind
):
    create_topic(topic_name, partitions=2)
    cluster = make_cluster(KafkaTransport(config))
    closing = make_cluster(KafkaTransport(request.getfixturevalue(kind)))
    first = closing.member(topic_name, topic_name)
    cluster.poll_until(lambda: len(first.owned) == 2, first)
    second = cluster.member(topic_name, topic_name)
    # Its second assignment, of nothing, ends the revocation. The third waits in the client
    # to be polled once the other member has what was revoked.
    cluster.poll_until(lambda: first.assignments == 2, first)
    cluster.poll_until(lambda: second.owned, second)
    first.on_revoke = lambda owned: first.receiver.commit(dict.fromkeys(owned, 0), wait=True)
    first.close()
    assert first.owned == set()


def test_a_static_member_that_starts_again_finds_its_partitions_kept(
    config, static, create_topic, topic_name, make_cluster
):
    create_topic(topic_name, partitions=2)
    cluster, statics = make_cluster(KafkaTransport(config)), make_cluster(KafkaTransport(static))
    other = cluster.member(topic_name, topic_name)
    first = statics.member(topic_name, topic_name)
    cluster.poll_until(lambda: len(first.owned) == len(other.owned) == 1, first, other)
    kept, assignments = set(first.owned), other.assignments
    first.close()
    again = statics.member(topic_name, topic_name)
    cluster.poll_until(lambda: again.owned, again, other)
    assert again.owned == kept
    assert other.assignments == assignments


@pytest.fixture
def member_of(make_cluster):
    def member_of(config, topic, group=None):
        group = f"{group}-{topic}" if group else None
        return make_cluster(KafkaTransport(config)).member(topic, group)

    return member_of
