"""Records in structured mode on their way through a group."""

from __future__ import annotations

from pat_events import Handlers
from pat_events.errors import PermanentError
from pat_events.events import EmailProcessed, EmailReceived
from tests.support.cloud_events import BY_SDK, STRUCTURED, TRACEPARENT, structured


def test_events_of_others_are_handled_beside_our_own(live, wait_until):
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def note(event, ctx):
        handled.append((event.email_id, ctx.event_id, ctx.attempt))

    live.publish("ours")
    for value, headers in BY_SDK.values():
        live.raw(value, headers)
    live.group(handlers)
    wait_until(lambda: len(handled) == len(BY_SDK) + 1)
    assert handled[0][0] == "ours"
    assert {each[:2] for each in handled[1:]} == {("m-1", "e-1")}
    assert live.dead == []


def test_a_follow_up_carries_on_what_the_value_says(live, wait_until, header):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def answer(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id))

    live.raw(structured(correlationid="c-1", tenantid="t-1"), STRUCTURED)
    live.group(handlers)
    wait_until(lambda: live.committed >= 1)
    [_, follow_up] = live.broker.records("pat-emails")
    assert header(follow_up, "ce_causationid") == "e-1"
    assert header(follow_up, "ce_correlationid") == "c-1"
    assert header(follow_up, "ce_tenantid") == "t-1"
    assert header(follow_up, "traceparent")[:36] == TRACEPARENT[:36]


def test_a_dead_letter_is_the_record_as_it_came(live, wait_until, header):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def refuse(event, ctx):
        raise PermanentError("no")

    value = structured()
    live.raw(value, [*STRUCTURED, ("x", b"1")])
    live.group(handlers)
    wait_until(lambda: live.dead)
    [letter] = live.dead
    assert letter.value == value
    assert list(letter.headers)[:2] == [*STRUCTURED, ("x", b"1")]
    assert not [name for name, _ in letter.headers if name.startswith("ce_")]


def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_goes_on(live, wait_until, header):
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def note(event, ctx):
        handled.append(event.email_id)

    bad = [b"{", b'{"a":' * 50_000, structured(data="x"), structured(type=7), None]
    for value in bad:
        live.raw(value, STRUCTURED)
    live.raw(
        b"{}{", [("ce_type", b"pat.events.v1.EmailReceived"), ("content-type", b"application/json")]
    )
    live.publish("good")
    live.group(handlers)
    wait_until(lambda: handled and len(live.dead) == len(bad) + 1)
    assert handled == ["good"]
    reasons = {header(letter, "pat-dlq-error-class") for letter in live.dead}
    assert reasons == {"pat_events.errors.CodecError", "pat_events.errors.UnknownEventError"}
