"""What is said of a client property that there is not, or that cannot have this value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pat_events import Config, ConfigError, KafkaConfig, KafkaTransport
from pat_events.transports.kafka.group_positions import GroupPositions
from pat_events.transports.kafka.reader import KafkaReader

NOWHERE = "127.0.0.1:1"
CLIENTS = {
    "first question": lambda config: KafkaTransport(config).ping(0.1),
    "sender": lambda config: KafkaTransport(config).sender(Config()),
    "receiver": lambda config: KafkaTransport(config).receiver("g", "earliest"),
    "reader": lambda config: KafkaReader(config, {}),
    "positions": lambda config: GroupPositions(config, "g"),
}


def refusal(properties, make=CLIENTS["receiver"]):
    with pytest.raises(ConfigError) as refused:
        make(KafkaConfig(bootstrap_servers=NOWHERE, client_properties=properties))
    return str(refused.value)


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_tells_a_misspelt_property_its_setting_and_the_nearest(client):
    assert refusal({"socket.timout.ms": 1}, CLIENTS[client]) == (
        "client_properties sets 'socket.timout.ms', which the client does not know; did you mean "
        "'socket.timeout.ms'?"
    )


def test_one_of_topics_is_told_with_its_prefix():
    assert refusal({"topic.compression.leve": 1}).endswith(
        "'topic.compression.leve', which the client does not know; did you mean "
        "'compression.level'?"
    )


def test_none_is_suggested_that_is_not_near():
    assert refusal({"zzz": 1}).endswith("'zzz', which the client does not know")


def test_a_value_that_is_refused_is_told_with_the_setting_it_stands_in():
    assert refusal({"security.protocol": "TLS"}) == (
        'client_properties: invalid value "TLS" for configuration property "security.protocol"'
    )
    assert refusal({"acks": "1"}).startswith("client_properties: client property 'acks' ")


@pytest.mark.parametrize(
    "text", ["sesion.timeout.ms=1", "session.timout.ms=1", '{"session.timout.ms": 1}']
)
def test_one_of_the_environment_is_told_with_its_variable(text):
    environ = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": NOWHERE,
        "PAT_EVENTS_CLIENT_PROPERTIES": text,
    }
    with pytest.raises(ConfigError) as refused:
        KafkaTransport(KafkaConfig.from_env(environ)).receiver("g", "earliest")
    told = str(refused.value)
    assert told.startswith("PAT_EVENTS_CLIENT_PROPERTIES sets 'ses")
    assert told.endswith("did you mean 'session.timeout.ms'?")


def test_one_of_a_file_is_told_with_the_file_also_when_that_is_read_again(tmp_path):
    file = tmp_path / "client"
    file.write_text("socket.timout.ms=1")
    config = KafkaConfig(
        bootstrap_servers=NOWHERE, client_properties={"client.id": "x"}, client_properties_file=file
    )
    with pytest.raises(ConfigError) as refused:
        KafkaTransport(replace(config)).ping(0.1)
    assert str(refused.value).startswith(f"client_properties_file {file} sets 'socket.timout.ms'")


def test_what_may_be_a_part_of_a_password_is_not_repeated():
    with pytest.raises(ConfigError) as refused:
        KafkaConfig.from_env(
            {
                "PAT_EVENTS_BOOTSTRAP_SERVERS": NOWHERE,
                "PAT_EVENTS_CLIENT_PROPERTIES": "sasl.password=a;timeout=b",
            }
        )
    assert "timeout" not in str(refused.value)
