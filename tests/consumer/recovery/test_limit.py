"""A group whose handler gives up too many events to be bad data."""

from __future__ import annotations

import logging

import pytest

from pat_events import (
    Breaker,
    ConfigError,
    DeadLetterLimit,
    Handlers,
    HoldError,
    PermanentError,
    RetryPolicy,
)
from pat_events.core.recovery.circuit import Outcome
from pat_events.events import EmailDeleted, EmailReceived
from pat_events.telemetry import DeadLetterLimitChanged

LIMIT = DeadLetterLimit(consecutive=3, hold_s=10)
ONE_TRY = RetryPolicy(attempts=1, jitter=0)
EMAIL = [("ce_type", b"pat.events.v1.EmailReceived")]


class Service:
    """Handlers of which one is as broken as it is told."""

    def __init__(self, retry=ONE_TRY, breaker=None):
        self.error: BaseException | None = PermanentError("no")
        self.called = []
        self.others = []
        self.handlers = Handlers()
        self.handlers.add(EmailReceived, self.on_email, retry=retry, breaker=breaker)
        self.handlers.add(EmailDeleted, lambda event, ctx: self.others.append(event.email_id))

    def on_email(self, event, ctx):
        self.called.append(event.email_id)
        if self.error is not None:
            raise self.error


class Changes:
    """The observer of the limit."""

    def __init__(self):
        self.seen = []

    def saw(self, what):
        if isinstance(what, DeadLetterLimitChanged):
            self.seen.append(what)


@pytest.fixture
def service():
    return Service()


def passed(stage, service, limit=LIMIT, **settings):
    """A member that has passed its limit with a, b and c, and has d and e."""
    member = stage.member(service.handlers, dead_letter_limit=limit, **settings)
    stage.publish("a", "b", "c", "d", "e")
    one_by_one(member)
    return member


def one_by_one(member):
    """Let one job run after another, each settled before the next."""
    member.step()
    while member.workers.ready:
        job = member.workers.ready[0]
        member.workers.start(job)
        member.workers.finish(job)
        member.step()


def keys(letters):
    return [letter.key.decode() for letter in letters]


def test_the_event_that_passes_it_is_held_and_no_other_is_called(stage, service):
    member = passed(stage, service)
    for _ in range(90):
        member.turn(0.1)
    assert service.called == ["a", "b", "c"]
    assert keys(stage.dead) == ["a", "b"]
    assert member.stats.in_flight == 3
    assert stage.committed == 2


@pytest.mark.parametrize(("error", "attempts"), [(ValueError("no"), 2), (PermanentError("no"), 1)])
def test_whatever_gives_events_up_counts(stage, error, attempts):
    service = Service(RetryPolicy(attempts=attempts, first_delay_s=0.1))
    service.error = error
    member = passed(stage, service)
    for _ in range(80):
        member.turn(0.1)
    assert member.engine._recovery.gates.open
    assert len(stage.dead) <= 2


def test_what_is_tried_again_or_held_does_not_count(stage):
    service = Service(RetryPolicy(attempts=50, first_delay_s=0.1, max_delay_s=0.1))
    service.error = ValueError("no")
    member = passed(stage, service)
    for _ in range(20):
        member.turn(0.1)
    service.error = HoldError("no")
    for _ in range(20):
        member.turn(0.1)
    assert not member.engine._recovery.gates.open


def test_undecodable_events_count_and_are_held(stage, service):
    service.error = None
    member = stage.member(service.handlers, dead_letter_limit=LIMIT)
    for number in range(5):
        stage.raw(b"\xff", EMAIL, b"%d" % number)
    one_by_one(member)
    assert len(stage.dead) == 2
    stage.publish("good")
    for _ in range(500):
        member.turn(0.1)
    # The first that succeeds lets the others go, which pass it again.
    assert service.called == ["good"]
    assert len(stage.dead) <= 4
    assert member.engine._recovery.gates.open


def test_what_no_handler_is_for_is_a_dead_letter_as_ever_and_does_not_count(stage, service):
    member = stage.member(service.handlers, dead_letter_limit=LIMIT)
    for number in range(9):
        stage.raw(b"x", [("ce_type", b"pat.events.v1.Unknown")], b"%d" % number)
    member.run_until(lambda: len(stage.dead) == 9)
    assert not member.engine._recovery.gates.open


def test_successes_that_came_back_together_with_failures_count(stage):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def on_email(event, ctx):
        if int(event.email_id) % 4 == 0:
            raise PermanentError("no")

    member = stage.member(handlers, dead_letter_limit=DeadLetterLimit(consecutive=5))
    stage.publish(*(str(number) for number in range(100)))
    member.run_until(lambda: len(stage.dead) == 25)
    assert member.stats.held == 0


def test_one_event_is_tried_now_and_then_and_the_first_that_succeeds_ends_it(stage, service):
    changes = Changes()
    member = passed(stage, service, observers=[changes])
    for _ in range(3):
        for _ in range(3):
            member.turn(3.4)
    assert len(service.called) == 3 + 3
    service.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    assert keys(stage.dead) == ["a", "b"]
    assert member.stats.handled == 3
    name = member.engine._routes._by_type[b"pat.events.v1.EmailReceived"].name
    why = "3 of the last 3 events were given up, the last with pat_events.errors.PermanentError: no"
    assert changes.seen == [
        DeadLetterLimitChanged(name, state="open", why=why),
        DeadLetterLimitChanged(name, state="closed", why=""),
    ]
    member.turn(1)
    assert stage.committed == 5


def test_replayed_letters_that_are_given_up_again_do_not_count(stage, service):
    stage.broker.create_topic("pat-emails.email-processor.retry", 1)
    member = stage.member(service.handlers, dead_letter_limit=DeadLetterLimit(consecutive=5))
    stage.publish("a", "b", "c", "d")
    member.run_until(lambda: len(stage.dead) == 4)
    member.turn(LIMIT.window_s + 1)
    for letter in stage.dead:
        stage.replay(letter)
    stage.publish("e", "f", "g")
    member.run_until(lambda: len(stage.dead) == 11)
    assert not member.engine._recovery.gates.open


def test_events_of_a_key_keep_their_order_across_it(stage, service):
    member = stage.member(service.handlers, dead_letter_limit=LIMIT)
    stage.publish("a", "b", "k/1", "k/2", "k/3")
    one_by_one(member)
    member.turn(10.1)
    service.called.clear()
    service.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    assert service.called == ["k", "k", "k"]


def test_other_handlers_of_the_same_lane_are_called_before_it(stage, service):
    member = stage.member(service.handlers, dead_letter_limit=LIMIT, order="partition")
    stage.producer.publish(EmailDeleted(email_id="before"))
    for number in range(3):
        stage.publish(f"k{number}")
    one_by_one(member)
    for _ in range(30):
        member.turn(0.1)
    assert len(stage.dead) == 2
    assert service.others == ["before"]


def test_of_a_lane_with_events_of_several_handlers_those_before_are_called(stage, service):
    member = passed(stage, service)
    member.turn()
    service.called.clear()
    for event in (
        EmailDeleted(email_id="k"),
        EmailReceived(email_id="k"),
        EmailDeleted(email_id="k"),
    ):
        stage.producer.publish(event)
    for _ in range(20):
        member.turn(0.1)
    assert service.others == ["k"]
    assert not service.called


def test_release_makes_dead_letters_of_what_is_held_and_counts_nothing_for_a_window(stage, service):
    member = passed(stage, service)
    stage.publish("f", "g", "h", "i")
    member.turn()
    for limit in member.engine._recovery.gates._limits.values():
        limit.release()
    member.run_until(lambda: len(stage.dead) == 9, turns=150)
    member.turn()
    assert member.stats.in_flight == 0
    member.turn(LIMIT.window_s)
    stage.publish("j", "k", "l")
    member.turn()
    assert member.engine._recovery.gates.open


def test_jobs_that_workers_have_not_begun_come_back_uncalled(stage, service):
    member = stage.member(service.handlers, dead_letter_limit=LIMIT)
    stage.publish(*(f"k{number}" for number in range(20)))
    member.step()
    for job in member.workers.ready[:3]:
        member.workers.start(job)
        member.workers.finish(job)
    member.step()
    member.workers.run_all()
    member.step()
    assert len(service.called) == 3


def test_a_breaker_that_is_open_as_well_is_waited_for_and_one_event_is_the_probe_of_both(stage):
    breaker = Breaker("mail", failures=1, open_s=5)
    service = Service(breaker=breaker)
    member = passed(stage, service)
    breaker.came(Outcome(0, 1, "down"), stage.clock.now, is_probe=False)
    assert len(member.engine._recovery.gates.open) == 2
    service.error = ConnectionError("down")
    called = len(service.called)
    for _ in range(320):
        member.turn(0.1)
    # By the longer of both waits.
    assert len(service.called) - called == 3
    service.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    assert not member.engine._recovery.gates.open
    assert keys(stage.dead) == ["a", "b"]


def test_a_limit_that_is_released_as_a_probe_of_both_is_taken_leaves_the_breaker_its_probe(stage):
    breaker = Breaker("mail", failures=1, open_s=5)
    service = Service(breaker=breaker)
    member = passed(stage, service)
    breaker.came(Outcome(0, 1, "down"), stage.clock.now, is_probe=False)
    take_probe = breaker.take_probe

    def take_and_release(now):
        granted = take_probe(now)
        for limit in member.engine._recovery.gates._limits.values():
            limit.release()  # as another thread may
        return granted

    breaker.take_probe = take_and_release
    service.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    assert not breaker.is_open


def test_an_outage_that_a_breaker_keeps_does_not_pass_it(stage):
    service = Service(breaker=Breaker("mail", failures=2, open_s=1))
    service.error = ConnectionError("down")
    member = passed(stage, service)
    for _ in range(300):
        member.turn(0.1)
    assert [it for it in member.engine._recovery.gates.open if "gives up" in it] == []
    assert len(stage.dead) == 1


def test_a_batch_that_failed_as_a_whole_does_not_count_but_each_that_is_tried_alone(stage):
    handlers = Handlers()
    sizes = []

    @handlers.batch(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=0.1))
    def store(batch):
        sizes.append(len(batch))
        raise ValueError("no")

    member = stage.member(handlers, dead_letter_limit=LIMIT)
    stage.publish(*(f"k{number}" for number in range(6)))
    for _ in range(50):
        member.turn(0.1)
    assert sizes[0] == 6
    assert member.engine._recovery.gates.open
    assert len(stage.dead) <= 2


def test_health_names_it_and_each_change_is_logged_once(stage, service, caplog):
    caplog.set_level(logging.INFO, "pat_events.consumer")
    member = passed(stage, service)
    for _ in range(100):
        member.turn(1)
    _, why = member.engine.readiness.not_ready
    assert "gives up too many events: 3 of the last 3 events were given up, the last with" in why
    service.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    said = [it for it in caplog.records if "too many" in it.message or "called again" in it.message]
    assert [it.levelname for it in said] == ["ERROR", "WARNING"]


def test_what_is_no_limit_is_refused(live, service):
    with pytest.raises(ConfigError, match="dead_letter_limit is 3, of type int: give a Dead"):
        live.group(service.handlers, dead_letter_limit=3, started=False)


def test_a_group_tells_whom_it_released(live, service, wait_until):
    limit = DeadLetterLimit(consecutive=3, hold_s=0.3)
    group = live.group(service.handlers, dead_letter_limit=limit)
    live.publish("a", "b", "c", "d")
    wait_until(lambda: any("gives up" in why for why in group.health().why))
    assert len(live.dead) <= 2
    service.error = None
    assert [name.rpartition(".")[2] for name in group.release_held()] == ["on_email"]
    assert group.release_held() == ()
    # What was called when it was passed waits for the rest of ``hold_s``.
    wait_until(lambda: group.stats().in_flight == 0)
    assert len(live.dead) <= 2


def test_without_a_limit_all_become_dead_letters(live, service, wait_until):
    live.group(service.handlers, dead_letter_limit=None)
    live.publish(*(f"k{number}" for number in range(120)))
    wait_until(lambda: len(live.dead) == 120)


def test_it_stands_where_nothing_is_said(live, service, wait_until):
    group = live.group(service.handlers)
    live.publish(*(f"k{number}" for number in range(120)))
    wait_until(lambda: any("gives up" in why for why in group.health().why))
    assert len(live.dead) <= 99
