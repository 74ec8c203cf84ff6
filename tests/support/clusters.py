"""Settings for the brokers of the tests, and what is written to them past a producer."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from pat_events import Config, KafkaConfig, KafkaTransport
from tests.support.waiting import DEADLINE_S

if TYPE_CHECKING:
    from pat_events.transports.sending import Outgoing


def kafka_config(address: str, protocol: str = "classic", **properties: str) -> KafkaConfig:
    """Settings of clients that hear of everything soon."""
    client = {"fetch.wait.max.ms": "10", "reconnect.backoff.max.ms": "200"}
    if protocol == "classic":
        client |= {
            "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "100",
            "topic.metadata.refresh.interval.ms": "500",
        }
    return KafkaConfig(
        bootstrap_servers=address,
        group_protocol=protocol,
        client_properties=client | properties,
    )


def on_kafka(address: str, **settings: object) -> dict[str, object]:
    """Arguments of a producer or a group on this cluster; settings of either kind."""
    of_events = {spec.name for spec in fields(Config)}
    return {
        "config": Config(**{name: it for name, it in settings.items() if name in of_events}),
        "transport": KafkaTransport(
            KafkaConfig(
                bootstrap_servers=address,
                **{name: it for name, it in settings.items() if name not in of_events},
            )
        ),
    }


def send(address: str, *records: Outgoing) -> None:
    """Write what no producer would, such as a stranger's dead letter."""
    sender = KafkaTransport(KafkaConfig(bootstrap_servers=address)).sender(Config())
    for record in records:
        sender.send(record)
    assert sender.close(DEADLINE_S) == []
    assert [record.error for record in records if record.error] == []
