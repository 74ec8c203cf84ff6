"""An event that comes twice is handled once: a group's engine, stepped by hand."""

from __future__ import annotations

import pytest

from pat_events import (
    Breaker,
    Dedupe,
    DedupeAnswer,
    Handlers,
    MemoryDedupe,
    PermanentError,
    RetryPolicy,
)
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.telemetry.observer import Duplicates

GROUP = "email-processor"
NO_WAIT = RetryPolicy(attempts=2, first_delay_s=0.1, jitter=0)


class Handler:
    """What it was called for, and what it does: returns, raises, or waits for the test."""

    def __init__(self):
        self.called = []
        self.does = lambda _event, _ctx: None

    def __call__(self, event, ctx):
        self.called.append(event.email_id)
        self.does(event, ctx)


class Watched:
    """A store that writes down what it is asked, and fails while it is told to."""

    waits = False

    def __init__(self, inner):
        self.inner = inner
        self.asked = []
        self.error = None
        self.answers = None

    def _ask(self, name, keys, *args):
        self.asked.append((name, len(keys)))
        if self.error is not None:
            raise self.error
        return getattr(self.inner, name)(keys, *args)

    def claim_many(self, keys, *args):
        answers = self._ask("claim_many", keys, *args)
        return answers if self.answers is None else self.answers

    def complete_many(self, keys, *args):
        self._ask("complete_many", keys, *args)

    def release_many(self, keys, *args):
        self._ask("release_many", keys, *args)


@pytest.fixture
def store(stage):
    return Watched(MemoryDedupe(clock=stage.clock.monotonic))


@pytest.fixture
def dedupe(store):
    return Dedupe(store, ttl_s=600, claim_s=30)


@pytest.fixture
def handler():
    return Handler()


def handlers_of(handler, **settings):
    handlers = Handlers()
    handlers.add(EmailReceived, handler, **settings)
    return handlers


def test_what_comes_again_is_skipped_and_counted(stage, handler, dedupe):
    seen = []

    class Observer:
        def saw(self, what):
            if isinstance(what, Duplicates):
                seen.append(what.events)

    member = stage.member(handlers_of(handler), dedupe=dedupe, observers=[Observer()])
    stage.publish("a")
    member.turn()
    stage.again()
    stage.again()
    member.turn()
    member.turn(1)
    assert handler.called == ["a"]
    assert (member.stats.handled, member.stats.duplicates) == (3, 2)
    assert sum(seen) == 2
    assert stage.committed == 3


def test_twins_that_arrive_together_are_handled_once(stage, handler, dedupe):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    stage.again()
    stage.publish("a/later")
    member.turn()
    assert handler.called == ["a", "a"]  # the event, and the later one of its key
    assert member.stats.duplicates == 1


def test_twins_of_two_keys_wait_for_each_other(stage, handler, dedupe):
    member = stage.member(handlers_of(handler), order="none", dedupe=dedupe)
    stage.publish("a")
    stage.again()
    member.turn()
    assert (handler.called, member.stats.held) == (["a"], 1)
    member.turn(0.6)
    assert (handler.called, member.stats.duplicates) == (["a"], 1)


def test_the_same_id_of_another_source_is_another_event(stage, handler, dedupe):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    record = stage.broker.records("pat-emails")[0]
    other = [(name, b"elsewhere" if name == "ce_source" else it) for name, it in record.headers]
    stage.raw(record.value, other, record.key)
    member.turn()
    assert handler.called == ["a", "a"]


def test_without_an_id_nothing_is_a_duplicate(stage, handler, dedupe):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    record = stage.broker.records("pat-emails")[0]
    for _ in range(2):
        stage.raw(record.value, [it for it in record.headers if it[0] != "ce_id"], record.key)
    member.turn()
    assert handler.called == ["a"] * 3


def test_what_failed_is_released_and_tried_again(stage, handler, dedupe, store):
    def fail_once(_event, ctx):
        if ctx.attempt == 1:
            assert len(store.inner._claims) == 1
            raise ConnectionError

    handler.does = fail_once
    member = stage.member(handlers_of(handler, retry=NO_WAIT), dedupe=dedupe)
    stage.publish("a")
    member.turn()
    assert not store.inner._claims
    member.turn(0.2)
    assert handler.called == ["a", "a"]
    assert len(store.inner) == 1


def test_it_is_released_before_its_dead_letter_is_written(stage, handler, dedupe, store):
    def fail(_event, _ctx):
        raise PermanentError

    handler.does = fail
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    left = []
    send = member.sender.send
    member.sender.send = lambda outgoing: (left.append(len(store.inner._claims)), send(outgoing))
    stage.publish("a")
    member.turn()
    assert left == [0]
    # A replay brings the same id, and was never completed.
    handler.does = lambda _event, _ctx: None
    stage.again()
    stage.again()
    member.turn()
    assert handler.called == ["a", "a"]
    assert member.stats.duplicates == 1


def test_a_dead_letter_waits_until_the_store_has_released_its_event(stage, handler, dedupe, store):
    def fail(_event, _ctx):
        store.error = OSError("down")
        raise PermanentError

    handler.does = fail
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    for _ in range(5):
        member.turn(1)
    assert not stage.dead
    store.error = None
    member.turn(1)
    assert len(stage.dead) == 1
    assert handler.called == ["a"]


def test_what_another_process_has_claimed_waits_until_that_claim_is_over(
    stage, handler, dedupe, store
):
    died = stage.member(handlers_of(Handler()), dedupe=dedupe)
    stage.publish("a", "a/2")
    died.step()
    assert died.workers.ready
    stage.clock.advance(46)  # Its session is over, and its claims as well.
    (first, *_) = list(store.inner._claims)
    store.inner.claim_many([first], "who died just now", 30)
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    for _ in range(29):
        member.turn(1)
    assert (handler.called, stage.committed) == ([], 0)
    for _ in range(20):
        member.turn(1)
    assert (handler.called, member.stats.duplicates, stage.committed) == (["a", "a"], 0, 2)


def test_while_the_store_is_down_events_are_held_and_none_is_handled(stage, handler, dedupe, store):
    store.error = ConnectionError("down")
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a", "b", "a/2")
    for _ in range(20):
        member.turn(1)
    assert (handler.called, stage.dead, stage.committed) == ([], [], 0)
    assert member.stats.held
    store.error = None
    for _ in range(30):
        member.turn(1)
    assert sorted(handler.called) == ["a", "a", "b"]
    assert (stage.committed, member.stats.in_flight) == (3, 0)


@pytest.mark.parametrize("answers", [[], ["ours"], [True, False, None], 7, [[]]])
def test_a_store_that_answers_garbage_is_one_that_does_not_answer(
    stage, handler, dedupe, store, answers
):
    store.answers = answers
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    member.turn()
    assert (handler.called, member.stats.held) == ([], 1)
    store.answers = None
    member.turn(1)
    assert handler.called == ["a"]


def test_what_was_handled_while_the_store_is_down_is_settled_when_it_knows(
    stage, handler, dedupe, store
):
    def break_store(_event, _ctx):
        store.error = ConnectionError("down")

    handler.does = break_store
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    for _ in range(5):
        member.turn(1)
    assert (member.stats.handled, stage.committed) == (0, 0)
    store.error = None
    member.turn(1)
    member.turn(1)
    assert (handler.called, member.stats.handled, stage.committed) == (["a"], 1, 1)


def test_a_claim_is_renewed_for_as_long_as_its_event_is_here(stage, handler, dedupe, store):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    for _ in range(50):
        stage.clock.advance(1)
        member.step()
    (key,) = store.inner._claims
    assert store.inner.claim_many([key], "other", 30) == [DedupeAnswer.BUSY]


def test_what_another_has_claimed_meanwhile_is_not_begun(stage, handler, dedupe, store):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    member.step()
    stage.clock.advance(31)  # as where this process was stopped for so long
    (key,) = store.inner._claims
    assert store.inner.claim_many([key], "other", 30) == [DedupeAnswer.OURS]
    member.turn()
    assert handler.called == []
    store.inner.complete_many([key], 600)
    for _ in range(3):
        member.turn(1)
    assert (handler.called, member.stats.duplicates, stage.committed) == ([], 1, 1)


def test_many_small_jobs_are_one_question(stage, handler, dedupe, store):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish(*(f"k{index}" for index in range(50)))
    member.step()
    assert len(member.workers.ready) == 50
    assert store.asked == [("claim_many", 50)]


def test_what_was_not_begun_stays_claimed_for_its_next_job(stage, handler, dedupe, store):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a/1", "a/2", "a/3")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    job.wanted_back = True  # As a slow one is, so that what is done can be committed.
    member.workers.finish(job)
    member.step()
    assert store.asked == [("claim_many", 3), ("complete_many", 1)]
    assert len(store.inner._claims) == 2
    member.turn()
    assert handler.called == ["a"] * 3
    assert store.asked[2:] == [("complete_many", 2)]


def test_what_was_not_begun_is_released_where_its_partition_goes(stage, handler, dedupe, store):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a/1", "a/2")
    member.step()
    (job,) = member.workers.ready
    job.recall()
    member.workers.start(job)
    member.workers.finish(job)
    member.engine._settle(member.engine._inbox.take(0))
    assert len(store.inner._claims) == 2
    member.engine.lost([("pat-emails", 0)])
    member.turn(1)
    member.turn(1)
    assert not store.inner._claims


def test_it_is_completed_when_what_it_published_is_acknowledged(
    stage, handler, dedupe, store, monkeypatch
):
    handler.does = lambda _event, ctx: ctx.publish(EmailProcessed(email_id="x"))
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a")
    stage.broker.fail_next_sends = 1
    member.turn()
    assert len(store.inner) == 1


def test_a_batch_is_called_without_its_duplicates(stage, dedupe):
    called = []
    handlers = Handlers()

    @handlers.batch(EmailReceived)
    def handle(events):
        called.append([event.email_id for event, _ in events])

    member = stage.member(handlers, dedupe=dedupe)
    stage.publish("a", "b")
    member.turn()
    stage.again(index=0)
    stage.publish("c")
    stage.again(index=1)
    member.turn()
    stage.again(index=0)
    member.turn()
    assert called == [["a", "b"], ["c"]]
    assert (member.stats.handled, member.stats.duplicates) == (6, 3)


def test_of_a_batch_what_is_behind_a_kept_event_of_its_key_waits_for_it(stage, dedupe):
    called = []
    handlers = Handlers()

    @handlers.batch(EmailReceived)
    def handle(events):
        called.append([event.subject for event, _ in events])

    member = stage.member(handlers, dedupe=dedupe)
    stage.publish("a/1")
    stage.again()
    stage.publish("a/2", "b/1")
    member.turn()
    assert called == [["1", "1"]]  # of a the first, and b's
    member.turn(0.6)
    member.turn()
    assert called == [["1", "1"], ["2"]]
    assert (member.stats.duplicates, member.stats.in_flight) == (1, 0)


def test_coroutines_skip_duplicates_as_well(stage, dedupe):
    called = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        called.append(event.email_id)

    member = stage.member(handlers, dedupe=dedupe)
    stage.publish("a")
    member.turn()
    stage.again()
    member.turn()
    assert (called, member.stats.duplicates) == (["a"], 1)


def test_a_duplicate_is_no_probe_of_a_breaker(stage, handler, dedupe):
    breaker = Breaker("mail", failures=1, calls=1, open_s=5)
    member = stage.member(handlers_of(handler, retry=NO_WAIT, breaker=breaker), dedupe=dedupe)
    stage.publish("a")
    member.turn()

    def fail(_event, _ctx):
        raise ConnectionError

    handler.does = fail
    stage.publish("b")
    member.turn()
    assert breaker.is_open
    stage.again(index=0)
    for _ in range(60):
        member.turn(0.1)
    assert breaker.is_open
    handler.does = lambda _event, _ctx: None
    for _ in range(100):
        member.turn(0.1)
    assert not breaker.is_open
    assert member.stats.in_flight == 0


def test_partitions_that_are_taken_away_leave_no_claim_behind(stage, handler, dedupe, store):
    member = stage.member(handlers_of(handler), dedupe=dedupe)
    stage.publish("a", "b")
    member.step()
    assert len(store.inner._claims) == 2
    member.engine.close()
    assert not store.inner._claims
