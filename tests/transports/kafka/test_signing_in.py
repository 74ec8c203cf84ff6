"""What is said, and when, where a secured cluster refuses somebody; on native Kafka."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace

import pytest
import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions

from pat_events import Config, KafkaConfig
from pat_events.errors import (
    AuthenticationError,
    NotPermittedError,
    TopicMissingError,
    TransportError,
    TransportUnavailableError,
)
from pat_events.transports.kafka import KafkaTransport, topics
from pat_events.transports.sending import Outgoing
from tests.support.clusters import kafka_config
from tests.support.waiting import poll_until

pytestmark = pytest.mark.kafka

PATIENCE_S = 30.0
PASSWORD = "not-a-secret"  # noqa: S105


@pytest.fixture
def user(secured_kafka):
    name = f"user-{uuid.uuid4().hex[:8]}"
    secured_kafka.add_user(name, PASSWORD)
    return name


@pytest.fixture
def topic(secured_kafka, topic_name, create_topic):
    return create_topic(topic_name, bootstrap_servers=secured_kafka.bootstrap_servers)


def partitions(kafka, user, names):
    config = KafkaConfig(
        bootstrap_servers=kafka.scram_servers, client_properties=kafka.scram(user, PASSWORD)
    )
    return KafkaTransport(config).partitions(names, PATIENCE_S)


def connect(servers, properties, timeout_s=PATIENCE_S):
    config = KafkaConfig(bootstrap_servers=servers, client_properties=properties)
    KafkaTransport(config).ping(timeout_s)


def test_every_way_to_sign_in_is_let_in(secured_kafka, user):
    connect(secured_kafka.scram_servers, secured_kafka.scram(user, PASSWORD))
    connect(secured_kafka.token_servers, secured_kafka.token(user))
    connect(secured_kafka.certificate_servers, secured_kafka.certificate(user))


@pytest.mark.parametrize(
    ("servers", "properties", "words"),
    [
        pytest.param(
            "scram_servers",
            lambda kafka: kafka.scram("operator", "wrong"),
            ["invalid credentials", "sasl.mechanisms", "password"],
            id="password",
        ),
        pytest.param(
            "token_servers",
            lambda kafka: kafka.scram("operator", PASSWORD),
            ["Unsupported SASL mechanism", "OAUTHBEARER", "sasl.mechanisms"],
            id="mechanism",
        ),
        pytest.param(
            "certificate_servers",
            lambda kafka: kafka.certificate("somebody", trustme.CA()),
            ["did not accept the client's certificate", "ssl.certificate.location"],
            id="client certificate of another authority",
        ),
        pytest.param(
            "scram_servers",
            lambda kafka: {**kafka.scram("operator", PASSWORD), "ssl.ca.location": ""},
            ["certificate cannot be verified", "issuer", "ssl.ca.location"],
            id="authority unknown here",
        ),
        pytest.param(
            "expired_servers",
            lambda kafka: kafka.tls(),
            ["certificate cannot be verified", "expired"],
            id="broker certificate expired",
        ),
        pytest.param(
            "misnamed_servers",
            lambda kafka: kafka.tls(),
            ["certificate cannot be verified", "not valid for '127.0.0.1'"],
            id="broker certificate of another host",
        ),
        pytest.param(
            "bootstrap_servers",
            lambda kafka: kafka.scram("operator", PASSWORD),
            ["no TLS", "security.protocol"],
            id="tls to a plain listener",
        ),
    ],
)
def test_a_refused_sign_in_is_told_at_once_with_its_reason(
    secured_kafka, servers, properties, words
):
    chosen = {name: value for name, value in properties(secured_kafka).items() if value}
    began = time.monotonic()
    with pytest.raises(AuthenticationError) as raised:
        connect(getattr(secured_kafka, servers), chosen)
    # Far below the bound, which is what would be waited for without an answer.
    assert time.monotonic() - began < PATIENCE_S / 2
    said = str(raised.value)
    assert all(word in said for word in [getattr(secured_kafka, servers), *words]), said
    assert PASSWORD not in said


def test_a_listener_that_says_nothing_is_met_with_a_hint_at_the_protocol(secured_kafka):
    with pytest.raises(TransportUnavailableError) as raised:
        connect(secured_kafka.scram_servers, {}, timeout_s=1.0)
    assert type(raised.value) is TransportUnavailableError
    assert "security.protocol=plaintext" in str(raised.value)
    assert "brokers are down" not in str(raised.value)


def test_a_topic_that_may_not_be_seen_is_not_called_missing(secured_kafka, user, topic):
    with pytest.raises(NotPermittedError, match=rf"{topic}.*Describe"):
        partitions(secured_kafka, user, [topic])


def test_a_topic_that_is_not_there_is_missing_and_is_not_made(secured_kafka, user, topic_name):
    secured_kafka.permit(user, "topic", topic_name, "describe", "create")
    for _ in range(2):
        with pytest.raises(TopicMissingError, match=topic_name):
            partitions(secured_kafka, user, [topic_name])


def test_a_right_that_comes_is_enough(secured_kafka, user, topic):
    secured_kafka.permit(user, "topic", topic, "describe")
    assert partitions(secured_kafka, user, [topic]) == {topic: 1}


def test_a_member_that_is_not_let_into_its_group_says_so_and_is_let_in_later(
    secured_kafka, user, topic, make_cluster, caplog
):
    secured_kafka.permit(user, "topic", topic, "read")
    config = KafkaConfig(
        bootstrap_servers=secured_kafka.scram_servers,
        client_properties=secured_kafka.scram(user, PASSWORD),
    )
    member = make_cluster(KafkaTransport(config)).member(topic, f"group-of-{user}")
    poll_until(lambda: f"joining group group-of-{user}" in caplog.text, member)
    assert "allow Read on the group" in caplog.text
    secured_kafka.permit(user, "group", f"group-of-{user}", "read")
    poll_until(lambda: member.owned == {(topic, 0)}, member)


def test_a_password_that_was_changed_is_read_again_by_clients_that_live(
    secured_kafka, user, topic, make_cluster, tmp_path
):
    """Needs no new client: the refusal of the next sign-in makes it look into the file."""
    secured_kafka.permit(user, "topic", topic, "read", "write", "describe")
    secured_kafka.permit(user, "group", user, "read")
    file = tmp_path / "kafka"

    def write(password):
        properties = secured_kafka.scram(user, password)
        file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))

    write(PASSWORD)
    # Where the broker is long away its place in the group has to be over before the test is.
    quick = {"topic.metadata.refresh.interval.ms": "200"}
    config = replace(
        kafka_config(secured_kafka.scram_servers, **quick), client_properties_file=file
    )
    cluster = make_cluster(KafkaTransport(config))
    member = cluster.member(topic, user)
    cluster.send(topic)
    poll_until(lambda: member.offsets() == [0], member, ignore=TransportError)
    member.commit(1)
    secured_kafka.add_user(user, "another;password")
    write("another;password")
    secured_kafka.stop(1)
    secured_kafka.start(1)
    cluster.send(topic, first=1)
    poll_until(lambda: member.offsets() == [0, 1], member, ignore=TransportError)
    # What is assigned from now on is asked about by a client that has the new one, too.
    admin = AdminClient({"bootstrap.servers": secured_kafka.bootstrap_servers})
    admin.create_partitions([NewPartitions(topic, 2)])[topic].result(PATIENCE_S)
    poll_until(lambda: member.owned == {(topic, 0), (topic, 1)}, member, ignore=TransportError)


def test_a_client_that_asks_about_topics_is_not_refused_for_ever(
    secured_kafka, user, topic, tmp_path, monkeypatch
):
    monkeypatch.setattr(topics, "_ANSWER_S", 1)
    secured_kafka.permit(user, "topic", topic, "describe")
    file = tmp_path / "kafka"
    file.write_text(json.dumps(secured_kafka.scram(user, "wrong")))
    config = KafkaConfig(bootstrap_servers=secured_kafka.scram_servers, client_properties_file=file)
    asking = topics.Topics(config)
    with pytest.raises(KafkaException):
        asking.ask([topic])
    file.write_text(json.dumps(secured_kafka.scram(user, PASSWORD)))
    assert asking.ask([topic])[topic].partitions == 1


def test_without_the_right_to_write_a_publish_names_it_and_goes_on_once_it_is_there(
    secured_kafka, user, topic
):
    secured_kafka.permit(user, "topic", topic, "describe")
    config = KafkaConfig(
        bootstrap_servers=secured_kafka.scram_servers,
        client_properties=secured_kafka.scram(user, PASSWORD),
    )
    sender = KafkaTransport(config).sender(Config(delivery_timeout_s=3))
    try:
        refused = Outgoing(topic, b"k", b"refused", [], 1)
        sender.send(refused)
        assert sender.flush(PATIENCE_S) == []
        assert "Write on the topic" in str(refused.error)
        secured_kafka.permit(user, "topic", topic, "write")
        taken = Outgoing(topic, b"k", b"taken", [], 1)
        sender.send(taken)
        assert sender.flush(PATIENCE_S) == []
        assert taken.error is None
    finally:
        sender.close(5)
