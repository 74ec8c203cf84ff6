"""What is said, and when, where a secured cluster refuses somebody; on native Kafka."""

from __future__ import annotations

import time
import uuid

import pytest
import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pat_events import Config
from pat_events.errors import (
    AuthenticationError,
    NotPermittedError,
    TopicMissingError,
    TransportUnavailableError,
)
from pat_events.transports.kafka import KafkaTransport

pytestmark = pytest.mark.kafka

PATIENCE_S = 30.0
PASSWORD = "not-a-secret"  # noqa: S105


class Cluster:
    """The secured broker, and what its operator does there."""

    def __init__(self, kafka):
        self.kafka = kafka
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def user(self):
        name = f"user-{uuid.uuid4().hex[:8]}"
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        upsert = UserScramCredentialUpsertion(name, info, PASSWORD.encode())
        self._admin.alter_user_scram_credentials([upsert])[name].result(PATIENCE_S)
        return name

    def permit(self, user, kind, name, *operations):
        for operation in operations:
            rule = AclBinding(
                kind,
                name,
                ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                operation,
                AclPermissionType.ALLOW,
            )
            self._admin.create_acls([rule])[rule].result(PATIENCE_S)

    def config(self, user, **settings):
        return Config(
            bootstrap_servers=self.kafka.scram_servers,
            client_properties=self.kafka.scram(user, PASSWORD),
            connect_timeout_s=PATIENCE_S,
            **settings,
        )


@pytest.fixture
def cluster(secured_kafka):
    return Cluster(secured_kafka)


@pytest.fixture
def topic(secured_kafka, topic_name, create_topic):
    return create_topic(topic_name, bootstrap_servers=secured_kafka.bootstrap_servers)


def connect(servers, properties, timeout_s=PATIENCE_S):
    config = Config(bootstrap_servers=servers, client_properties=properties)
    return KafkaTransport(config).partitions((), timeout_s)


def test_every_way_to_sign_in_is_let_in(secured_kafka):
    user = Cluster(secured_kafka).user()
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


def test_a_topic_that_may_not_be_seen_is_not_called_missing(cluster, topic):
    with pytest.raises(NotPermittedError, match=rf"{topic}.*Describe"):
        KafkaTransport(cluster.config(cluster.user())).partitions([topic], PATIENCE_S)


def test_a_topic_that_is_not_there_is_missing_and_is_not_made(cluster, topic_name):
    user = cluster.user()
    cluster.permit(user, ResourceType.TOPIC, topic_name, AclOperation.DESCRIBE, AclOperation.CREATE)
    for _ in range(2):
        with pytest.raises(TopicMissingError, match=topic_name):
            KafkaTransport(cluster.config(user)).partitions([topic_name], PATIENCE_S)


def test_a_right_that_comes_is_enough(cluster, topic):
    user = cluster.user()
    cluster.permit(user, ResourceType.TOPIC, topic, AclOperation.DESCRIBE)
    assert KafkaTransport(cluster.config(user)).partitions([topic], PATIENCE_S) == {topic: 1}
