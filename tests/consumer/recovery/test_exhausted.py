"""Handlers whose events are held when their attempts have run out."""

from __future__ import annotations

import pytest

from pat_events import Breaker, DeadLetterLimit, Handlers, PermanentError, RetryPolicy
from pat_events.events import EmailDeleted, EmailReceived
from tests.support.queue_stage import VISIBILITY_S, QueueStage

HOLDS = RetryPolicy(attempts=2, first_delay_s=0.1, jitter=0, on_exhausted="hold")


class Service:
    """A handler that fails as it is told, and another."""

    def __init__(self, retry=HOLDS, breaker=None):
        self.error: BaseException | None = ValueError("no")
        self.called = []
        self.handlers = Handlers()
        self.handlers.add(EmailReceived, self.on_email, retry=retry, breaker=breaker)
        self.handlers.add(EmailDeleted, lambda event, ctx: None)

    def on_email(self, event, ctx):
        self.called.append((event.email_id, event.subject, ctx.attempt))
        if self.error is not None and event.email_id == "bad":
            raise self.error


@pytest.fixture
def service():
    return Service()


def test_it_is_tried_without_end_by_its_last_attempt_and_its_key_waits(stage, service):
    member = stage.member(service.handlers)
    stage.publish("bad/1", "bad/2", "good/1")
    for _ in range(600):
        member.turn(0.5)
    attempts = [attempt for key, _, attempt in service.called if key == "bad"]
    assert attempts[:2] == [1, 2]
    assert set(attempts[2:]) == {2}
    # 0.5, 1, 2 ... 30 s apart.
    assert 12 <= len(attempts) <= 18
    assert ("good", "1", 1) in service.called
    assert not stage.dead
    assert stage.committed == 0
    service.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    assert [subject for key, subject, _ in service.called if key == "bad"][-2:] == ["1", "2"]


def test_what_is_hopeless_is_a_dead_letter_all_the_same(stage, service):
    service.error = PermanentError("no")
    member = stage.member(service.handlers)
    stage.publish("bad/1", "bad/2")
    member.run_until(lambda: len(stage.dead) == 2)


def test_what_it_holds_does_not_pass_the_dead_letter_limit(stage, service):
    member = stage.member(service.handlers, dead_letter_limit=DeadLetterLimit(consecutive=1))
    stage.publish("bad/1", "bad/2")
    for _ in range(100):
        member.turn(0.5)
    assert not member.engine._recovery.gates.open


def test_what_it_holds_counts_for_its_breaker_as_ever(stage):
    breaker = Breaker("mail", failures=3, open_s=5)
    service = Service(breaker=breaker)
    member = stage.member(service.handlers)
    stage.publish("bad/1", "bad/2")
    for _ in range(20):
        member.turn(0.2)
    assert breaker.is_open


def test_health_says_that_it_is_held(stage, service):
    member = stage.member(service.handlers)
    stage.publish("bad/1")
    for _ in range(20):
        member.turn(0.5)
    [why] = member.engine.readiness.not_ready
    assert why == "1 event, or a key of some, is held; the log says which"


def test_the_log_says_that_its_attempts_are_used_up(stage, service, caplog):
    member = stage.member(service.handlers)
    stage.publish("bad/1")
    for _ in range(20):
        member.turn(0.5)
    first, held = (it.message for it in caplog.records if " failed on " in it.message)
    assert ", attempt 1, next in 0.1 s: " in first
    assert ", attempt 2, held: its attempts are used up (on_exhausted), next in 0.5 s: " in held


def test_a_queue_keeps_it_beyond_its_visibility_and_has_no_dead_letter(service):
    stage = QueueStage()
    member = stage.member(service.handlers)
    stage.raw(EmailReceived(email_id="bad"))
    member.turns(6 * VISIBILITY_S)
    assert not stage.dead.message_ids
    assert member.stats.returned == 0
    service.error = None
    member.turns(40)
    assert stage.queue.message_ids == []
