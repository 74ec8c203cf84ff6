"""Events whose time is over: told in time, and none of the others with them."""

from __future__ import annotations

import time

import pytest

from pat_events.errors import NotDeliveredError, TransportTimeoutError
from pat_events.events import EmailReceived

DEADLINE_S = 20.0


def test_what_was_given_up_and_delivered_late_is_told_once(broker, kafka_producer, stored):
    producer = kafka_producer(delivery_timeout_s=0.5)
    broker.faults.broker_down()
    ack = producer.publish(EmailReceived(email_id="e"))
    told = []
    ack.add_done_callback(told.append)
    with pytest.raises(TransportTimeoutError, match="may still be delivered"):
        ack.result(DEADLINE_S)
    with pytest.raises(NotDeliveredError, match="1 failed"):
        producer.flush(DEADLINE_S)
    broker.faults.broker_up()
    (message,) = stored("pat-emails", 1)
    assert dict(message.headers())["ce_id"].decode() == ack.event_id
    deadline = time.monotonic() + DEADLINE_S
    while producer._sender._ledger._expired:
        assert time.monotonic() < deadline
        producer._sender.wait_for_room(0.01)
    assert told == [ack]
    assert producer.publish(EmailReceived(email_id="e")).result(DEADLINE_S).offset == 1


def test_in_an_outage_what_was_given_up_makes_room(broker, kafka_producer, monkeypatch):
    monkeypatch.setattr("pat_events.transports.kafka.ledger.SILENT_S", 0.1)
    producer = kafka_producer(delivery_timeout_s=0.2, buffer_events=3, publish_timeout_s=DEADLINE_S)
    broker.faults.broker_down()
    over = [producer.publish(EmailReceived(email_id="e")) for _ in range(3)]
    producer.publish(EmailReceived(email_id="e"))  # Waits for room.
    assert [type(it.error) for it in over] == [TransportTimeoutError] * 3
    with pytest.raises(NotDeliveredError):
        producer.close(0)
