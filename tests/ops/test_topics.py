import dataclasses
import uuid

import pytest

from pat_events import KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.catalog.model import DeadLetters, Group, Topic
from pat_events.errors import ConfigError
from pat_events.ops.cluster import Cluster
from pat_events.ops.topics import DEAD_LETTER_MAX_BYTES, apply, diff, wanted_topics
from pat_events.transports.kafka.admin import KafkaAdmin, TopicSpec
from tests.support.waiting import until

DAY_MS = 86_400_000


def small_catalog(topic, *, partitions=2, retention_days=7):
    """A catalogue of one topic with one group that reads it."""
    catalog = load_catalog()
    event = dataclasses.replace(catalog.events["EmailReceived"], topic=topic)
    return dataclasses.replace(
        catalog,
        topics={topic: Topic(topic, partitions, retention_days)},
        dead_letters=DeadLetters(partitions=1, retention_days=30),
        events={"EmailReceived": event},
        groups={f"{topic}-readers": Group(f"{topic}-readers", ("EmailReceived",))},
    )


def of_its_group(topic):
    """The topics of that group, its audit topic last."""
    group = f"{topic}-readers"
    return [f"{topic}.{group}.dlq", f"{topic}.{group}.retry", f"{group}.audit"]


@pytest.fixture
def cluster(kafka_broker):
    return Cluster(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))


@pytest.fixture
def admin(cluster):
    return cluster.admin()


@pytest.fixture
def topic(admin):
    name = f"ops-{uuid.uuid4().hex[:10]}"
    yield name
    admin.delete([name, *of_its_group(name)], [])


def test_each_group_gets_topics_for_dead_letters_and_replays_with_room_for_the_cause():
    wanted = wanted_topics(small_catalog("letters"), replication=3)
    assert list(wanted) == ["letters", *of_its_group("letters")]
    assert wanted["letters"].settings == {
        "retention.ms": str(7 * DAY_MS),
        "min.insync.replicas": "2",
    }
    letters, retries, _ = of_its_group("letters")
    # A letter may be there for a segment longer, and is not to outlive what tells of its replay.
    for name, days in ((letters, 30), (retries, 37)):
        assert wanted[name].partitions == 1
        assert wanted[name].settings == {
            "retention.ms": str(days * DAY_MS),
            "max.message.bytes": str(DEAD_LETTER_MAX_BYTES),
            "min.insync.replicas": "2",
        }


def test_what_was_replayed_is_told_for_ever():
    [*_, audit] = wanted_topics(small_catalog("letters"), replication=1).values()
    assert audit.partitions == 1
    assert audit.settings == {
        "retention.ms": "-1",
        "cleanup.policy": "delete",
        "min.insync.replicas": "1",
    }


@pytest.mark.kafka
def test_a_second_apply_finds_nothing_to_do(cluster, admin, topic):
    catalog = small_catalog(topic)
    plan = diff(cluster, catalog)
    assert [spec.name for spec in plan.creations] == [topic, *of_its_group(topic)]
    apply(cluster, plan)
    assert admin.layouts()[topic].partitions == 2
    assert admin.settings([topic])[topic]["retention.ms"] == str(7 * DAY_MS)
    assert diff(cluster, catalog).empty
    apply(cluster, plan)  # As if somebody else had been quicker.
    assert diff(cluster, catalog).empty


@pytest.mark.kafka
def test_partitions_are_added_only_when_asked_for(cluster, admin, topic):
    apply(cluster, diff(cluster, small_catalog(topic)))
    wider = small_catalog(topic, partitions=3)
    [growth] = diff(cluster, wider).growths
    assert (growth.partitions, growth.wanted) == (2, 3)
    apply(cluster, diff(cluster, wider))
    assert admin.layouts()[topic].partitions == 2
    apply(cluster, diff(cluster, wider), grow=True)
    assert admin.layouts()[topic].partitions == 3


@pytest.mark.kafka
def test_nothing_is_ever_lowered(cluster, admin, topic):
    apply(cluster, diff(cluster, small_catalog(topic, partitions=3, retention_days=9)))
    smaller = diff(cluster, small_catalog(topic))
    assert smaller.empty
    assert len(smaller.kept) == 2
    apply(cluster, smaller, grow=True)
    assert admin.layouts()[topic].partitions == 3
    assert admin.settings([topic])[topic]["retention.ms"] == str(9 * DAY_MS)


@pytest.mark.kafka
def test_a_setting_below_the_catalogue_is_raised_and_others_stay(cluster, admin, topic):
    own = {"retention.ms": str(DAY_MS), "segment.bytes": "2000000"}
    *_, audit = of_its_group(topic)
    admin.create([TopicSpec(topic, 2, 1, own), TopicSpec(audit, 1, 1, own)])
    until(lambda: {topic, audit} <= admin.layouts().keys())  # The broker hears of them later.
    changes = diff(cluster, small_catalog(topic)).changes
    assert {(it.topic, it.setting, it.value, it.wanted) for it in changes} == {
        (topic, "retention.ms", str(DAY_MS), str(7 * DAY_MS)),
        (audit, "retention.ms", str(DAY_MS), "-1"),
    }
    apply(cluster, diff(cluster, small_catalog(topic)))
    settings = admin.settings([topic])[topic]
    assert settings["retention.ms"] == str(7 * DAY_MS)
    assert admin.settings([audit])[audit]["retention.ms"] == "-1"
    assert settings["segment.bytes"] == "2000000"


@pytest.mark.kafka
def test_a_broker_that_has_not_heard_of_a_setting_is_asked_again(
    cluster, admin, topic, monkeypatch
):
    admin.create([TopicSpec(topic, 2, 1, {"retention.ms": str(DAY_MS)})])
    plan = diff(cluster, small_catalog(topic))
    stale = {topic: {"retention.ms": str(DAY_MS)}}
    answers = []

    def late(self, topics):
        answers.append(settings(self, topics) if answers else stale)
        return answers[-1]

    settings = KafkaAdmin.settings
    monkeypatch.setattr(KafkaAdmin, "settings", late)
    apply(cluster, plan)
    assert answers[0] == stale
    assert answers[-1][topic]["retention.ms"] == str(7 * DAY_MS)


@pytest.mark.kafka
def test_retention_for_ever_is_long_enough(cluster, admin, topic):
    admin.create([TopicSpec(topic, 2, 1, {"retention.ms": "-1"})])
    assert not diff(cluster, small_catalog(topic)).changes


@pytest.mark.kafka
def test_more_replicas_than_brokers_are_refused(cluster, admin, topic):
    with pytest.raises(ConfigError, match="replication factor"):
        diff(cluster, small_catalog(topic), replication=admin.brokers() + 1)
