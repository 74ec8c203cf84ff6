"""What a client does whose files of TLS were renewed, at a broker that lets everybody in."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import TopicPartition

from pat_events.errors import TransportError
from pat_events.testing import EmbeddedBroker
from pat_events.transports.kafka import KafkaTransport, certificates, leaving
from tests.support.clusters import kafka_config
from tests.support.waiting import poll_until, until

TOPIC = "pat-emails"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(certificates, "LOOK_S", 0.02)
    monkeypatch.setattr(leaving, "_COORDINATOR_ANSWER_S", 0.2)
    monkeypatch.setattr(leaving, "_GIVE_BACK_S", 0.2)
    monkeypatch.setattr(leaving, "_SILENT_CLOSE_S", 0.2)


@pytest.fixture
def broker():
    with EmbeddedBroker(brokers=2) as broker:
        broker.create_topic(TOPIC, 1)
        yield broker


@pytest.fixture
def authorities(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("before")
    return file


@pytest.fixture
def cluster(broker, authorities, make_cluster):
    def cluster(protocol="consumer", **properties):
        properties["ssl.ca.location"] = str(authorities)
        config = kafka_config(broker.bootstrap_servers, protocol, **properties)
        return make_cluster(KafkaTransport(config))

    return cluster


def what_was_told(member):
    return [what for what, who, _ in member.log if who is member]


def test_what_is_on_its_way_is_not_sent_a_second_time(broker, cluster, authorities, sent, caplog):
    clients = cluster()
    sender = clients.sender()
    records = [sent(TOPIC, b"k", b"0")]
    sender.send(records[0])
    assert sender.flush(10) == []
    broker.faults.set_round_trip(0.1)
    authorities.write_text("after")
    while "replaced the producer (TLS was renewed)" not in caplog.text:
        records.append(sent(TOPIC, b"k", b"%d" % len(records)))
        sender.send(records[-1])
        sender.wait_for_room(0.001)
    assert sender.flush(10) == []
    broker.faults.set_round_trip(0)
    assert {it.error for it in records} == {None}
    member = clients.member(TOPIC)
    poll_until(lambda: len(member.got) >= len(records), member)
    assert [it.value for it in member.got] == [it.value for it in records]
    assert [it.settlements for it in records] == [1] * len(records)


def test_a_client_that_waits_for_nothing_is_replaced_as_well(cluster, authorities, caplog):
    cluster().sender()
    authorities.write_text("after")
    until(lambda: "replaced the producer (TLS was renewed)" in caplog.text)


@pytest.mark.parametrize("properties", [{}, {"group.instance.id": "mine"}])
def test_what_a_client_tells_that_was_replaced_concerns_nobody(cluster, authorities, properties):
    member = cluster(**properties).member(TOPIC)
    poll_until(lambda: member.owned, member)
    receiver = member.receiver
    rebalancing = receiver._rebalancing
    callbacks = rebalancing.on_assign, rebalancing.on_revoke, rebalancing.on_lost
    of_the_first = [receiver._of_this_client(each) for each in callbacks]
    authorities.write_text("after")
    poll_until(lambda: member.assignments == 2, member)
    for callback in of_the_first:
        callback(None, [TopicPartition(TOPIC, 0)])
    assert what_was_told(member) == ["assigned", "revoked", "assigned"]
    assert member.owned == {(TOPIC, 0)}
    member.commit(0)


def test_a_silent_coordinator_does_not_keep_a_member_from_joining_again(
    broker, cluster, authorities
):
    broker.faults.move_leader(TOPIC, 0, 1)
    broker.faults.move_coordinator("group", 2)
    clients = cluster("classic", **{"group.instance.id": "mine"})
    member = clients.member(TOPIC, "group")
    clients.send(TOPIC, 2)
    poll_until(lambda: len(member.got) == 2, member)
    told_by, refused = [], []

    def on_revoke(_):
        told_by.append(threading.current_thread())
        try:
            member.commit(2)
        except TransportError as error:
            refused.append(error)
        broker.faults.move_coordinator("group", 1)

    member.on_revoke = on_revoke
    broker.faults.set_round_trip(30, 2)
    member.commit(1, wait=False)
    authorities.write_text("after")
    poll_until(lambda: len(member.got) == 3, member)
    # The commit that was on its way counts.
    assert member.offsets() == [0, 1, 1]
    assert what_was_told(member) == ["assigned", "revoked", "assigned"]
    # By the thread that polls, once; and what could not be committed comes again.
    assert told_by == [threading.current_thread()]
    assert len(refused) == 1


def test_a_client_that_cannot_be_made_after_all_is_made_later(
    cluster, authorities, monkeypatch, caplog
):
    monkeypatch.setattr(certificates, "_AGAIN_S", 0.05)
    member = cluster().member(TOPIC)
    poll_until(lambda: member.owned, member)
    receiver, make = member.receiver, member.receiver._new_client

    def refuse():
        receiver._new_client = make
        raise TransportError("no more files may be open")

    receiver._new_client = refuse
    authorities.write_text("after")
    poll_until(lambda: "not used yet: no more files may be open" in caplog.text, member)
    assert what_was_told(member) == ["assigned"]
    poll_until(lambda: member.assignments == 2, member)
