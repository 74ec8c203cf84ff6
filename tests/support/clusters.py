"""Settings for the brokers of the tests."""

from __future__ import annotations

from dataclasses import fields

from pat_events import Config, KafkaConfig, KafkaTransport


def kafka_config(address: str, protocol: str = "classic", **properties: str) -> KafkaConfig:
    """Settings of clients that hear of everything soon."""
    client = {"fetch.wait.max.ms": "10", "reconnect.backoff.max.ms": "200"}
    if protocol == "classic":
        client |= {"session.timeout.ms": "6000", "heartbeat.interval.ms": "100"}
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
