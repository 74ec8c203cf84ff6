"""A static member under KIP-848 that starts while the broker still counts on its predecessor."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError

from pat_events import KafkaConfig
from pat_events.errors import HoldError
from pat_events.testing import Api
from pat_events.transports.kafka import KafkaTransport, predecessor
from tests.support.clusters import kafka_config
from tests.support.waiting import poll_until

TOPIC = "pat-emails"


@pytest.fixture
def start(kafka, make_cluster, monkeypatch):
    monkeypatch.setattr(predecessor, "_JOIN_AGAIN_S", 0.05)
    config = KafkaConfig(
        bootstrap_servers=kafka.bootstrap_servers,
        group_protocol="consumer",
        client_properties={"group.instance.id": "a"},
    )

    def start(refusals):
        errors = [KafkaError.UNRELEASED_INSTANCE_ID] * refusals
        kafka.faults.push_request_errors(Api.CONSUMER_GROUP_HEARTBEAT, *errors)
        return make_cluster(KafkaTransport(config)).member(TOPIC, "group")

    return start


def test_it_waits_for_the_end_of_the_session_and_says_so_once(start, caplog):
    with caplog.at_level(logging.WARNING, "pat_events.kafka"):
        member = start(refusals=3)
        poll_until(lambda: member.owned, member)
    told = [r.getMessage() for r in caplog.records if r.name == "pat_events.kafka"]
    assert len(told) == 1
    assert "group.instance.id 'a': waiting up to 75 s" in told[0]


def test_it_does_not_wait_longer_than_a_session_may_last(start, monkeypatch):
    monkeypatch.setattr(predecessor, "_RELEASED_S", 0.3)
    member = start(refusals=1000)
    with pytest.raises(HoldError, match="instance ID is still used"):
        poll_until(lambda: False, member)


def test_it_can_be_closed_while_it_waits(start):
    member = start(refusals=1000)
    poll_until(lambda: member.receiver._predecessor.is_awaited, member)
    member.close()


@pytest.mark.kafka
def test_it_joins_when_its_predecessor_has_left(
    kafka_broker, create_topic, topic_name, make_cluster, monkeypatch
):
    monkeypatch.setattr(predecessor, "_JOIN_AGAIN_S", 0.05)
    create_topic(topic_name)
    servers = kafka_broker.bootstrap_servers
    config = kafka_config(servers, "consumer", **{"group.instance.id": "a"})
    first = make_cluster(KafkaTransport(config)).member(topic_name, topic_name)
    poll_until(lambda: first.owned, first)
    second = make_cluster(KafkaTransport(config)).member(topic_name, topic_name)
    poll_until(lambda: second.receiver._predecessor.is_awaited, first, second)
    first.close()
    poll_until(lambda: second.owned, second)
