"""What a consumer says of its health."""

from __future__ import annotations

import pytest

from pat_events import HoldError
from pat_events.errors import TransportError
from pat_events.telemetry import Health
from tests.consumer.test_observed import handlers_of
from tests.support.queue_stage import QueueStage
from tests.support.waiting import until


def test_a_group_is_ready_from_joining_to_its_stop_and_lives_until_its_end(live):
    group = live.group(handlers_of(), started=False)
    assert group.health() == Health(live=True, ready=False, why=("it was not started",))
    group.start()
    until(lambda: group.health() == Health(live=True, ready=True))
    group.stop()
    assert group.health() == Health(live=False, ready=False, why=("it has stopped",))


def test_a_group_that_failed_is_not_alive_and_says_why(live):
    group = live.group(handlers_of(), started=False)

    def receiver(name, start):
        raise TransportError("no more")

    group._transport.receiver = receiver
    group.start()
    until(lambda: not group.running)
    health = group.health()
    assert (health.live, health.ready) == (False, False)
    assert health.why == ("TransportError('no more')",)


def test_a_group_whose_thread_makes_no_step_is_not_alive(live, monkeypatch):
    group = live.group(handlers_of())
    until(lambda: group.health().ready)
    monkeypatch.setattr(group, "_stop_timeout_s", -1.0)
    health = group.health()
    assert (health.live, health.ready) == (False, False)
    assert health.why[0].startswith("its thread has made no step for ")


def test_a_member_that_has_not_joined_is_not_ready(stage):
    member = stage.member(handlers_of())
    assert member.engine.readiness.not_ready == ("it has not joined its group yet",)
    member.turn(1)
    assert member.engine.readiness.not_ready == ()


def test_a_member_without_partitions_is_ready(stage):
    members = [stage.member(handlers_of()) for _ in range(2)]
    for member in members * 3:
        member.turn(1)
    assert [it.engine.readiness.not_ready for it in members] == [(), ()]


def test_what_an_outage_holds_makes_a_member_not_ready_until_it_is_over(stage):
    member = stage.member(handlers_of(HoldError("down")))
    stage.publish("a")
    member.step()
    member.workers.run_all()
    member.step()
    stage.clock.advance(0.01)
    member.engine.readiness.look_if_due(float("inf"))
    assert member.engine.readiness.not_ready == (
        "1 event, or a key of some, is held; the log says which",
    )


@pytest.fixture
def queue():
    return QueueStage()


def test_a_consumer_is_not_ready_while_it_does_not_reach_its_queue(queue):
    consumer = queue.member(handlers_of())
    assert consumer.engine.readiness.not_ready == ("it has not reached its queue yet",)
    consumer.turn()
    assert consumer.engine.readiness.not_ready == ()
    queue.queue.set_down(down=True)
    consumer.turn(1)
    consumer.turn(1)
    assert consumer.engine.readiness.not_ready == ("receiving fails: queue emails is down",)
    queue.queue.set_down(down=False)
    consumer.turns(60)
    assert consumer.engine.readiness.not_ready == ()
