"""What an operator asks of a cluster, while the cluster is busy with itself."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from pat_events import load_catalog
from pat_events.events import EmailReceived
from pat_events.ops.cluster import Cluster
from pat_events.ops.letters.listing import list_topics
from pat_events.testing import Api
from pat_events.transports.kafka import admin, connecting
from pat_events.transports.kafka.admin import KafkaAdmin
from pat_events.transports.kafka.reader import KafkaReader

EVERYWHERE = [("pat-emails", number) for number in range(12)]


@pytest.mark.parametrize(
    "answer", [KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS]
)
def test_positions_are_asked_for_again_while_a_coordinator_moves(kafka, answer):
    admin = KafkaAdmin(kafka.config())
    kafka.faults.push_request_errors(Api.OFFSET_FETCH, answer, answer)
    assert admin.committed("email-processor", EVERYWHERE) == {}


def test_a_cluster_is_connected_to_once_for_whatever_is_asked(kafka, monkeypatch):
    made = []

    def make(settings):
        made.append(AdminClient(settings))
        return made[-1]

    for module in (connecting, admin):
        monkeypatch.setattr(module, "AdminClient", make)
    asked = KafkaAdmin(kafka.config(), ["pat-emails"])
    assert asked.partitions == {"pat-emails": 12}
    asked.require(["pat-events"])
    assert asked.layouts()["pat-emails"].partitions == 12
    assert len(made) == 1
    letters = list_topics(Cluster(kafka.config()), load_catalog())
    assert letters.seen
    assert len(made) == 2


def test_reading_needs_no_right_to_a_group(kafka, producer):
    producer.publish(EmailReceived(email_id="e")).result(15)
    refusals = [KafkaError.GROUP_AUTHORIZATION_FAILED] * 20
    kafka.faults.push_request_errors(Api.FIND_COORDINATOR, *refusals)
    with KafkaReader(kafka.config(), dict.fromkeys(EVERYWHERE, 0)) as reader:
        got = []
        deadline = time.monotonic() + 30
        while not got:
            assert time.monotonic() < deadline
            got += reader.read(10, 0.1)
        for _ in range(10):
            assert reader.read(10, 0.05) == []
