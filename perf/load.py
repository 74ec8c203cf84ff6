"""The events every measurement uses, and topics of the run's own to put them in."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Producer as BareProducer

from pat_events import Config, KafkaConfig, KafkaTransport
from pat_events.events import EmailReceived
from pat_events.transports.kafka import properties

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = 5_000
PARTITIONS = 4


def events(count: int) -> Iterator[EmailReceived]:
    """Yield e-mails of about 350 bytes on the wire, headers included, over ``KEYS`` keys."""
    for number in range(count):
        yield EmailReceived(
            email_id=f"email-{number % KEYS:05d}",
            message_id=f"<{number}@mail.example>",
            subject=f"Order {number} has been shipped",
            text_body="Your order is on its way. " * 4,
            size_bytes=2_048,
        )


def write_catalog(topic: str, folder: Path) -> Path:
    """Write the packaged catalogue with e-mails going to ``topic``; returns the file."""
    text = (resources.files("pat_events") / "schemas" / "catalog.yaml").read_text("utf-8")
    file = folder / f"{topic}.yaml"
    file.write_text(text.replace("pat-emails", topic), "utf-8")
    return file


def cluster(bootstrap_servers: str) -> KafkaConfig:
    """Return the settings of a cluster, those of ``PAT_EVENTS_*`` among them."""
    return KafkaConfig.from_env(bootstrap_servers=bootstrap_servers)


def transport(bootstrap_servers: str) -> KafkaTransport:
    """Return a cluster as producers and groups take it."""
    return KafkaTransport(cluster(bootstrap_servers))


def bare_producer(bootstrap_servers: str, catalog: str) -> BareProducer:
    """Return a bare client with our settings."""
    settings = properties.producer(cluster(bootstrap_servers), config(catalog), lambda _: None)
    return BareProducer(settings)


def config(catalog: str) -> Config:
    """Return the settings of a measurement, those of ``PAT_EVENTS_*`` among them.

    The buffer has room for everything: what a publish costs is measured, not waiting for room.
    """
    return Config.from_env(
        catalog=Path(catalog),
        buffer_events=2_000_000,
        buffer_bytes=2_000_000_000,
    )
