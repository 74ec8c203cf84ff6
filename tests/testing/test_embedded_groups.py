"""Groups of an embedded broker: who leaves is not waited for as long as by default."""

from __future__ import annotations

import threading

import pytest

from pat_events import ConsumerGroup, Handlers
from pat_events.events import EmailReceived


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_member_started_again_reads_within_seconds(kafka, producer, protocol):
    transport = kafka.transport(group_protocol=protocol)
    for number in range(2):
        handlers, handled = Handlers(), threading.Event()
        handlers.on(EmailReceived)(lambda event, ctx, handled=handled: handled.set())
        with ConsumerGroup("email-processor", handlers, transport=transport, start="earliest"):
            producer.publish(EmailReceived(email_id=f"e-{number}"))
            assert handled.wait(15)
