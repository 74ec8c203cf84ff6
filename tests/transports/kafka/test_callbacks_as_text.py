from __future__ import annotations

import pytest

from pat_events import Config, KafkaConfig
from pat_events.errors import ConfigError
from pat_events.transports.kafka import KafkaTransport


@pytest.mark.parametrize(
    "name",
    [
        "default.topic.config",
        "delivery.report.only.error",
        "dr_cb",
        "error_cb",
        "logger",
        "oauth_cb",
        "on_commit",
        "on_delivery",
        "opaque",
        "stats_cb",
        "throttle_cb",
    ],
)
@pytest.mark.parametrize("kind", ["sender", "receiver", "partitions"])
def test_text_where_the_client_wants_something_else_is_a_config_error(kind, name):
    settings = KafkaConfig(bootstrap_servers="127.0.0.1:1", client_properties={name: "x"})
    arguments = {"sender": (Config(),), "receiver": ("g", "latest"), "partitions": ([], 1)}[kind]
    with pytest.raises(ConfigError, match=name):
        getattr(KafkaTransport(settings), kind)(*arguments)


@pytest.mark.parametrize("name", ["acks", "partitioner", "message.timeout.ms"])
def test_the_name_of_a_topics_setting_does_not_get_past(name):
    properties = {f"topic.{name}": "1"}
    settings = KafkaConfig(bootstrap_servers="127.0.0.1:1", client_properties=properties)
    with pytest.raises(ConfigError, match=f"'topic.{name}' cannot be set: "):
        KafkaTransport(settings).sender(Config())
