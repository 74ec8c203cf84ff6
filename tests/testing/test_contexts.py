"""``testing.context``: a handler is called as a group would call it, and what it does is seen."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pat_events import ConfigError, Handlers, SchemaError, UnknownEventError
from pat_events.events import (
    EmailDeleted,
    EmailProcessed,
    EmailReceived,
    EventMetadata,
)
from pat_events.testing import context

handlers = Handlers()


@handlers.on(EmailReceived)
def process(event: EmailReceived, ctx) -> None:
    ctx.publish(EmailProcessed(email_id=event.email_id, error_message=f"{ctx.attempt}"))


@handlers.on(EmailDeleted)
async def delete(event: EmailDeleted, ctx) -> None:
    ack = await ctx.apublish(EmailProcessed(email_id=event.email_id))
    assert (await ack).topic == "pat-emails"


def test_what_a_function_published_is_listed_as_it_gave_it():
    event = EmailReceived(email_id="e-1")
    ctx = context(event, attempt=3)
    assert ctx.published == []
    process(event, ctx)
    assert ctx.published == [EmailProcessed(email_id="e-1", error_message="3")]
    assert ctx.failed is None


def test_what_a_coroutine_published_is_listed_and_acknowledged():
    event = EmailDeleted(email_id="e-1")
    ctx = context(event)
    asyncio.run(delete(event, ctx))
    assert ctx.published == [EmailProcessed(email_id="e-1")]


def test_in_a_batch_each_event_has_its_own():
    events = [EmailReceived(email_id=f"e-{number}") for number in range(3)]
    pairs = [(event, context(event)) for event in events]
    error = ValueError("odd")
    for number, (event, ctx) in enumerate(pairs):
        if number == 1:
            ctx.fail(error)
        else:
            process(event, ctx)
    assert [ctx.failed for _, ctx in pairs] == [None, error, None]
    assert [len(ctx.published) for _, ctx in pairs] == [1, 0, 1]


def test_the_event_has_the_envelope_a_producer_gives_it():
    event = EmailReceived(email_id="e-1")
    ctx = context(event, tenant_id="t-1", correlation_id="c-1", headers={"x": b"1"})
    assert (ctx.tenant_id, ctx.correlation_id, ctx.attempt) == ("t-1", "c-1", 1)
    assert (ctx.key, dict(ctx.headers)["x"]) == (b"e-1", b"1")
    assert (ctx.position.topic, ctx.envelope.subject) == ("pat-emails", "e-1")
    assert ctx.event_id == event.metadata.event_id != ""
    assert (event.metadata.tenant_id, event.metadata.correlation_id) == ("t-1", "c-1")
    assert context(EmailReceived(email_id="e-1")).tenant_id is None


def test_an_event_comes_by_itself_unless_a_replay_is_named():
    assert context(EmailReceived(email_id="e-1")).replay is None
    ctx = context(EmailReceived(email_id="e-1"), replay="pat-dev-again", headers={"x": b"1"})
    assert (ctx.replay, dict(ctx.headers)["x"]) == ("pat-dev-again", b"1")


def test_metadata_that_the_event_brings_stays():
    event = EmailReceived(email_id="e-1", metadata=EventMetadata(event_id="i", tenant_id="t"))
    assert (context(event).event_id, context(event).tenant_id) == ("i", "t")


def test_the_tenant_a_handler_publishes_for_is_seen_and_a_later_change_of_the_event_is_not():
    ctx = context(EmailReceived(email_id="e-1"), tenant_id="t-1")
    follow_up = EmailProcessed(email_id="e-1")
    ctx.publish(follow_up, tenant_id="t-2")
    assert follow_up.metadata.correlation_id == ctx.correlation_id
    follow_up.email_id = "e-2"
    ctx.publish(EmailProcessed(email_id="e-3"))
    assert ctx.published == [
        EmailProcessed(email_id="e-1", metadata=EventMetadata(tenant_id="t-2")),
        EmailProcessed(email_id="e-3"),
    ]


@pytest.mark.parametrize(
    ("follow_up", "headers", "error"),
    [
        (EmailProcessed(), None, SchemaError),
        (EventMetadata(), None, UnknownEventError),
        ("e-1", None, UnknownEventError),
        (EmailProcessed, None, UnknownEventError),
        (EmailProcessed(email_id="e-1"), {"ce_id": b"1"}, ConfigError),
    ],
)
def test_what_a_producer_refuses_is_refused_and_not_listed(follow_up, headers, error):
    ctx = context(EmailReceived(email_id="e-1"))
    with pytest.raises(error):
        ctx.publish(follow_up, tenant_id="t-1", headers=headers)
    with pytest.raises(error):
        asyncio.run(ctx.apublish(follow_up, headers=headers))
    assert ctx.published == []


def test_an_event_without_its_key_is_none_that_a_handler_could_get():
    with pytest.raises(SchemaError, match=r"email_id is empty"):
        context(EmailReceived())


@pytest.mark.parametrize("attempt", [0, "1", None])
def test_attempts_count_from_one(attempt):
    with pytest.raises(ConfigError, match="attempt"):
        context(EmailReceived(email_id="e-1"), attempt=attempt)


def test_no_thread_is_begun_and_nothing_is_kept_behind_the_last_event():
    threads = threading.active_count()
    for number in range(100):
        process(event := EmailReceived(email_id=f"e-{number}"), ctx := context(event))
    assert threading.active_count() == threads
    broker = ctx.acks[0]._sender._broker
    assert sum(len(broker.records(topic)) for topic in broker.partition_counts()) <= 12


def test_settings_are_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("PAT_EVENTS_TENANT_ID", "t-9")
    monkeypatch.delenv("PAT_EVENTS_BOOTSTRAP_SERVERS", raising=False)
    assert context(EmailReceived(email_id="e-1")).tenant_id == "t-9"
    monkeypatch.setenv("PAT_EVENTS_TENANT_ID", "t-8")
    assert context(EmailReceived(email_id="e-1")).tenant_id == "t-8"
