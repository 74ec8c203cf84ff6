"""The fixtures work in the project of a user, who has only installed the package."""

from __future__ import annotations

import pytest

# A run inside this process forgets what it imported, which generated classes do not survive.
import pat_events.consumer
import pat_events.events
import pat_events.producer.producer  # noqa: F401

pytest_plugins = ["pytester"]

# Hypothesis takes a second to start, in every run.
QUICK = ("-q", "-p", "no:hypothesispytest")
PRELUDE = """
import threading

from confluent_kafka import Consumer, KafkaError, TopicPartition
import pytest

from pat_events.consumer.context import Context
from pat_events.consumer.handlers import Handlers
from pat_events.errors import NotDeliveredError, PatEventsError
from pat_events.events import EmailReceived
from pat_events.testing import Api


def partitions_of(kafka):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "any"})
    topics = consumer.list_topics(timeout=15).topics
    consumer.close()
    return {name: len(topic.partitions) for name, topic in topics.items()}
"""

FIXTURES = """
def test_the_topics_of_the_catalogue_and_its_dead_letters_are_there(kafka):
    partitions = partitions_of(kafka)
    assert partitions["pat-emails"] == partitions["pat-events"] == 12
    assert partitions["pat-emails.email-processor.dlq"] == 3


@pytest.mark.parametrize("_", [1, 2])
def test_every_test_has_a_broker_of_its_own(kafka, producer, _):
    ack = producer.publish(EmailReceived(email_id="e-1"))
    assert ack.result(15).offset == 0


def test_a_group_handles_what_is_published(producer, consumer_group):
    handlers, handled = Handlers(), threading.Event()

    @handlers.on(EmailReceived)
    def handle(event: EmailReceived, ctx: Context) -> None:
        assert event.email_id == "e-1"
        handled.set()

    group = consumer_group(handlers)
    assert group.name == "test-group"
    producer.publish(EmailReceived(email_id="e-1"))
    assert handled.wait(15)


def test_two_groups_each_see_every_event(producer, consumer_group):
    producer.publish(EmailReceived(email_id="e-1"))
    handled = {"test-group": threading.Event(), "email-processor": threading.Event()}
    for name, seen in handled.items():
        handlers = Handlers()
        handlers.on(EmailReceived)(lambda event, ctx, seen=seen: seen.set())
        consumer_group(handlers, name=name)
    assert all(seen.wait(15) for seen in handled.values())


groups = []


def test_a_group_may_have_two_members(consumer_group):
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: None)
    groups.extend([consumer_group(handlers), consumer_group(handlers)])
    assert [group.running for group in groups] == [True, True]


def test_groups_are_stopped_when_their_test_ends():
    assert [group.running for group in groups] == [False, False]


def test_a_fault_left_in_place_does_not_hold_up_the_end(kafka, producer, consumer_group):
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: None)
    consumer_group(handlers)
    kafka.faults.broker_down()
    producer.publish(EmailReceived(email_id="e-1"))


class TestOwnFixtureOfTheSameName:
    @pytest.fixture
    def kafka(self):
        return "mine"

    def test_it_wins(self, kafka):
        assert kafka == "mine"
"""

OWN_CATALOGUE = """
version: 1
package: shop.v1
python_module: pat_events.events
topics:
  orders: {description: Orders., partitions: 2, retention_days: 7}
dead_letters: {partitions: 1, retention_days: 7}
events:
  EmailReceived: {topic: orders, key: email_id, source: shop, detail_type: Ordered}
groups:
  shippers: {consumes: [EmailReceived]}
queues: {}
schedules: {}
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """Run a test file as a user does, who has a folder of his own."""
    monkeypatch.delenv("PAT_EVENTS_CATALOG", raising=False)

    def run(source: str) -> pytest.RunResult:
        pytester.makepyfile(PRELUDE + source)
        return pytester.runpytest_inprocess(*QUICK)

    return run


def test_the_fixtures_do_what_they_say(project) -> None:
    project(FIXTURES).assert_outcomes(passed=9)


def test_a_catalogue_of_the_users_own_is_taken_from_the_environment(
    project, tmp_path, monkeypatch
) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(OWN_CATALOGUE)
    monkeypatch.setenv("PAT_EVENTS_CATALOG", str(catalog))
    result = project(
        """
def test_topics(kafka):
    assert partitions_of(kafka) == {
        "orders": 2,
        "orders.shippers.dlq": 1,
        "orders.shippers.retry": 1,
        "shippers.audit": 1,
    }
"""
    )
    result.assert_outcomes(passed=1)


def test_an_event_that_was_not_delivered_fails_its_test_unless_it_was_expected(project) -> None:
    result = project(
        """
def test_unnoticed(kafka, producer):
    kafka.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    with pytest.raises(PatEventsError):
        producer.publish(EmailReceived(email_id="e-1")).result(15)

def test_expected(kafka, producer):
    kafka.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    producer.publish(EmailReceived(email_id="e-1"))
    with pytest.raises(NotDeliveredError):
        producer.flush(15)
"""
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*NotDeliveredError*"])


def test_a_run_without_the_fixtures_starts_and_imports_nothing(pytester) -> None:
    pytester.makepyfile(
        """
import sys
import threading

def test_threads():
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
    assert "confluent_kafka" not in sys.modules
"""
    )
    pytester.runpytest_subprocess(*QUICK, timeout=60).assert_outcomes(passed=1)
