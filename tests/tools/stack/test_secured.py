from __future__ import annotations

import pytest

from pat_events import KafkaConfig
from pat_events.errors import NotPermittedError
from pat_events.transports.kafka import KafkaTransport

pytestmark = pytest.mark.kafka


def test_its_environment_signs_the_operator_in_who_may_see_every_topic(
    secured_kafka, topic_name, create_topic
):
    create_topic(topic_name, bootstrap_servers=secured_kafka.bootstrap_servers)
    config = KafkaConfig.from_env(secured_kafka.environ())
    assert KafkaTransport(config).partitions([topic_name], 30) == {topic_name: 1}


def test_its_environment_has_a_certificate_of_the_operator_and_who_signed_the_brokers(
    secured_kafka, topic_name, create_topic
):
    create_topic(topic_name, bootstrap_servers=secured_kafka.bootstrap_servers)
    environ = secured_kafka.environ()
    pem = environ["SECURED_KAFKA_CERTIFICATE"]
    config = KafkaConfig(
        bootstrap_servers=environ["SECURED_KAFKA_CERTIFICATE_SERVERS"],
        client_properties={
            "security.protocol": "SSL",
            "ssl.ca.location": environ["SECURED_KAFKA_CA"],
            "ssl.certificate.location": pem,
            "ssl.key.location": pem,
        },
    )
    assert KafkaTransport(config).partitions([topic_name], 30) == {topic_name: 1}


def test_somebody_with_a_name_and_no_rule_may_see_nothing(secured_kafka, topic_name, create_topic):
    create_topic(topic_name, bootstrap_servers=secured_kafka.bootstrap_servers)
    config = KafkaConfig(
        bootstrap_servers=secured_kafka.certificate_servers,
        client_properties=secured_kafka.certificate("somebody"),
    )
    with pytest.raises(NotPermittedError):
        KafkaTransport(config).partitions([topic_name], 30)
