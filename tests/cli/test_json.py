"""What programs read of commands that speak to people otherwise; on a real broker."""

from __future__ import annotations

import json
import os

import pytest
import yaml

from pat_events import KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.demo import sites
from pat_events.ops.cluster import Cluster
from pat_events.ops.topics import apply, diff
from pat_events.transports.kafka.admin import KafkaAdmin
from tests.support.demo import demo_on

pytestmark = pytest.mark.kafka


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def catalog(kafka_broker, tmp_path):
    """A catalogue of this test's own; its topics go with the test."""
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(sites._own_catalog(f"-json-{os.urandom(4).hex()}")))
    yield path
    admin = KafkaAdmin(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    loaded = load_catalog(path)
    named = [
        loaded.dead_letter_topic(topic, group) for group in loaded.groups for topic in loaded.topics
    ]
    admin.delete([*loaded.topics, *named], [])


def smaller(path):
    """Write the catalogue with other numbers; return where."""
    raw = yaml.safe_load(path.read_text())
    [topic] = raw["topics"].values()
    topic["partitions"] += 1
    topic["retention_days"] -= 1
    raw["dead_letters"]["retention_days"] += 1
    other = path.with_name("other.yaml")
    other.write_text(yaml.safe_dump(raw))
    return other


def test_each_difference_of_topics_is_a_line_and_the_exit_code_tells_of_work_to_do(
    alone, kafka_broker, catalog
):
    where = "--bootstrap", kafka_broker.bootstrap_servers, "--catalog"
    command = "topics", "diff", "--json", "--exit-code", *where
    loaded = load_catalog(catalog)
    [topic] = loaded.topics.values()

    before = alone(*command, catalog)
    assert before.returncode == 4, before.stderr
    created = {line["topic"]: line for line in lines(before.stdout)}
    assert {line["action"] for line in created.values()} == {"create"}
    assert created[topic.name]["partitions"] == topic.partitions
    assert created[topic.name]["replication"] >= 1
    assert created[topic.name]["settings"]["retention.ms"] == str(topic.retention_days * 86_400_000)

    cluster = Cluster(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    apply(cluster, diff(cluster, loaded))
    after = alone(*command, catalog)
    assert (after.returncode, after.stdout) == (0, "")

    different = alone(*command, smaller(catalog))
    assert different.returncode == 4
    found = lines(different.stdout)
    # An audit topic keeps all it has, whatever a catalogue says.
    changed = [name for name in created if not name.endswith(".audit")][1:]
    assert [line["action"] for line in found] == ["grow", *["set"] * len(changed), "keep"]
    grow, change, *_, keep = found
    assert grow == {
        "action": "grow",
        "topic": topic.name,
        "partitions": topic.partitions,
        "wanted": topic.partitions + 1,
    }
    assert (change["setting"], int(change["wanted"]) - int(change["value"])) == (
        "retention.ms",
        86_400_000,
    )
    assert keep["topic"] == topic.name
    assert "shortening it would delete events" in keep["reason"]


def test_without_being_asked_for_it_a_difference_is_no_failure(alone, kafka_broker, catalog):
    where = "--bootstrap", kafka_broker.bootstrap_servers, "--catalog", catalog
    assert alone("topics", "diff", *where).returncode == 0
    assert alone("topics", "diff", "--exit-code", *where).returncode == 4


def test_each_check_of_the_doctor_is_a_line(alone, kafka_broker, catalog):
    where = "--bootstrap", kafka_broker.bootstrap_servers, "--catalog", catalog
    result = alone("doctor", "--json", *where)
    assert result.returncode == 1
    checks = {line["name"]: line for line in lines(result.stdout)}
    assert all({*line} == {"name", "outcome", "finding", "advice"} for line in checks.values())
    assert {line["outcome"] for line in checks.values()} == {"fine", "wrong", "unknown"}
    assert checks["connection"]["outcome"] == "fine"
    assert checks["topics"]["outcome"] == "wrong"
    assert checks["topics"]["advice"].startswith("run 'pat-events topics diff'")


def test_each_dead_letter_topic_is_a_line(alone, kafka_broker):
    with demo_on(kafka_broker.bootstrap_servers) as site:
        where = (
            "--bootstrap",
            site.cluster.kafka.bootstrap_servers,
            "--catalog",
            site.config.catalog,
        )
        result = alone("dlq", "list", "--json", *where)
    assert result.returncode == 0, result.stderr
    found = {line["topic"]: line for line in lines(result.stdout)}
    first, second = site.dead_letter_topics
    [group] = found[first].pop("groups")
    assert found[first] == {"topic": first, "letters": 1, "read": 1, "complete": True}
    assert {*group} == {
        "reason", "error_class", "handler", "letters", "first_failed_ms", "last_failed_ms"
    }  # fmt: skip
    assert (group["reason"], group["letters"]) == ("attempts-exhausted", 1)
    assert found[second]["letters"] == 0
