"""The demo on a cluster, for tests of what an operator looks at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pat_events import Config, KafkaConfig
from pat_events.demo import run, sites
from pat_events.demo.mail import samples
from pat_events.ops.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def demo_on(address: str) -> Iterator[sites.Site]:
    """Where the demo has run: topics and two groups, which have read all there is: 34 events."""
    cluster = Cluster(KafkaConfig(bootstrap_servers=address))
    with sites.on_cluster(Config(), cluster) as site:
        run.run(site, samples(), lambda _: None)
        yield site
