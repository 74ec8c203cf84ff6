from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from tools.stack.kafka import broker_ids, new_cluster_id

pytestmark = pytest.mark.kafka


def test_what_is_produced_is_consumed(kafka_broker, topic_name, create_topic):
    create_topic(topic_name)
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap_servers})
    producer.produce(topic_name, value=b"payload", key=b"key", headers={"h": b"1"})
    assert producer.flush(15) == 0

    consumer = Consumer(
        {
            "bootstrap.servers": kafka_broker.bootstrap_servers,
            "group.id": topic_name,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.subscribe([topic_name])
        message = consumer.poll(20)
        assert message is not None
        assert (message.error(), message.key(), message.value(), message.headers()) == (
            None,
            b"key",
            b"payload",
            [("h", b"1")],
        )
    finally:
        consumer.close()


def test_two_of_three_brokers_go_on_and_the_third_comes_back(
    native_kafka_cluster, topic_name, create_topic
):
    cluster = native_kafka_cluster
    create_topic(topic_name, bootstrap_servers=cluster.bootstrap_servers)
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "acks": "all"})
    for change in (cluster.kill, cluster.start):
        change(2)
        producer.produce(topic_name, value=change.__name__.encode())
        assert producer.flush(30) == 0


def test_a_frozen_broker_leaves_the_metadata_and_a_thawed_one_returns(native_kafka_cluster):
    cluster = native_kafka_cluster
    first = cluster.bootstrap_servers.split(",")[0]

    @retry(
        retry=retry_if_result(lambda same: not same),
        stop=stop_after_delay(30),
        wait=wait_fixed(0.2),
    )
    def wait_for(brokers):
        return broker_ids(first) == brokers

    cluster.freeze(3)
    wait_for({1, 2})
    cluster.thaw(3)
    wait_for({1, 2, 3})


def test_a_cluster_id_is_never_taken_for_an_option():
    assert {new_cluster_id()[0] for _ in range(500)}.isdisjoint("-_")
