"""A batch of records that the client cannot take apart."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import Producer

from pat_events import KafkaConfig
from pat_events.transports.kafka import KafkaTransport, unreadable
from tests.support.waiting import DEADLINE_S, poll_until

TOPIC = "pat-emails"


def produce(address, partition, *values):
    producer = Producer(
        {
            "bootstrap.servers": address,
            "compression.type": "zstd",
            "message.max.bytes": 100_000_000,
            "linger.ms": 50,
        }
    )
    for value in values:
        producer.produce(TOPIC, value, partition=partition)
    assert producer.flush(DEADLINE_S) == 0


@pytest.fixture
def join(kafka, make_cluster):
    def join(largest):
        config = KafkaConfig(
            bootstrap_servers=kafka.bootstrap_servers,
            client_properties={
                "fetch.wait.max.ms": "10",
                "fetch.error.backoff.ms": "10",
                "message.max.bytes": "100000",
                "fetch.max.bytes": "100000",
                "receive.message.max.bytes": largest,
            },
        )
        return make_cluster(KafkaTransport(config)).member(TOPIC, "group")

    return join


def test_it_stops_its_partition_says_what_to_do_and_lets_others_go_on(
    kafka, join, caplog, monkeypatch
):
    member = join(largest="110000")
    produce(kafka.bootstrap_servers, 0, b"before")
    produce(kafka.bootstrap_servers, 0, bytes(1_000_000))
    produce(kafka.bootstrap_servers, 0, b"after")
    with caplog.at_level(logging.WARNING, "pat_events.kafka"):
        poll_until(lambda: member.receiver._errors.unreadable.attempts((TOPIC, 0)) > 3, member)
        produce(kafka.bootstrap_servers, 1, b"elsewhere")
        poll_until(lambda: member.offsets(1), member)
        told = [r for r in caplog.records if r.levelno >= logging.WARNING]
        assert [it.levelname for it in told] == ["ERROR"]
        assert f"{TOPIC}/0 stands still" in told[0].getMessage()
        assert "receive.message.max.bytes" in told[0].getMessage()
        monkeypatch.setattr(unreadable, "WINDOW_S", 0.0)
        poll_until(lambda: len(caplog.records) > len(told), member)
    again = caplog.records[-1].getMessage()
    assert int(again.partition("attempts: ")[2].partition(")")[0]) > 3
    assert member.offsets(0) == [0]


def test_what_is_only_large_is_read_with_the_setting_it_names(kafka, join):
    produce(kafka.bootstrap_servers, 0, b"before")
    produce(kafka.bootstrap_servers, 0, bytes(1_000_000))
    member = join(largest="4000000")
    poll_until(lambda: member.offsets(0) == [0, 1], member)
