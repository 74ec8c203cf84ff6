"""A breaker between a group and what its handlers depend on."""

from __future__ import annotations

import logging

import pytest

from pat_events import Breaker, ConfigError, Handlers, HoldError, PermanentError, RetryPolicy
from pat_events.consumer.log.engine import POLL_S
from pat_events.core.recovery.circuit import Outcome
from pat_events.events import EmailDeleted, EmailReceived
from pat_events.telemetry import BreakerChanged

ONE_TRY = RetryPolicy(attempts=1, jitter=0)


class Dependency:
    """What a handler asks, which may be down."""

    def __init__(self):
        self.error: BaseException | None = ConnectionError("down")
        self.asked = []
        self.slow_s = 0.0
        self.on_ask = lambda: None

    def ask(self, event, ctx):
        self.asked.append((event.email_id, ctx.attempt))
        self.on_ask()
        if self.error is not None:
            raise self.error


class Changes:
    """The observer of breakers."""

    def __init__(self):
        self.seen = []

    def saw(self, what):
        if isinstance(what, BreakerChanged):
            self.seen.append(what)


@pytest.fixture
def dependency():
    return Dependency()


def breaker_of(**settings):
    return Breaker("mail", **({"failures": 2, "calls": 4, "open_s": 5} | settings))


def handlers_with(breaker, dependency, retry=ONE_TRY, other=None):
    handlers = Handlers()
    handlers.add(EmailReceived, dependency.ask, retry=retry, breaker=breaker)
    if other is not None:
        handlers.add(EmailDeleted, other)
    return handlers


def one_by_one(member, seconds=0.0):
    """Let time pass, and one job run after another, each settled before the next."""
    member._clock.advance(seconds)
    member.step()
    while member.workers.ready:
        job = member.workers.ready[0]
        member.workers.start(job)
        member.workers.finish(job)
        member.step()


def asked(dependency):
    return [email_id for email_id, _ in dependency.asked]


def test_while_it_is_open_nothing_is_called_and_nothing_becomes_a_dead_letter(stage, dependency):
    breaker = breaker_of()
    member = stage.member(handlers_with(breaker, dependency))
    stage.publish("a", "b", "c", "d", "e")
    one_by_one(member)
    # The first spends its only attempt, the second opens it, and the others go back uncalled.
    assert asked(dependency) == ["a", "b"]
    assert breaker.is_open
    for _ in range(45):
        member.turn(0.1)
    stage.publish("f")
    one_by_one(member)
    assert asked(dependency) == ["a", "b"]
    assert [it.key for it in stage.dead] == [b"a"]
    assert member.stats.in_flight == 5


def test_a_failure_after_it_opened_is_none_of_the_attempts_of_its_event(stage, dependency):
    member = stage.member(handlers_with(breaker_of(), dependency))
    stage.publish("a", "b", "c")
    for _ in range(600):
        member.turn(0.1)
    assert len(asked(dependency)) > 10
    assert {attempt for _, attempt in dependency.asked} == {1}
    assert not stage.dead


def test_one_event_is_tried_at_a_time_each_time_another(stage, dependency):
    member = stage.member(handlers_with(breaker_of(), dependency))
    stage.publish("a", "b", "c", "d")
    one_by_one(member)
    dependency.asked.clear()
    for _ in range(6):
        stage.clock.advance(5.1)
        for _ in range(3):
            member.step()
        assert len(member.workers.ready) == 1
        member.workers.run_all()
        member.step()
    assert len(asked(dependency)) == 6
    assert set(asked(dependency)[:3]) == {"b", "c", "d"}


def test_a_probe_that_succeeds_closes_it_and_all_go_on_in_their_order(stage, dependency):
    changes = Changes()
    breaker = breaker_of()
    member = stage.member(handlers_with(breaker, dependency), observers=[changes])
    stage.publish("a", "b", "c/1", "c/2", "c/3", "d")
    one_by_one(member)
    dependency.error = None
    stage.clock.advance(5.1)
    member.run_until(lambda: member.stats.in_flight == 0)
    assert not breaker.is_open
    assert [it.key for it in stage.dead] == [b"a"]
    assert sorted(asked(dependency)) == ["a", "b", "b", "c", "c", "c", "d"]
    assert [(it.breaker, it.state) for it in changes.seen] == [("mail", "open"), ("mail", "closed")]
    assert changes.seen[0].why.startswith("2 of the last 2 calls failed, the last with ")
    assert "ConnectionError: down" in changes.seen[0].why
    member.turn(1)
    assert stage.committed == 6


def test_other_handlers_go_on(stage, dependency):
    others = []
    handlers = handlers_with(breaker_of(), dependency, other=lambda event, ctx: others.append(1))
    member = stage.member(handlers)
    stage.publish("a", "b", "c")
    one_by_one(member)
    stage.producer.publish(EmailDeleted(email_id="other"))
    member.turn(0.1)
    assert others == [1]


def test_of_a_key_with_events_of_several_handlers_those_before_are_called(stage, dependency):
    others = []
    handlers = handlers_with(breaker_of(), dependency, other=lambda event, ctx: others.append(1))
    member = stage.member(handlers)
    stage.publish("a", "b")
    one_by_one(member)
    dependency.asked.clear()
    for event in (
        EmailDeleted(email_id="k"),
        EmailReceived(email_id="k"),
        EmailDeleted(email_id="k"),
    ):
        stage.producer.publish(event)
    for _ in range(20):
        member.turn(0.1)
    assert others == [1]
    assert not dependency.asked


@pytest.mark.parametrize(
    "error", [PermanentError("no"), HoldError("wait"), ExceptionGroup("", [PermanentError("no")])]
)
def test_what_says_nothing_of_the_dependency_never_opens_it(stage, dependency, error):
    breaker = breaker_of()
    dependency.error = error
    member = stage.member(handlers_with(breaker, dependency))
    stage.publish("a", "b", "c", "d")
    for _ in range(20):
        member.turn(0.1)
    assert not breaker.is_open


def test_undecodable_bytes_never_open_it(stage, dependency):
    breaker = breaker_of()
    member = stage.member(handlers_with(breaker, dependency))
    for number in range(5):
        stage.raw(b"\xff", [("ce_type", b"pat.events.v1.EmailReceived")], b"%d" % number)
    member.run_until(lambda: len(stage.dead) == 5)
    assert not breaker.is_open


def test_a_hopeless_event_that_is_the_probe_is_given_up_and_another_is_tried_at_once(
    stage, dependency
):
    breaker = breaker_of()
    member = stage.member(handlers_with(breaker, dependency))
    stage.publish("a", "b", "c")
    one_by_one(member)
    dependency.error = PermanentError("no")
    member.turn(5.1)
    member.turn()
    member.run_until(lambda: len(stage.dead) == 3, tick_s=0.01)
    assert breaker.is_open


def test_calls_that_are_too_slow_open_it_though_their_events_are_handled(stage, dependency):
    breaker = breaker_of(slow_s=2)
    dependency.error = None
    member = stage.member(handlers_with(breaker, dependency))
    dependency.on_ask = lambda: stage.clock.advance(2.5)
    stage.publish("a", "b", "c")
    one_by_one(member)
    assert breaker.why == "2 of the last 2 calls failed, the last with 2.5 s, which is too slow"
    assert member.stats.handled == 2
    dependency.on_ask = lambda: None
    member.turn(5.1)
    member.turn()
    assert not breaker.is_open
    assert member.stats.handled == 3


def test_handlers_that_share_it_are_kept_together(stage, dependency):
    breaker = breaker_of()
    handlers = Handlers()
    handlers.add(EmailReceived, dependency.ask, retry=ONE_TRY, breaker=breaker)
    handlers.add(EmailDeleted, dependency.ask, retry=ONE_TRY, breaker=breaker)
    member = stage.member(handlers)
    stage.publish("a", "b")
    one_by_one(member)
    stage.producer.publish(EmailDeleted(email_id="c"))
    member.turn(1)
    assert asked(dependency) == ["a", "b"]


def test_members_that_share_it_have_one_probe_and_go_on_together(make_stage, dependency):
    stage = make_stage(2)
    changes = [Changes(), Changes()]
    handlers = handlers_with(breaker_of(), dependency)
    members = [stage.member(handlers, observers=[it]) for it in changes]
    for _ in range(3):
        for member in members:
            member.turn(1)
    for number in range(12):
        stage.publish(f"k{number}")
    for member in members:
        one_by_one(member)
    assert len(asked(dependency)) == 2
    stage.clock.advance(5.1)
    for _ in range(3):
        for member in members:
            member.step()
    assert sum(len(member.workers.ready) for member in members) == 1
    dependency.error = None
    for _ in range(10):
        for member in members:
            member.turn(0.1)
    assert sum(member.stats.in_flight for member in members) == 0
    assert [[it.state for it in each.seen] for each in changes] == [["open", "closed"]] * 2


def test_a_member_waits_for_events_while_the_probe_is_anothers(make_stage, dependency):
    stage = make_stage(2)
    handlers = handlers_with(breaker_of(), dependency)
    members = [stage.member(handlers) for _ in range(2)]
    for _ in range(3):
        for member in members:
            member.turn(1)
    for number in range(12):
        stage.publish(f"k{number}")
    for member in members:
        one_by_one(member)
    stage.clock.advance(5.1)
    for _ in range(3):
        for member in members:
            member.step()
    (other,) = (member for member in members if not member.workers.ready)
    stage.clock.advance(1)  # the probe takes long
    other.step()
    assert other.engine._poll_s(stage.clock.now) == POLL_S


def test_what_is_kept_by_a_breaker_that_others_open_and_close_between_two_looks_goes_on(
    stage, dependency
):
    first, second = Breaker("first", failures=1, open_s=60), breaker_of(failures=1)
    handlers = Handlers()
    others = []
    handlers.add(EmailReceived, dependency.ask, retry=ONE_TRY, breaker=first)
    handlers.add(EmailDeleted, lambda event, ctx: others.append(1), breaker=second)
    member = stage.member(handlers)
    stage.publish("a")
    one_by_one(member)
    stage.producer.publish(EmailDeleted(email_id="other"))
    poll = member.receiver.inner.poll

    def open_and_poll(max_records, timeout_s):
        second.came(Outcome(0, 1, "down"), stage.clock.now, is_probe=False)
        return poll(max_records, timeout_s)

    member.receiver.inner.poll = open_and_poll
    member.step()
    member.receiver.inner.poll = poll
    second.came(Outcome(1, 0), stage.clock.now, is_probe=True)
    member.run_until(lambda: others == [1], turns=10)


def test_a_probe_whose_partition_goes_leaves_room_for_another(stage, dependency):
    breaker = breaker_of()
    handlers = handlers_with(breaker, dependency)
    first = stage.member(handlers)
    stage.publish("a", "b", "c")
    one_by_one(first)
    stage.clock.advance(5.1)
    first.step()
    first.step()
    (job,) = first.workers.ready
    first.workers.start(job)
    first.engine.abort()
    first.engine.close()
    second = stage.member(handlers)
    dependency.error = None
    second.run_until(lambda: second.stats.handled == 2)
    assert not breaker.is_open


def test_a_member_that_stops_gives_back_what_is_kept(stage, dependency):
    handlers = handlers_with(breaker_of(), dependency)
    member = stage.member(handlers)
    stage.publish("a", "b", "c")
    one_by_one(member)
    member.turn(1)
    began = stage.clock.now
    assert member.engine.close() == 0
    assert stage.clock.now - began < 1
    assert stage.committed == 1
    assert asked(dependency) == ["a", "b"]


def test_batches_are_kept_and_their_probe_is_one_event(stage, dependency):
    sizes = []
    handlers = Handlers()

    @handlers.batch(EmailReceived, retry=ONE_TRY, breaker=breaker_of(failures=1))
    def store(batch):
        sizes.append(len(batch))
        if dependency.error is not None:
            raise dependency.error

    member = stage.member(handlers)
    stage.publish("a", "b", "c")
    one_by_one(member)
    member.turn(1)
    assert sizes == [3]
    member.turn(5)
    member.turn()
    assert sizes == [3, 1]
    dependency.error = None
    stage.publish("d", "e", "f")
    member.run_until(lambda: member.stats.handled == 6)
    assert not stage.dead
    assert sizes[:3] == [3, 1, 1]


def test_health_names_it_and_levels_count_what_it_keeps(stage, dependency):
    member = stage.member(handlers_with(breaker_of(), dependency))
    stage.publish("a", "b", "c", "d")
    one_by_one(member)
    member.turn(1)
    member.engine.readiness.look_if_due(float("inf"))
    held, why = member.engine.readiness.not_ready
    assert held == "3 events, or keys of them, are held; the log says which"
    assert why.startswith("breaker mail is open: 2 of the last 2 calls failed, the last with ")


def test_each_change_is_logged_once(stage, dependency, caplog):
    caplog.set_level(logging.INFO, "pat_events.consumer")
    member = stage.member(handlers_with(breaker_of(), dependency))
    stage.publish("a", "b", "c", "d")
    for _ in range(200):
        member.turn(0.1)
    dependency.error = None
    member.run_until(lambda: member.stats.in_flight == 0)
    told = [it.getMessage() for it in caplog.records]
    said = [it for it in told if it.startswith("breaker")]
    assert len(said) == 2
    assert said[0].startswith("breaker mail is open: 2 of the last 2 calls failed")
    assert said[1] == "breaker mail is closed: its handlers are called again"


def test_two_breakers_of_one_name_are_refused(stage, dependency):
    handlers = Handlers()
    handlers.add(EmailReceived, dependency.ask, breaker=breaker_of())
    handlers.add(EmailDeleted, dependency.ask, breaker=breaker_of())
    with pytest.raises(ConfigError, match="there are two breakers of the name mail: make one"):
        stage.member(handlers)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Breaker(" "), "name of a Breaker is ' ': say in a word what it stands for"),
        (lambda: Breaker("a\nb"), "say in a word what it stands for"),
        (lambda: Breaker(3), "name of a Breaker is 3"),
        (lambda: Handlers().add(EmailReceived, Dependency().ask, breaker="x"), "give a Breaker"),
    ],
)
def test_what_is_no_breaker_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
