"""What the log in memory does when callbacks publish, wait and close."""

from __future__ import annotations

import pytest

from pat_events import Config
from pat_events.errors import BufferFullError
from pat_events.transports.memory import MemoryBroker, MemoryTransport

TOPIC = "t"


@pytest.fixture
def broker():
    broker = MemoryBroker()
    broker.create_topic(TOPIC, 1)
    return broker


@pytest.fixture
def sender(broker):
    return MemoryTransport(broker).sender(Config())


def test_a_chain_of_callbacks_that_publish_has_no_end_it_could_run_into(broker, sender, record):
    count = 5_000
    sent = []

    def again(_=None):
        if len(sent) < count:
            sent.append(record(str(len(sent)), again))
            sender.send(sent[-1])

    again()
    assert len(broker.records(TOPIC)) == count
    assert {it.settlements for it in sent} == {1}


def test_what_a_callback_publishes_comes_after_what_was_sent_before(broker, sender, record):
    broker.set_down(down=True)
    sender.send(record("1", lambda _: sender.send(record("answer"))))
    sender.send(record("2"))
    broker.set_down(down=False)
    assert [it.value for it in broker.records(TOPIC)] == [b"1", b"2", b"answer"]


def test_a_callback_is_told_that_it_must_not_wait_for_room(sender, record):
    told = []
    sender.send(record("1", lambda _: told.append(sender.may_wait())))
    assert told == [False]
    assert sender.may_wait()


def test_in_a_callback_flush_returns_at_once_what_waits(sender, record):
    answer, found = record("answer"), []

    def flush(_):
        sender.send(answer)
        found.append(sender.flush(3600))

    sender.send(record("1", flush))
    assert found == [[answer]]
    assert answer.settlements == 1


def test_a_callback_that_fails_does_not_stop_the_writing_for_good(broker, sender, record):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sender.send(record("1", interrupt))
    sender.send(record("2"))
    assert [it.value for it in broker.records(TOPIC)] == [b"1", b"2"]


def test_a_full_buffer_in_a_callback_is_said_at_once(record):
    broker = MemoryBroker()
    broker.create_topic(TOPIC, 1)
    sender, refused = MemoryTransport(broker).sender(Config(buffer_events=2)), []

    def fill(_):
        for name in "abc":
            try:
                sender.send(record(name))
            except BufferFullError:
                refused.append(name)

    sender.send(record("1", fill))
    assert refused == ["c"]
