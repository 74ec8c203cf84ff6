"""What consumers tell those who want levels: how much is not done, and since when."""

from __future__ import annotations

import pytest

from pat_events import HoldError
from pat_events.telemetry import Levels, PartitionLevel
from tests.consumer.conftest import TOPIC
from tests.consumer.test_observed import Seen, handlers_of
from tests.support.queue_stage import NAME, QueueStage


class SeenLevels(Seen):
    wants_levels = True

    @property
    def last(self):
        return self.of(Levels)[-1]


@pytest.fixture
def seen():
    return SeenLevels()


def test_a_group_tells_how_much_of_each_partition_is_not_done_and_since_when(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish("a", "b")
    member.step()  # Two events at work, and no worker has run yet.
    stage.clock.advance(5)
    stage.publish("c")
    member.step()
    member.step()
    (published_ms, *_) = [record.timestamp_ms for record in stage.broker.records(TOPIC)]
    (level,) = seen.last.partitions
    assert level == PartitionLevel(
        TOPIC,
        0,
        in_flight=level.in_flight,
        in_flight_bytes=level.in_flight_bytes,
        lanes=level.in_flight,
        paused=False,
        lag=3,
        oldest_ms=published_ms,
    )
    assert level.in_flight >= 2


def test_what_is_settled_has_no_age_and_no_lag(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish("a")
    member.turn()
    member.turn(2)
    (level,) = seen.last.partitions
    assert (level.in_flight, level.lag, level.oldest_ms) == (0, 0, None)


def test_levels_are_told_once_a_second(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    for _ in range(41):
        member.turn(0.1)
    assert len(seen.of(Levels)) in (4, 5)


def test_levels_are_not_told_to_who_does_not_want_them(stage):
    seen = Seen()
    member = stage.member(handlers_of(), observers=[seen])
    member.turn(2)
    member.turn(2)
    assert seen.of(Levels) == []


def test_what_is_held_and_what_is_retried_are_told_apart(stage, seen):
    down = [HoldError("down")] * 20
    member = stage.member(
        handlers_of(down[0], ValueError("no"), *down, first_delay_s=60), observers=[seen]
    )
    stage.publish("a", "b")
    for _ in range(10):
        member.turn(0.3)
    assert (seen.last.held, seen.last.retried) == (1, 1)


def test_a_queue_tells_what_a_consumer_has_of_it(seen):
    stage = QueueStage()
    consumer = stage.member(handlers_of(), observers=[seen])
    stage.send("a", "b")
    consumer.step()
    consumer.step()
    stage.clock.advance(1)
    consumer.step()
    (level,) = seen.last.partitions
    assert (level.topic, level.partition, level.in_flight, level.lag) == (NAME, 0, 2, None)
    assert level.oldest_ms is not None
