"""What an operator with one right missing is told; on native Kafka with ACLs."""

from __future__ import annotations

import json
import os
import uuid
from unittest.mock import patch

import pytest
import yaml

from pat_events import Config, KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.demo import sites
from pat_events.errors import NotPermittedError, TopicMissingError
from pat_events.ops import resetting
from pat_events.ops import topics as topic_ops
from pat_events.ops.cluster import Cluster
from pat_events.ops.doctor import Outcome, examine
from pat_events.ops.lag import lag
from pat_events.ops.letters import audit, listing, purging
from pat_events.ops.letters.audit import now_ms
from pat_events.ops.letters.selection import Selection
from pat_events.transports.kafka.group_positions import GroupPositions
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

pytestmark = pytest.mark.kafka

PASSWORD = "not-a-secret"  # noqa: S105


class Site:
    """A catalogue of its own on the secured broker, and a user without any right."""

    def __init__(self, kafka, path):
        self.kafka = kafka
        suffix = f"-{uuid.uuid4().hex[:8]}"
        path.write_text(yaml.safe_dump(sites._own_catalog(suffix)))
        self.catalog = load_catalog(path)
        self.group = f"email-processor{suffix}"
        [self.topic] = self.catalog.topics_of(self.catalog.group(self.group).consumes)
        self.letters = self.catalog.dead_letter_topic(self.topic, self.group)
        self.again = self.catalog.retry_topic(self.topic, self.group)
        self.user = f"user{suffix}"
        kafka.add_user(self.user, PASSWORD)
        self.path = path
        self.cluster = Cluster(
            KafkaConfig(
                bootstrap_servers=kafka.scram_servers,
                client_properties=kafka.scram(self.user, PASSWORD),
            )
        )
        self.operator = Cluster(KafkaConfig(bootstrap_servers=kafka.bootstrap_servers))
        topic_ops.apply(self.operator, topic_ops.diff(self.operator, self.catalog))

    def permit(self, *rights):
        for resource, name, *operations in rights:
            self.kafka.permit(self.user, resource, name, *operations)

    def lag(self):
        return lag(self.cluster, self.catalog, [self.group])[self.group]

    def reset(self, cluster=None):
        return resetting.plan(cluster or self.cluster, self.catalog, self.group, "earliest")

    def checks(self, *args):
        properties = json.dumps(self.cluster.kafka.client_properties)
        with patch.dict(os.environ, PAT_EVENTS_CLIENT_PROPERTIES=properties):
            found = list(examine(self.cluster.kafka.bootstrap_servers, self.path, *args))
        return {check.name: check for check in found}


@pytest.fixture
def site(secured_kafka, tmp_path):
    return Site(secured_kafka, tmp_path / "catalog.yaml")


def test_lag_on_a_topic_that_may_not_be_seen_is_not_0(site):
    site.permit(("group", site.group, "describe"))
    told = site.lag()
    assert isinstance(told, NotPermittedError)
    assert f"{site.topic}: it is missing, or not permitted" in str(told)


def test_lag_of_a_group_that_may_not_be_asked_for_names_the_right(site):
    site.permit(("topic", site.topic, "describe"))
    told = site.lag()
    assert isinstance(told, NotPermittedError)
    assert site.group in str(told)
    assert "Read on the group" in str(told)


def test_a_group_that_may_not_be_asked_for_does_not_keep_the_others(site):
    other = next(name for name in site.catalog.groups if name != site.group)
    site.permit(("topic", site.topic, "describe"), ("group", site.group, "describe"))
    told = lag(site.cluster, site.catalog, [other, site.group])
    assert isinstance(told[other], NotPermittedError)
    assert sum(row.lag for row in told[site.group]) == 0


def test_lag_on_a_topic_that_is_not_there_is_not_0(site, kafka_broker):
    cluster = Cluster(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    told = lag(cluster, site.catalog, [site.group])[site.group]
    assert isinstance(told, TopicMissingError)


def test_dead_letters_that_may_not_be_seen_are_named(site):
    assert site.letters in listing.list_topics(site.cluster, site.catalog).unseen
    site.permit(("topic", site.letters, "describe"))
    told = listing.list_topics(site.cluster, site.catalog)
    assert site.letters not in told.unseen
    assert site.letters in {topic.topic for topic in told.seen}


def test_letters_are_deleted_by_who_may_delete_and_others_are_told_the_right(site):
    site.permit(
        ("topic", site.letters, "describe", "read"),
        ("topic", site.catalog.audit_topic(site.group), "describe", "read", "write"),
    )
    send(
        site.kafka.bootstrap_servers,
        Outgoing(site.letters, b"k", b"v", [("pat-dlq-reason", b"rejected")], now_ms()),
    )
    meant = Selection(causes=frozenset({"rejected"}))
    config = Config(catalog=site.path)

    def purge():
        plan = purging.plan_purge(site.cluster, site.letters, meant)
        return purging.purge(site.cluster, plan, why="a test", config=config)

    with pytest.raises(NotPermittedError, match=f"from {site.letters} is .*allow Delete on the"):
        purge()
    site.permit(("topic", site.letters, "delete"))
    assert purge() == 1
    told = [line.get("result", "") for line in audit.lines(site.operator, site.group)]
    assert [it.partition(":")[0] for it in told] == ["", "failed", "", "done"]


def test_a_service_with_the_rights_of_its_group_is_fine(site):
    site.permit(
        ("topic", site.topic, "read", "write"),
        ("topic", site.letters, "write"),
        ("topic", site.again, "read"),
        ("group", site.group, "read"),
    )
    found = site.checks(site.group)
    assert found["permissions"].outcome is Outcome.FINE
    assert found["topics"].outcome is Outcome.FINE


@pytest.mark.parametrize(
    "left_out",
    ["Read on topic", "Read on retry topic", "Write on topic", "Read on group"],
    ids=str.lower,
)
def test_the_one_right_that_is_missing_is_named(site, left_out):
    site.permit(("topic", site.topic, "describe"), ("topic", site.letters, "describe"))
    if left_out != "Read on topic":
        site.permit(("topic", site.topic, "read"))
    site.permit(("topic", site.topic, "write"), ("topic", site.again, "describe"))
    if left_out != "Read on retry topic":
        site.permit(("topic", site.again, "read"))
    if left_out != "Write on topic":
        site.permit(("topic", site.letters, "write"))
    if left_out != "Read on group":
        site.permit(("group", site.group, "read"))
    found = site.checks(site.group)["permissions"]
    assert found.outcome is Outcome.WRONG
    names = {
        "Read on topic": f"Read on topic {site.topic}",
        "Read on retry topic": f"Read on topic {site.again}",
        "Write on topic": f"Write on topic {site.letters}",
        "Read on group": f"Read on group {site.group}",
    }
    assert found.finding == f"not permitted: {names[left_out]}"


def test_positions_are_shown_to_who_may_describe_and_set_by_who_may_read(site):
    site.permit(("topic", site.topic, "describe"), ("group", site.group, "describe"))
    shown = site.reset()
    assert len(shown.changes) == 12
    for resource, name in (("group", site.group), ("topic", site.topic)):
        with pytest.raises(NotPermittedError, match=f"Read .*{resource}|{resource}.* Read"):
            resetting.apply(site.cluster, shown)
        site.permit((resource, name, "read"))
    resetting.apply(site.cluster, shown)
    assert not site.reset().changes


def test_what_was_set_before_a_topic_was_refused_is_told(site):
    site.permit(
        ("topic", site.topic, "read"),
        ("topic", site.letters, "describe"),
        ("group", site.group, "read"),
    )
    with (
        GroupPositions(site.cluster.kafka, site.group) as positions,
        pytest.raises(NotPermittedError) as told,
    ):
        positions.set({(site.topic, 0): 0, (site.letters, 0): 0})
    assert f"in {site.letters} (those in {site.topic} are set): " in str(told.value)


def test_topics_that_may_not_be_seen_are_not_called_missing(site):
    found = site.checks(site.group)["topics"]
    assert found.outcome is Outcome.WRONG
    assert found.finding.startswith("missing, or not permitted: ")
    assert "Describe" in found.advice


def test_a_publisher_needs_no_more_than_to_write_its_events(site):
    site.permit(("topic", site.topic, "write"))
    found = site.checks(None, ["EmailReceived"])
    assert found["permissions"].outcome is Outcome.FINE
