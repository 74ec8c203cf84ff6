"""Settings for the brokers of the tests."""

from __future__ import annotations

from pat_events import Config


def kafka_config(address: str, protocol: str = "classic", **properties: str) -> Config:
    """Settings of clients that hear of everything soon."""
    client = {"fetch.wait.max.ms": "10", "reconnect.backoff.max.ms": "200"}
    if protocol == "classic":
        client |= {"session.timeout.ms": "6000", "heartbeat.interval.ms": "100"}
    return Config(
        bootstrap_servers=address,
        group_protocol=protocol,
        connect_timeout_s=0,
        client_properties=client | properties,
    )
