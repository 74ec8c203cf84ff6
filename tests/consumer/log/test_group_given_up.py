"""A group that does not end is left as it was: nothing it published is waited for again."""

from __future__ import annotations

import threading

import pytest

from pat_events import Handlers
from pat_events.errors import ClosedError, NotDrainedError
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.transports.memory import MemoryTransport


def test_what_a_group_that_is_given_up_has_published_is_not_called_lost(
    live, wait_until, monkeypatch, caplog
):
    free = threading.Event()
    called = threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        live.broker.set_down(down=True)
        ctx.publish(EmailProcessed(email_id="follow-up"))
        called.set()

    receiver = MemoryTransport(live.broker).receiver
    monkeypatch.setattr("pat_events.consumer.log.group._LEAVE_S", 0.2)
    group = live.group(handlers, started=False, drain_timeout_s=0.05)

    def hangs(name, start):
        member = receiver(name, start)
        member.close = lambda: free.wait(10)
        return member

    monkeypatch.setattr(group._transport, "receiver", hangs)
    live.publish("a")
    ending = threading.Timer(0, lambda: (called.wait(10), group._ask_to_stop()))
    ending.start()
    with pytest.raises(NotDrainedError, match=r"left as it was; what was not settled comes"):
        group.run()
    with pytest.raises(ClosedError):
        group._producer.publish(EmailProcessed(email_id="late"))
    assert "handles the events behind these again, or has" in caplog.text
    free.set()
    wait_until(lambda: not group.running)
