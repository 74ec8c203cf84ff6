"""Where a demo runs: a broker in this process, or topics of its own on a cluster."""

from __future__ import annotations

import logging
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.core.shown import one_line
from pat_events.errors import PatEventsError
from pat_events.ops.cluster import Cluster
from pat_events.ops.topics import apply, diff, wanted_topics
from pat_events.testing import EmbeddedBroker
from pat_events.transports.kafka import KafkaTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pat_events.catalog.model import Catalog
    from pat_events.transports.kafka.admin import KafkaAdmin

_log = logging.getLogger("pat_events.demo")

PROCESSOR: Final = "email-processor"
VALIDATOR: Final = "email-validator"
_EVENTS: Final = ("EmailReceived", "EmailProcessed", "EmailValidated")


@dataclass(frozen=True, slots=True)
class Site:
    """A broker with everything the demo needs, and the names to use there."""

    config: Config
    cluster: Cluster
    catalog: Catalog
    processor: str
    validator: str

    @property
    def transport(self) -> KafkaTransport:
        """The broker as producers and groups take it."""
        return KafkaTransport(self.cluster.kafka)

    @property
    def dead_letter_topics(self) -> list[str]:
        """The dead-letter topics of both groups."""
        return [
            topic
            for group in (self.processor, self.validator)
            for topic in self.catalog.dead_letter_topics(group)
        ]


@contextmanager
def embedded() -> Iterator[Site]:
    """Start a broker in this process; it goes with the block."""
    catalog = load_catalog()
    with EmbeddedBroker() as broker:
        broker.create_topics(catalog)
        yield Site(Config(), Cluster(broker.config()), catalog, PROCESSOR, VALIDATOR)


@contextmanager
def on_cluster(config: Config, cluster: Cluster) -> Iterator[Site]:
    """Make topics and groups of this run's own; they go with the block.

    Under the catalogue's names the demo's mails would reach the services of the cluster, and its
    groups take away theirs.

    Raises:
        TransportError: the cluster cannot be reached, or refuses to create topics.
    """
    suffix = f"-demo-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="pat-events-demo-") as folder:
        path = Path(folder) / "catalog.yaml"
        path.write_text(yaml.safe_dump(_own_catalog(suffix), sort_keys=False), "utf-8")
        config = replace(config, catalog=path)
        catalog = load_catalog(path)
        site = Site(config, cluster, catalog, PROCESSOR + suffix, VALIDATOR + suffix)
        admin = cluster.admin()
        topics = list(wanted_topics(catalog, 1))
        try:
            apply(cluster, diff(cluster, catalog))
            yield site
        finally:
            _remove(admin, topics, [site.processor, site.validator])


def _own_catalog(suffix: str) -> dict[str, Any]:
    """Return the part of the packaged catalogue that the demo uses, under other names."""
    packaged = resources.files("pat_events") / "schemas" / "catalog.yaml"
    data = yaml.safe_load(packaged.read_text("utf-8"))
    events = {name: data["events"][name] for name in _EVENTS}
    topics = {event["topic"] for event in events.values()}
    for event in events.values():
        event["topic"] += suffix
        event.pop("targets", None)
    return {
        **{name: data[name] for name in ("version", "package", "python_module", "dead_letters")},
        "topics": {name + suffix: data["topics"][name] for name in topics},
        "events": events,
        "groups": {name + suffix: data["groups"][name] for name in (PROCESSOR, VALIDATOR)},
    }


def _remove(admin: KafkaAdmin, topics: list[str], groups: list[str]) -> None:
    try:
        admin.delete(topics, groups)
    except PatEventsError as error:
        _log.warning(
            "look whether something was left behind of %s: %s",
            ", ".join(topics + groups),
            one_line(str(error)),
        )
