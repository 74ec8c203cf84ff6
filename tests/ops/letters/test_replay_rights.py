"""What a replay says where a right is missing; on native Kafka with ACLs."""

from __future__ import annotations

import uuid

import pytest

from pat_events import Config, KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.errors import NotPermittedError
from pat_events.ops.cluster import Cluster
from pat_events.ops.letters.replay_walk import ReplayOptions
from pat_events.ops.letters.replaying import replay
from pat_events.ops.letters.selection import EVERYTHING
from pat_events.transports.kafka.admin import TopicSpec
from tests.support.catalogs import CATALOG
from tests.support.clusters import send
from tests.support.dead_letters import letter

pytestmark = pytest.mark.kafka
PASSWORD = "not-a-secret"  # noqa: S105
GROUP = "first"


@pytest.fixture
def site(secured_kafka, tmp_path):
    return Site(secured_kafka, tmp_path / "catalog.yaml")


class Site:
    """A dead letter, and an operator with all rights but those that a test takes away."""

    def __init__(self, kafka, path):
        name = uuid.uuid4().hex[:8]
        self.topic, self.user = f"t-{name}", f"user-{name}"
        text = CATALOG.format(topic=self.topic)
        path.write_text(
            text.replace("groups: {}", f"groups: {{{GROUP}: {{consumes: [EmailReceived]}}}}")
        )
        self.config = Config(catalog=path)
        catalog = load_catalog(path)
        self.letters = catalog.dead_letter_topic(self.topic, GROUP)
        self.retry = catalog.retry_topic(self.topic, GROUP)
        self.audit = catalog.audit_topic(GROUP)
        operator = Cluster(KafkaConfig(bootstrap_servers=kafka.bootstrap_servers))
        wanted = [self.topic, self.letters, self.retry, self.audit]
        operator.admin().create([TopicSpec(each, 1, 1, {}) for each in wanted])
        send(kafka.bootstrap_servers, letter("a", topic=self.letters, group=GROUP))
        kafka.add_user(self.user, PASSWORD)
        self._kafka = kafka
        self._cluster = Cluster(
            KafkaConfig(
                bootstrap_servers=kafka.scram_servers,
                client_properties=kafka.scram(self.user, PASSWORD),
            )
        )

    def permit(self, **rights):
        for name, operations in rights.items():
            self._kafka.permit(self.user, "topic", getattr(self, name), *operations.split())

    def permit_transactions(self):
        self._kafka.permit(self.user, "transactional_id", self.audit, "write")

    def replay(self):
        options = ReplayOptions(everything=True)
        return replay(self._cluster, GROUP, EVERYTHING, options, why="a test", config=self.config)


def test_each_right_that_is_missing_is_named_and_nothing_is_sent(site):
    with pytest.raises(NotPermittedError, match=f"{site.letters}|{site.retry}"):
        site.replay()
    site.permit(letters="read", retry="read")
    with pytest.raises(NotPermittedError, match=site.audit):
        site.replay()
    site.permit(audit="read write")
    with pytest.raises(NotPermittedError, match="Write on the transactional id"):
        site.replay()
    site.permit_transactions()
    with pytest.raises(NotPermittedError, match=f"writing to {site.retry}.*Write on the topic"):
        site.replay()
    site.permit(retry="write")
    assert site.replay().sent == 1
