"""What a sender to Kafka tells of itself, besides what becomes of records."""

from __future__ import annotations

import time

import pytest

from pat_events import Config, KafkaConfig
from pat_events.telemetry import BufferLevel, OperationEnded
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from pat_events.testing import EmbeddedBroker
from pat_events.transports.kafka.ledger import Ledger
from pat_events.transports.kafka.sender import KafkaSender
from pat_events.transports.kafka.timed_sends import TimedSends
from pat_events.transports.sending import Outgoing
from tests.support.waiting import until


class Seen(list):
    """An observer of everything."""

    wants_levels = wants_operations = True

    def saw(self, what):
        self.append(what)

    def of(self, kind):
        return [it for it in self if isinstance(it, kind)]


def record(value=b"1234"):
    return Outgoing("mail", None, value, [], 0)


def test_one_record_at_a_time_is_timed_until_it_is_settled():
    seen, now = Seen(), [10.0]
    timed = TimedSends(Observers([seen], Origin("kafka")), lambda: now[0])
    first, second = record(), record()
    timed.begin(first)
    now[0] = 11.0
    timed.begin(second)
    second.settle(None, (0, 0))
    timed.look(12.0)
    assert seen == []
    error = OSError("no")
    first.settle(error, None)
    timed.look(12.5)
    timed.look(13.0)
    assert seen == [OperationEnded("send", 2.5, error)]


def test_nothing_is_timed_for_observers_who_do_not_want_it():
    now = [10.0]
    observers = Observers([type("Bare", (), {"saw": print})()], Origin("kafka"))
    timed = TimedSends(observers, lambda: now[0])
    timed.begin(record())
    assert timed._timed is None


def test_the_age_of_the_oldest_is_known_though_no_record_has_a_time():
    ledger = Ledger(delivery_timeout_s=60)
    for number in range(1, 101):
        outgoing = record()
        ledger.taken = number
        ledger.outstanding[outgoing] = number
        ledger.is_overdue(1000.0 + number / 10)
    assert ledger.level(1010.0) == (100, 400, pytest.approx(9.9))
    for outgoing in list(ledger.outstanding)[:50]:
        del ledger.outstanding[outgoing]
    events, size, oldest_s = ledger.level(1010.0)
    assert (events, size) == (50, 200)
    assert 4.8 <= oldest_s <= 5.0


def test_a_sender_tells_how_full_it_is_and_how_long_a_send_took():
    seen = Seen()
    with EmbeddedBroker() as broker:
        broker.create_topic("mail", 1)
        config = KafkaConfig(bootstrap_servers=broker.bootstrap_servers)
        sender = KafkaSender(config, Config(), observers=[seen])
        try:
            began = time.monotonic()
            sender.send(record())
            sender.expedite()
            until(lambda: seen.of(OperationEnded), 20)
            assert 0 < seen.of(OperationEnded)[0].seconds <= time.monotonic() - began
            assert seen.of(OperationEnded)[0].error is None
            until(lambda: seen.of(BufferLevel), 20)
            level = seen.of(BufferLevel)[0]
            assert (level.max_events, level.max_bytes) == (100_000, 268_435_456)
        finally:
            sender.close(10)
    assert seen.of(BufferLevel)[-1].max_events == 0
