"""Certificates that are renewed on disk while a producer and a group run; on native Kafka."""

from __future__ import annotations

import re
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from pat_events import Config, ConsumerGroup, Handlers, Producer
from pat_events.errors import TransportError
from pat_events.events import EmailReceived
from pat_events.transports.kafka import KafkaTransport, certificates
from pat_events.transports.kafka.admin import KafkaAdmin
from pat_events.transports.sending import Outgoing
from tests.support.catalogs import CATALOG
from tests.support.clusters import kafka_config
from tests.support.waiting import DEADLINE_S, poll_until, until

pytestmark = pytest.mark.kafka

# Time for a producer and a member to begin with a certificate that is about to end, in seconds.
_VALID_S = 8


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(certificates, "LOOK_S", 0.1)
    monkeypatch.setattr(certificates, "_AGAIN_S", 0.2)


@pytest.fixture
def topic(secured_kafka, topic_name, create_topic):
    servers = secured_kafka.bootstrap_servers
    return create_topic(topic_name, bootstrap_servers=servers, retention_ms="-1")


@pytest.fixture
def user(secured_kafka, topic):
    """Makes users who may publish to the topic, and read it in their group."""

    def user():
        name = f"user-{uuid.uuid4().hex[:8]}"
        secured_kafka.permit(name, "topic", topic, "read", "write", "describe")
        secured_kafka.permit(name, "group", topic, "read")
        return name

    return user


@pytest.fixture
def running(secured_kafka, topic, make_cluster):
    """Starts a sender and a member that has read and committed the first record."""

    def running(properties, protocol="classic"):
        config = kafka_config(secured_kafka.certificate_servers, protocol, **properties)
        cluster = make_cluster(KafkaTransport(config))
        sender, member = cluster.sender(), cluster.member(topic, topic)
        publish(sender, topic, b"0")
        poll_until(lambda: member.offsets() == [0], member)
        member.commit(1)
        return sender, member

    return running


class Service:
    """A producer and a group, which sign in with one file."""

    def __init__(self, kafka, config, topic, stack):
        self.handled = []
        self.topic = topic
        handlers = Handlers()

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            self.handled.append(event.email_id)

        self._kafka = kafka
        place = {"config": config, "transport": KafkaTransport(kafka)}
        self._producer = stack.enter_context(Producer(**place))
        self.group = stack.enter_context(ConsumerGroup("group", handlers, **place))

    @property
    def file(self):
        return self._kafka.client_properties["ssl.certificate.location"]

    def publish(self, count):
        ids = [uuid.uuid4().hex for _ in range(count)]
        acks = [self._producer.publish(EmailReceived(email_id=each)) for each in ids]
        for ack in acks:
            ack.result(timeout=DEADLINE_S)
        return ids

    def committed(self):
        pairs = [(self.topic, number) for number in range(4)]
        return sum(KafkaAdmin(self._kafka).committed("group", pairs).values())


@pytest.fixture
def running_service(secured_kafka, topic_name, create_topic, tmp_path):
    servers = secured_kafka.bootstrap_servers
    topic = create_topic(topic_name, partitions=4, bootstrap_servers=servers)
    create_topic(f"{topic}.group.dlq", bootstrap_servers=servers)
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG.format(topic=topic))

    def running_service(protocol):
        properties = secured_kafka.certificate("operator")
        kafka = kafka_config(secured_kafka.certificate_servers, protocol, **properties)
        return Service(kafka, Config(catalog=catalog), topic, stack)

    with ExitStack() as stack:
        yield running_service


def publish(sender, topic, value):
    record = Outgoing(topic, None, value, [], 1_700_000_000_000)
    sender.send(record)
    assert sender.flush(DEADLINE_S) == []
    assert record.error is None


def what_was_told(member):
    return [what for what, who, _ in member.log if who is member]


def now():
    return datetime.now(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_renewed_in_time_a_member_leaves_and_joins_in_order_and_no_event_is_sent_twice(
    secured_kafka, topic, user, running, protocol, caplog
):
    before, after = user(), user()
    properties = secured_kafka.certificate(before)
    sender, member = running(properties, protocol)
    publish(sender, topic, b"1")
    poll_until(lambda: member.offsets() == [0, 1], member)
    member.on_revoke = lambda partitions: member.commit(2)
    secured_kafka.certificate(after, over=properties["ssl.certificate.location"])
    poll_until(lambda: member.assignments == 2, member)
    assert what_was_told(member) == ["assigned", "revoked", "assigned"]
    until(lambda: "replaced the producer (TLS was renewed)" in caplog.text)
    # Whoever still came with the earlier one would go on no more.
    secured_kafka.forbid(before)
    publish(sender, topic, b"2")
    poll_until(lambda: len(member.got) == 3, member)
    assert [it.value for it in member.got] == [b"0", b"1", b"2"]


def test_renewed_too_late_no_event_is_lost_and_none_is_committed_unread(
    secured_kafka, topic, user, running, caplog
):
    name, ends = user(), now() + timedelta(seconds=_VALID_S)
    properties = secured_kafka.certificate(name, not_after=ends)
    sender, member = running(properties)
    publish(sender, topic, b"1")
    # Read, and not committed: it has to come again.
    poll_until(lambda: member.offsets() == [0, 1], member)
    poll_until(lambda: now() > ends, member)
    secured_kafka.stop(1)
    secured_kafka.start(1)
    record = Outgoing(topic, None, b"2", [], 1_700_000_000_000)
    sender.send(record)
    poll_until(lambda: "alert" in caplog.text, member, ignore=TransportError)
    assert not record.settled
    secured_kafka.certificate(name, over=properties["ssl.certificate.location"])
    poll_until(lambda: record.settled, member, ignore=TransportError)
    assert record.error is None
    poll_until(lambda: member.offsets()[-1] == 2, member, ignore=TransportError)
    assert member.offsets() == [0, 1, 1, 2]


def test_one_that_is_refused_is_named_and_the_one_before_is_used_on(
    secured_kafka, topic, user, running, caplog
):
    name = user()
    properties = secured_kafka.certificate(name)
    file = properties["ssl.certificate.location"]
    sender, member = running(properties)
    secured_kafka.certificate(name, trustme.CA(), over=file)
    told = rf"not accept the client's certificate.*check ssl.certificate.location \({file}\)"
    poll_until(lambda: re.search(told, caplog.text), member)
    publish(sender, topic, b"1")
    poll_until(lambda: member.offsets() == [0, 1], member)
    assert what_was_told(member) == ["assigned"]
    # And one that is accepted is taken all the same, later.
    secured_kafka.certificate(name, over=file)
    poll_until(lambda: member.assignments == 2, member)


def test_one_of_a_name_without_rights_is_not_used_until_it_has_them(
    secured_kafka, topic, user, running, caplog
):
    properties = secured_kafka.certificate(user())
    file = properties["ssl.certificate.location"]
    sender, member = running(properties)
    nobody = f"nobody-{uuid.uuid4().hex[:8]}"
    secured_kafka.certificate(nobody, over=file)
    poll_until(lambda: f"does not show it topic {topic}: give" in caplog.text, member)
    poll_until(lambda: "does not show it any topic: give" in sender._errors.why(), member)
    publish(sender, topic, b"1")
    poll_until(lambda: member.offsets() == [0, 1], member)
    assert what_was_told(member) == ["assigned"]
    secured_kafka.permit(nobody, "topic", topic, "read", "write")
    secured_kafka.permit(nobody, "group", topic, "read")
    poll_until(lambda: member.assignments == 2, member)


def test_a_certificate_that_is_there_before_its_key_is_not_used_without_it(
    secured_kafka, topic, user, running, tmp_path, caplog
):
    name = user()
    properties = secured_kafka.certificate(name)
    pem = Path(properties["ssl.certificate.location"]).read_bytes()
    properties["ssl.key.location"] = str(tmp_path / "key.pem")
    Path(properties["ssl.key.location"]).write_bytes(pem)
    _, member = running(properties)
    secured_kafka.certificate(name, over=properties["ssl.certificate.location"])
    poll_until(lambda: "not used yet" in caplog.text, member)
    assert what_was_told(member) == ["assigned"]
    pem = Path(properties["ssl.certificate.location"]).read_bytes()
    Path(properties["ssl.key.location"]).write_bytes(pem)
    poll_until(lambda: member.assignments == 2, member)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_producer_and_a_group_at_work_go_on_and_each_event_is_handled_once(
    secured_kafka, running_service, protocol, caplog
):
    service = running_service(protocol)
    before = service.publish(500)
    for renewals in (1, 2):
        secured_kafka.certificate("operator", over=service.file)
        while caplog.text.count("TLS was renewed") < 3 * renewals:
            before += service.publish(50)
    until(lambda: len(service.handled) >= len(before), every_s=0.05)
    assert sorted(service.handled) == sorted(before)
    service.group.stop()
    assert service.committed() == len(before)
