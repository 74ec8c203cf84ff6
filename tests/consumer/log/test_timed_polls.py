"""How long polls took is told of some, and how long commits did of all."""

from __future__ import annotations

import pytest

from pat_events.consumer.log.timed_polls import TimedPolls
from pat_events.errors import TransportError
from pat_events.telemetry import OperationEnded
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from tests.consumer.test_observed import Seen, handlers_of


class Receiver:
    """Takes 0.01 s for each poll, of what it is given."""

    def __init__(self):
        self.now = 100.0
        self.brings = []

    def clock(self):
        return self.now

    def poll(self, max_records, timeout_s):
        self.now += 0.01
        if isinstance(self.brings, Exception):
            raise self.brings
        return self.brings


@pytest.fixture
def seen():
    seen = Seen()
    seen.wants_operations = True
    return seen


def polls_of(receiver, observer):
    return TimedPolls(receiver, Observers([observer], Origin("kafka", "mail")), receiver.clock)


def test_polls_are_timed_20_times_a_second_at_most_where_they_bring_something(seen):
    receiver = Receiver()
    polls = polls_of(receiver, seen)
    for _ in range(50):
        polls.poll(10, 0.1)
    assert seen == []
    receiver.brings = ["an event"]
    for _ in range(100):
        assert polls.poll(10, 0.1) == ["an event"]
    assert seen == [OperationEnded("poll", pytest.approx(0.01), None)] * len(seen)
    assert 15 <= len(seen) <= 20


def test_a_poll_that_fails_is_timed_with_its_error(seen):
    receiver = Receiver()
    receiver.brings = error = TransportError("no")
    with pytest.raises(TransportError):
        polls_of(receiver, seen).poll(10, 0.1)
    assert seen == [OperationEnded("poll", pytest.approx(0.01), error)]


def test_the_last_commit_is_timed_as_it_is_waited_for(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish("a")
    member.turn()
    member.engine.close()
    assert [it.operation for it in seen.of(OperationEnded)] == ["poll", "commit"]
