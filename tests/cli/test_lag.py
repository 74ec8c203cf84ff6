"""``pat-events lag`` beside a group on a real broker: an embedded one tells no positions."""

import json

import pytest
import yaml

from pat_events import Config, KafkaConfig
from pat_events.demo import run, sites
from pat_events.demo.mail import samples
from pat_events.ops.cluster import Cluster

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def walked(kafka_broker):
    """Topics and two groups of the demo, which have read all there is: 34 events."""
    cluster = Cluster(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    with sites.on_cluster(Config(), cluster) as site:
        run.run(site, samples(), lambda _: None)
        yield site


def options(site):
    return "--bootstrap", site.cluster.kafka.bootstrap_servers, "--catalog", site.config.catalog


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_a_line_for_each_partition(alone, walked):
    [topic] = walked.catalog.topics
    result = alone("lag", walked.processor, "--json", *options(walked))
    assert result.returncode == 0, result.stderr
    rows = lines(result.stdout)
    assert [row["partition"] for row in rows] == list(range(12))
    assert {(row["group"], row["topic"], row["lag"]) for row in rows} == {
        (walked.processor, topic, 0)
    }
    assert sum(row["end"] for row in rows) == 34
    assert {*rows[0]} == {"time", "group", "topic", "partition", "committed", "end", "lag"}


def test_json_leaves_out_a_group_that_cannot_be_told_and_the_exit_code_says_so(
    alone, walked, tmp_path
):
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(sites._own_catalog("-absent")))
    groups = ["email-processor-absent", walked.processor]
    result = alone("lag", *groups, "--json", *options(walked)[:2], "--catalog", path)
    assert result.returncode == 1
    assert {row["group"] for row in lines(result.stdout)} == {walked.processor}
    assert "email-processor-absent: not told: " in result.stderr
