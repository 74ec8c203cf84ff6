"""What a handler publishes through its context, by ``publish`` and ``apublish`` alike."""

from __future__ import annotations

import pytest

from pat_events import Handlers
from pat_events.core.envelope import read_envelope
from pat_events.core.record import Delivery
from pat_events.events import EmailProcessed, EmailReceived

TOPIC = "pat-emails"


def handlers_that(how):
    handlers = Handlers()
    if how == "publish":

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            ctx.publish(EmailProcessed(email_id=event.email_id), headers={"own": b"header"})

    else:

        @handlers.on(EmailReceived)
        async def handle_async(event, ctx):
            await ctx.apublish(EmailProcessed(email_id=event.email_id), headers={"own": b"header"})

    return handlers


TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("how", ["publish", "apublish"])
def test_a_follow_up_carries_correlation_causation_tenant_and_trace(stage, how):
    # A trace comes from whoever began the chain: publishing begins none.
    first = read_envelope(
        Delivery("t", 0, 0, None, None, [("traceparent", TRACEPARENT), ("ce_id", b"first")], 0)
    )
    stage.producer.publish(
        EmailReceived(email_id="e-1"),
        caused_by=first,
        correlation_id="chain-1",
        tenant_id="tenant-1",
    )
    member = stage.member(handlers_that(how))
    member.turn()
    cause, follow_up = (record.header_values for record in stage.broker.records(TOPIC))
    assert follow_up["ce_type"] == b"pat.events.v1.EmailProcessed"
    assert follow_up["ce_correlationid"] == b"chain-1"
    assert follow_up["ce_causationid"] == cause["ce_id"]
    assert follow_up["ce_tenantid"] == b"tenant-1"
    assert follow_up["own"] == b"header"
    version, trace, span, flags = follow_up["traceparent"].split(b"-")
    assert (version, trace, flags) == (b"00", TRACEPARENT.split(b"-")[1], b"01")
    assert span not in cause["traceparent"]


@pytest.mark.parametrize("how", ["publish", "apublish"])
def test_a_follow_up_may_name_another_tenant(stage, how):
    async def handle_async(event, ctx):
        await ctx.apublish(EmailProcessed(email_id=event.email_id), tenant_id="their")

    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id), tenant_id="their")

    handlers = Handlers()
    handlers.add(EmailReceived, handle if how == "publish" else handle_async)
    stage.producer.publish(EmailReceived(email_id="e-1"), tenant_id="tenant-1")
    stage.member(handlers).turn()
    assert stage.broker.records(TOPIC)[1].header_values["ce_tenantid"] == b"their"


@pytest.mark.parametrize("how", ["publish", "apublish"])
def test_an_event_is_committed_only_when_its_follow_up_is_acknowledged(stage, how):
    member = stage.member(handlers_that(how))
    stage.publish("e-1")
    member.step()
    stage.broker.set_down(down=True)
    member.workers.run_all()
    for _ in range(5):
        member.turn(1)
    assert (member.stats.handled, stage.committed <= 0) == (0, True)
    stage.broker.set_down(down=False)
    member.run_until(lambda: stage.committed == 2)
    assert member.stats.handled == 1
