"""``pat-events lag`` beside a group on a real broker: an embedded one tells no positions."""

import contextlib
import copy
import json
import re
import signal

import pytest
import yaml
from confluent_kafka import Consumer, TopicPartition

from pat_events import KafkaConfig
from pat_events.cli.watching import look_again
from pat_events.demo import sites
from pat_events.errors import TransportUnavailableError
from pat_events.transports.kafka.admin import KafkaAdmin
from pat_events.transports.kafka.transport import KafkaTransport
from tests.support.clusters import kafka_config
from tests.support.demo import demo_on
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def walked(kafka_broker):
    """Topics and two groups of the demo, which have read all there is: 34 events."""
    with demo_on(kafka_broker.bootstrap_servers) as site:
        yield site


def options(site):
    return "--bootstrap", site.cluster.kafka.bootstrap_servers, "--catalog", site.config.catalog


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@contextlib.contextmanager
def two_members(address, topic, **settings):
    """A topic of one partition and two members, so that one of them has nothing to read."""
    members = [
        Consumer(
            {
                "bootstrap.servers": address,
                "group.id": topic,
                "client.id": name,
                "auto.offset.reset": "earliest",
                **settings,
            }
        )
        for name in ("first", "second")
    ]
    admin = KafkaAdmin(KafkaConfig(bootstrap_servers=address))
    try:
        for member in members:
            member.subscribe([topic])

        def settled():
            for member in members:
                member.poll(0.05)
            who = admin.membership(topic)
            reading = [member for member in members if member.assignment()]
            return who.state == "stable" and len(who.members) == 2 and len(reading) == 1

        until(settled)
        [reader] = [member for member in members if member.assignment()]
        reader.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
        yield
    finally:
        for member in members:
            member.close()
        admin.delete([], [topic])


def test_json_has_a_line_for_each_partition(alone, walked):
    [topic] = walked.catalog.topics
    result = alone("lag", walked.processor, "--json", *options(walked))
    assert result.returncode == 0, result.stderr
    rows = lines(result.stdout)
    [retry] = walked.catalog.retry_topics(walked.processor)
    assert [(row["topic"], row["partition"]) for row in rows] == [
        *((topic, number) for number in range(12)),
        *((retry, number) for number in range(3)),
    ]
    assert {(row["group"], row["lag"]) for row in rows} == {(walked.processor, 0)}
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


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_members_tell_who_reads_a_partition_and_who_reads_none(
    alone, kafka_broker, create_topic, topic_name, protocol
):
    topic = create_topic(topic_name, partitions=1)
    where = "--bootstrap", kafka_broker.bootstrap_servers
    with two_members(kafka_broker.bootstrap_servers, topic, **{"group.protocol": protocol}):
        result = alone("lag", topic, "--members", "--json", *where)
        shown = alone("lag", topic, "--members", *where)
    assert result.returncode == 0, result.stderr
    reading, idle = lines(result.stdout)
    assert (reading["topic"], reading["partition"], reading["lag"]) == (topic, 0, 0)
    assert (idle["topic"], idle["partition"], idle["lag"]) == (None, None, None)
    assert {reading["client"], idle["client"]} == {"first", "second"}
    for line in (reading, idle):
        assert line["state"] == "stable"
        assert line["host"] == "127.0.0.1"
        assert line["instance"] is None
    *rows, total = shown.stdout.splitlines()[1:]
    assert [row.split()[-3:] for row in rows] == [
        [line["client"], "127.0.0.1", line["member"][-12:]] for line in (reading, idle)
    ]
    assert total.rstrip().endswith("stable, 2 members")


def test_without_a_member_a_group_is_empty_and_one_nobody_ever_joined_is_not_there(
    alone, walked, tmp_path
):
    raw = yaml.safe_load(walked.config.catalog.read_text())
    raw["groups"]["newcomer"] = copy.deepcopy(raw["groups"][walked.processor])
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(raw))
    where = *options(walked)[:2], "--catalog", path
    result = alone("lag", walked.processor, "newcomer", "--members", *where)
    assert result.returncode == 0, result.stderr
    totals = [line for line in result.stdout.splitlines() if " all " in line]
    assert totals[0].rstrip().endswith("empty, 0 members")
    assert totals[1].rstrip().endswith("no such group")


def test_watching_goes_on_until_ctrl_c_a_block_with_its_time_after_the_other(alone, walked):
    with alone.start("lag", walked.processor, "--watch", 0.1, *options(walked)) as process:
        read = [process.stdout.readline() for _ in range(2 * 19)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert not process.stderr.read()
    for block in (read[:19], read[19:]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", block[0])
        assert block[1].startswith("group ")
        assert block[-2].split() == [walked.processor, "all", "0"]
        assert block[-1] == "\n"


def test_watching_outlives_an_outage():
    answers = iter(["first", TransportUnavailableError("no broker answered at b:1"), "second"])

    def look():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert look_again(look, 0) == "first"
    assert look_again(look, 0) == "second"


class _Noting:
    """Takes partitions and does nothing more about it."""

    def __init__(self):
        self.owned = set()

    def assigned(self, partitions):
        self.owned |= set(partitions)

    def revoked(self, partitions):
        self.owned -= set(partitions)

    lost = revoked


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_member_of_ours_is_named_after_its_group(
    alone, kafka_broker, create_topic, topic_name, protocol
):
    topic = create_topic(topic_name)
    config = kafka_config(kafka_broker.bootstrap_servers, protocol)
    member = KafkaTransport(config).receiver(topic, "earliest")
    admin, noting = KafkaAdmin(config), _Noting()
    try:
        member.subscribe([topic], noting)

        def joined():
            member.poll(1, 0.05)
            # The group knows it before the member is told.
            return noting.owned and admin.membership(topic).reader((topic, 0))

        until(joined)
        member.commit({(topic, 0): 0}, wait=True)
        where = "--bootstrap", kafka_broker.bootstrap_servers
        result = alone("lag", topic, "--members", "--json", *where)
    finally:
        member.close()
        admin.delete([], [topic])
    assert result.returncode == 0, result.stderr
    assert [line["client"] for line in lines(result.stdout)] == [f"pat-events-{topic}"]
