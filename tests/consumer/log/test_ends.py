"""Positions where the log ends with something that is never delivered."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer as PlainProducer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from pat_events import Config, ConsumerGroup, Handlers, KafkaConfig, KafkaTransport
from pat_events.catalog.load import load_catalog
from pat_events.errors import HoldError
from pat_events.events import EmailReceived
from pat_events.ops.cluster import Cluster
from pat_events.ops.lag import lag
from pat_events.transports.kafka.admin import KafkaAdmin
from tests.support.catalogs import CATALOG
from tests.support.waiting import DEADLINE_S, until

TOPIC = "pat-emails"


def handlers_of(handler):
    handlers = Handlers()
    handlers.add(EmailReceived, handler)
    return handlers


def test_what_is_in_flight_is_not_passed_by_an_end_that_was_reached(stage, monkeypatch):
    holds = [True]

    def handle(event, ctx):
        if holds and event.email_id == "b":
            raise HoldError("not now")

    member = stage.member(handlers_of(handle))
    monkeypatch.setattr(member.receiver, "ends", lambda: {(TOPIC, 0): 5, (TOPIC, 1): 9})
    stage.publish("a", "b", "c")
    member.turn()
    member.turn(1)
    assert stage.committed == 1
    holds.clear()
    member.run_until(lambda: stage.committed == 5)


def test_partitions_that_are_given_back_are_committed_up_to_their_end(stage, monkeypatch):
    member = stage.member(handlers_of(lambda event, ctx: None))
    monkeypatch.setattr(member.receiver, "ends", lambda: {(TOPIC, 0): 2})
    stage.publish("a")
    member.turn()
    member.engine.close()
    assert stage.committed == 2


@pytest.mark.kafka
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_is_through_although_the_log_ends_with_the_mark_of_a_transaction(
    kafka_broker, create_topic, topic_name, tmp_path, protocol
):
    servers = kafka_broker.bootstrap_servers
    create_topic(topic_name)
    create_topic(f"{topic_name}.g.dlq")
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG.format(topic=topic_name))
    kafka = KafkaConfig(bootstrap_servers=servers, group_protocol=protocol)
    send_in_a_transaction(servers, topic_name, 10)
    handled = []
    handlers = handlers_of(lambda event, ctx: handled.append(event))
    settings = {
        "config": Config(catalog=path),
        "transport": KafkaTransport(kafka),
        "commit_interval_s": 0.05,
    }
    with ConsumerGroup("g", handlers, **settings):
        until(lambda: committed(kafka, topic_name) == 11)
    assert len(handled) == 10
    rows = [
        row
        for row in lag(Cluster(kafka), load_catalog(path), ["g"])["g"]
        if row.topic == topic_name
    ]
    assert [(row.end, row.lag) for row in rows] == [(11, 0)]
    empty(servers, topic_name, 11)
    with ConsumerGroup("g", handlers, **settings):
        send_in_a_transaction(servers, topic_name, 1)
        until(lambda: committed(kafka, topic_name) == 13)
    assert len(handled) == 11


def send_in_a_transaction(servers, topic, count):
    producer = PlainProducer({"bootstrap.servers": servers, "transactional.id": topic})
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    for _ in range(count):
        event = EmailReceived(email_id="e")
        headers = {"ce_type": "pat.events.v1.EmailReceived", "ce_id": "i"}
        producer.produce(topic, event.SerializeToString(), "e", headers=headers)
    producer.commit_transaction(DEADLINE_S)


def empty(servers, topic, end):
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.delete_records([TopicPartition(topic, 0, end)]).values():
        future.result(DEADLINE_S)


def committed(kafka, topic):
    return KafkaAdmin(kafka).committed("g", [(topic, 0)]).get((topic, 0))
