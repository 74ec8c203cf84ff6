from __future__ import annotations

import uuid

import pytest

from pat_events.catalog.load import load_catalog
from pat_events.ops import topics
from pat_events.ops.cluster import Cluster
from tests.support.catalogs import CATALOG
from tests.support.clusters import kafka_config


@pytest.fixture
def site(kafka_broker, tmp_path):
    """A catalogue of its own, with one group, and its topics."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    path = tmp_path / "catalog.yaml"
    text = CATALOG.format(topic=name).replace(
        "groups: {}", "groups: {g: {consumes: [EmailReceived]}}"
    )
    path.write_text(text.replace("groups: {g:", f"groups: {{{name}-g:"), "utf-8")
    catalog = load_catalog(path)
    cluster = Cluster(kafka_config(kafka_broker.bootstrap_servers))
    topics.apply(cluster, topics.diff(cluster, catalog, 1))
    yield cluster, path, f"{name}.{name}-g.dlq", f"{name}-g"
    cluster.admin().delete(list(topics.wanted_topics(catalog, 1)), [])
