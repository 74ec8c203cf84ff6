"""A queue's consumer whose handlers must not be called: for a breaker, or the dead-letter limit."""

from __future__ import annotations

import pytest

from pat_events import Breaker, DeadLetterLimit, Handlers, RetryPolicy
from pat_events.events import EmailReceived
from tests.support.queue_stage import VISIBILITY_S, QueueStage


class Dependency:
    """What a handler asks, which is down."""

    def __init__(self):
        self.is_down = True
        self.asked = []
        self.handlers = Handlers()
        self.breaker = Breaker("mail", failures=2, open_s=5)

        @self.handlers.on(EmailReceived, retry=RetryPolicy(attempts=1), breaker=self.breaker)
        def ask(event, ctx):
            self.asked.append(event.email_id)
            if self.is_down:
                raise ConnectionError("down")


@pytest.fixture
def stage():
    return QueueStage()


def test_what_is_kept_stays_here_beyond_its_visibility_and_is_handled_in_the_end(stage):
    dependency = Dependency()
    member = stage.member(dependency.handlers)
    for email_id in "abcd":
        stage.raw(EmailReceived(email_id=email_id))
    member.turns(4)
    assert dependency.breaker.is_open
    member.turns(4 * VISIBILITY_S)
    assert dependency.breaker.is_open
    assert stage.clock.now > 3 * VISIBILITY_S
    dependency.is_down = False
    member.turns(20)
    assert stage.queue.message_ids == []
    assert member.counts.stats.handled == 4
    assert member.counts.stats.returned == 0


def test_at_a_stop_what_is_kept_goes_back_until_it_may_be_tried(stage):
    dependency = Dependency()
    member = stage.member(dependency.handlers)
    for email_id in "abcd":
        stage.raw(EmailReceived(email_id=email_id))
    member.turns(4)
    stage.raw(EmailReceived(email_id="e"))
    member.turns(2)
    called = list(dependency.asked)
    assert member.engine.close() == 0
    assert dependency.asked == called
    assert len(stage.queue.message_ids) == 5


@pytest.mark.parametrize("letters", [False, True])
def test_beyond_the_limit_nothing_is_given_up_and_what_is_held_stays_here(stage, letters):
    dependency = Dependency()
    dependency.handlers = Handlers()
    asked = []

    @dependency.handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def ask(event, ctx):
        asked.append(event.email_id)
        if dependency.is_down:
            raise ValueError("a bug")

    limit = DeadLetterLimit(consecutive=3, hold_s=10)
    member = stage.member(dependency.handlers, letters=letters, dead_letter_limit=limit)
    for number in range(8):
        stage.raw(EmailReceived(email_id=f"{number}"))
        member.turns(1)
    given_up = len(stage.letters) + member.stats.returned
    # What was left to the queue comes again, and counts again.
    assert given_up == (2 if letters else 1)
    member.turns(4 * VISIBILITY_S)
    assert len(stage.letters) + member.stats.returned == given_up
    assert not stage.dead.message_ids
    dependency.is_down = False
    member.turns(30)
    assert stage.queue.message_ids == []
    assert len(stage.letters) == (2 if letters else 0)
