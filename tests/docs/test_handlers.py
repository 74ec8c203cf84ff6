"""What docs/handlers.md says of its examples is what they do."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from pat_events import Config, ConsumerGroup, Producer, load_catalog
from pat_events.events import (
    EmailAddress,
    EmailDeleted,
    EmailReceived,
    EmailValidated,
    EventMetadata,
    TenantEvent,
)
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.examples import examples
from tests.support.waiting import until

GROUP = "email-processor"
CONFIG = Config(connect_timeout_s=0)


def example(part):
    """The names of the one example that has this in it."""
    [found] = [each for each in examples("docs/handlers.md", "python") if part in each.text]
    return found.run()


def email(email_id, subject="", sender=""):
    event = EmailReceived(email_id=email_id, subject=subject)
    getattr(event, "from").CopyFrom(EmailAddress(address=sender))
    return event


@pytest.fixture
def handle(monkeypatch, tmp_path):
    """Publish events, have them handled, and return the broker with the counts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAT_EVENTS_BOOTSTRAP_SERVERS", "memory")

    def handle(handlers, *events, until_done=lambda stats: not stats.in_flight, **settings):
        broker = MemoryBroker()
        for topic in load_catalog().topics:
            broker.create_topic(topic, 1)
            broker.create_topic(f"{topic}.{GROUP}.dlq", 1)
        transport = MemoryTransport(broker)
        with Producer(CONFIG, transport=transport) as producer:
            for event in events:
                producer.publish(event)
        group = ConsumerGroup(
            GROUP, handlers, config=CONFIG, transport=transport, drain_timeout_s=1, **settings
        )
        with group:
            until(lambda: (s := group.stats()).delivered >= len(events) and until_done(s))
            stats = group.stats()
        return broker, stats

    return handle


def letters(broker, topic="pat-emails"):
    """The reason of each dead letter by its key."""
    return {
        record.key.decode(): record.header_values["pat-dlq-reason"].decode()
        for record in broker.records(f"{topic}.{GROUP}.dlq")
    }


def test_functions_coroutines_and_objects_handle_in_one_group(handle):
    names = example("class Cleaner")
    events = (email("e-1"), EmailValidated(email_id="e-1"), EmailDeleted(email_id="e-1"))
    _, stats = handle(names["handlers"], *events)
    assert (stats.handled, stats.skipped, stats.dead_lettered) == (3, 0, 0)


def test_a_permanent_error_is_a_dead_letter_and_a_transient_one_is_tried_again(handle):
    names = example("class UnknownCustomerError")
    broker, stats = handle(
        names["handlers"],
        email("none"),
        email("busy", sender="a@busy.example"),
        email("fine", sender="a@fine.example"),
        until_done=lambda stats: stats.in_flight == 1 and stats.retried,
    )
    assert letters(broker) == {"none": "rejected"}
    assert (stats.handled, stats.dead_lettered, stats.retried) == (1, 1, 1)


def test_what_is_given_up_on_is_a_dead_letter_at_once(handle):
    names = example("give_up_on=")
    metadata = EventMetadata(attributes={"settings": "{"})
    broker, stats = handle(names["handlers"], TenantEvent(tenant_id="t-1", metadata=metadata))
    assert letters(broker, "pat-events") == {"t-1": "not-retried"}
    assert stats.retried == 0


def test_an_event_that_comes_twice_has_one_effect(handle):
    names = example("INSERT OR IGNORE")
    event = email("e-1", "hello")
    _, stats = handle(names["handlers"], event, event)
    assert stats.handled == 2
    with closing(sqlite3.connect("mails.db")) as database:
        assert database.execute("SELECT subject FROM mails").fetchall() == [("hello",)]


def test_what_follows_from_an_event_that_comes_twice_has_one_id(handle):
    names = example("uuid5")
    event = email("e-1")
    broker, _ = handle(names["handlers"], event, event)
    ids = [
        record.header_values["ce_id"]
        for record in broker.records("pat-emails")
        if record.header_values["ce_type"].endswith(b"EmailProcessed")
    ]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_an_event_that_fails_in_a_batch_takes_no_other_with_it(handle):
    names = example("handlers.batch")
    events = [email("e-1", "one"), email("e-2"), email("e-3", "three")]
    broker, stats = handle(names["handlers"], *events, order="partition")
    assert sorted(names["rows"]) == ["one", "three"]
    assert letters(broker) == {"e-2": "rejected"}
    assert stats.handled == 2


def test_an_observer_counts_failures_by_handler_and_error(handle):
    names = example("class Failures")
    failures = names["failures"]
    handle(names["handlers"], email("e-1", "hello"), email("e-2"), observers=[failures])
    name = f"{names['__name__']}.process"
    assert failures.counts == {("GivenUp", name, "PermanentError"): 1}
