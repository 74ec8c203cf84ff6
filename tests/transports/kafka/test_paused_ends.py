"""How far behind a paused partition is."""

from __future__ import annotations

import time
from concurrent.futures import Future

import pytest

from pat_events import Config, KafkaConfig, KafkaTransport
from pat_events.transports.kafka import paused_ends
from pat_events.transports.kafka.paused_ends import PausedEnds
from pat_events.transports.sending import Outgoing

PAIR = ("mail", 0)


class Ignored:
    """A listener of rebalances."""

    def __getattr__(self, name):
        return lambda *_: None


@pytest.mark.kafka
def test_what_is_written_while_a_partition_is_paused_is_in_its_end(kafka_broker, create_topic):
    topic = create_topic("paused-ends")
    transport = KafkaTransport(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    sender = transport.sender(Config())
    receiver = transport.receiver("paused-ends", "earliest")
    deadline = time.monotonic() + 60

    def send(count):
        for _ in range(count):
            sender.send(Outgoing(topic, None, b"x", [], 0))
        assert sender.flush(30) == []

    try:
        send(3)
        receiver.subscribe([topic], Ignored())
        got = []
        while len(got) < 3:
            assert time.monotonic() < deadline
            got += receiver.poll(10, 0.1)
        receiver.pause([(topic, 0)])
        send(4)
        while receiver.log_ends().get((topic, 0)) != 7:
            assert time.monotonic() < deadline
            assert receiver.poll(10, 0.1) == []
    finally:
        receiver.close()
        sender.close(10)


class Topics:
    """Answers when it is told to."""

    def __init__(self):
        self.asked = []

    def ask_ends(self, pairs):
        self.asked.append({pair: Future() for pair in pairs})
        return dict(self.asked[-1])


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(paused_ends.time, "monotonic", lambda: now[0])
    return now


def test_there_is_one_question_at_a_time_and_nobody_waits_for_it(clock):
    topics = Topics()
    ends = PausedEnds(topics)
    assert ends.look({PAIR}) == {}
    clock[0] += 60
    assert ends.look({PAIR}) == {}
    assert len(topics.asked) == 1
    topics.asked[0][PAIR].set_exception(OSError("no"))
    assert ends.look({PAIR}) == {}
    assert len(topics.asked) == 2


def test_an_end_is_forgotten_where_its_partition_is_read_again(clock):
    topics = Topics()
    ends = PausedEnds(topics)
    ends.look({PAIR})
    topics.asked[0][PAIR].set_result(type("Info", (), {"offset": 9}))
    assert ends.look({PAIR}) == {PAIR: 9}
    assert ends.look(set()) == {}
