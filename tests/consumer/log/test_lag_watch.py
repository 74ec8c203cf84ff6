"""A member that is stuck is told of by another thread."""

from __future__ import annotations

import threading

import pytest

from pat_events.consumer.log import lag_watch
from pat_events.consumer.log.lag_watch import STUCK_S, LagWatch
from pat_events.errors import TransportUnavailableError
from pat_events.telemetry import Handled, Levels
from tests.consumer.conftest import TOPIC
from tests.consumer.test_levels import SeenLevels
from tests.consumer.test_observed import handlers_of
from tests.support.waiting import until


@pytest.fixture
def seen():
    return SeenLevels()


@pytest.fixture
def member(stage, seen):
    """One that has handled the first event, and told so."""
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish("a")
    member.turn()
    member.turn(2)
    return member


@pytest.fixture
def watch(stage, member):
    def ask(pairs):
        return {pair: stage.broker.end(pair) for pair in pairs}

    return LagWatch(member.engine.readiness, ask, stage.clock.monotonic, stage.clock.wall)


def test_a_member_that_steps_tells_for_itself(watch, seen):
    told = len(seen)
    assert not watch.look()
    assert len(seen) == told


def test_the_lag_of_a_stuck_member_is_that_to_the_end_of_the_log_and_it_ages(stage, watch, seen):
    stage.publish("b", "c")
    stage.clock.advance(STUCK_S)
    assert watch.look()
    (level,) = seen.last.partitions
    found_ms = int(stage.clock.wall() * 1000)
    assert (level.lag, level.oldest_ms) == (2, found_ms)
    stage.clock.advance(60)
    stage.publish("d")
    watch.look()
    (level,) = seen.last.partitions
    assert (level.lag, level.oldest_ms) == (3, found_ms)


def test_once_it_steps_again_its_own_word_counts(stage, member, watch, seen):
    stage.publish("b")
    stage.clock.advance(STUCK_S)
    watch.look()
    member.turn()
    member.turn(2)
    assert not watch.look()
    (level,) = seen.last.partitions
    assert (level.lag, level.oldest_ms) == (0, None)


def test_a_member_that_steps_while_it_is_told_of_has_the_last_word(stage):
    class Told(SeenLevels):
        steps = None

        def saw(self, what):
            if threading.current_thread() is threading.main_thread() and self.steps:
                self.steps.start()
                self.steps.join(0.1)  # It is to wait until this has returned.
            self.append(threading.current_thread())

    told = Told()
    readiness = stage.member(handlers_of(), observers=[told]).engine.readiness
    readiness.look_if_due(0.0)
    told.clear()
    told.steps = threading.Thread(target=readiness.look_if_due, args=(float("inf"),))
    readiness.tell_of_stuck(readiness.told, readiness.told.levels)
    told.steps.join(30)
    assert told == [threading.main_thread(), told.steps]


def test_nothing_is_told_of_partitions_that_have_gone(stage, member, watch, seen):
    stage.publish("b")
    stage.clock.advance(STUCK_S)
    member.engine.lost([(TOPIC, 0)])
    watch.look()
    assert seen.last.partitions == []


def test_of_a_member_without_partitions_nothing_is_asked(stage, seen):
    def ask(pairs):
        raise AssertionError(pairs)

    members = [stage.member(handlers_of(), observers=[it]) for it in (SeenLevels(), seen)]
    for member in members * 3:
        member.turn(1)
    readiness = next(it.engine.readiness for it in members if not it.engine._partitions)
    stage.clock.advance(STUCK_S)
    assert LagWatch(readiness, ask, stage.clock.monotonic, stage.clock.wall).look()


def test_what_was_asked_for_in_vain_is_asked_for_again(stage, member, seen):
    def ask(pairs):
        raise TransportUnavailableError("no")

    watch = LagWatch(member.engine.readiness, ask, stage.clock.monotonic, stage.clock.wall)
    stage.clock.advance(STUCK_S)
    told = len(seen)
    assert watch.look()
    assert len(seen) == told


def test_a_group_whose_thread_hangs_tells_its_lag_all_the_same(live, monkeypatch):
    monkeypatch.setattr(lag_watch, "STUCK_S", 0.2)
    monkeypatch.setattr(lag_watch, "ASK_S", 0.05)
    goes_on, hangs = threading.Event(), threading.Event()

    class Hanging(SeenLevels):
        def saw(self, what):
            super().saw(what)
            if isinstance(what, Handled):
                hangs.set()
                goes_on.wait(30)

    seen = Hanging()
    live.group(handlers_of(), observers=[seen])
    until(lambda: seen.of(Levels) and seen.last.partitions)
    live.publish("a")
    assert hangs.wait(30)
    live.publish(*"bcd")
    try:
        until(lambda: seen.last.partitions[0].lag == 4)
    finally:
        goes_on.set()
