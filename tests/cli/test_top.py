"""``pat-events top`` beside groups on a real broker."""

from __future__ import annotations

import json
import re
import signal

import pytest

from tests.support.demo import demo_on

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def walked(kafka_broker):
    """Topics and two groups of the demo, which have read all there is."""
    with demo_on(kafka_broker.bootstrap_servers) as site:
        yield site


def options(site):
    return "--bootstrap", site.cluster.kafka.bootstrap_servers, "--catalog", site.config.catalog


def test_once_is_a_table_and_ends(alone, walked):
    result = alone("top", walked.processor, "--once", "--every", "0.1", *options(walked))
    assert result.returncode == 0, result.stderr
    head, row = result.stdout.splitlines()
    assert head.split()[:4] == ["group", "state", "members", "lag"]
    assert row.split()[:6] == [walked.processor, "empty", "0", "0", "0", "s"]


def test_json_has_a_line_for_each_group(alone, walked):
    result = alone("top", walked.processor, "--once", "--every", "0.1", "--json", *options(walked))
    (line,) = [json.loads(each) for each in result.stdout.splitlines()]
    assert (line["group"], line["lag"], line["read_rate"]) == (walked.processor, 0, 0.0)
    assert line["letters"] > 0


def test_it_goes_on_until_ctrl_c_a_block_with_its_time_after_the_other(alone, walked):
    with alone.start("top", walked.processor, "--every", 0.1, *options(walked)) as process:
        read = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert not process.stderr.read()
    for block in (read[:3], read[3:]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", block[0])
        assert block[1].startswith("group ")
        assert block[2].startswith(walked.processor)
