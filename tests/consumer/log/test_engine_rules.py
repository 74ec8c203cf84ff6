"""Rules of the engine that hold on the quiet: each is broken by a change of a line."""

from __future__ import annotations

import zlib

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.log.engine import POLL_RECORDS
from pat_events.core.dead_letter import read_cause
from pat_events.errors import HoldError, PermanentError, TransientError
from pat_events.events import EmailReceived, TenantEvent

TOPIC = "pat-emails"
OTHER = "pat-events"
GROUP = "email-processor"
TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
AFTER_1_S = RetryPolicy(attempts=3, first_delay_s=1.0, multiplier=1.0, jitter=0)


def handlers_of(handle, **settings):
    handlers = Handlers()
    handlers.add(EmailReceived, handle, **{"retry": AFTER_1_S, **settings})
    return handlers


def batch_handlers(handle, **settings):
    handlers = Handlers()
    handlers.batch(EmailReceived, **{"retry": AFTER_1_S, **settings})(handle)
    return handlers


def test_partitions_of_one_number_in_two_topics_have_positions_of_their_own(stage):
    handled = []

    def handle(event, ctx):
        if getattr(event, "email_id", "") == "held":
            raise HoldError("wait")
        handled.append(type(event))

    handlers = handlers_of(handle)
    handlers.add(TenantEvent, handle)
    stage.publish("held", "a", "b", "c", "d")
    for _ in range(3):
        stage.producer.publish(TenantEvent(tenant_id="t"))
    member = stage.member(handlers)
    for _ in range(4):
        member.turn(0.2)
    # Both were read in one poll, and one of them is held back.
    assert handled == [EmailReceived] * 4 + [TenantEvent] * 3
    assert stage.broker.committed(GROUP) == {(TOPIC, 0): 0, (OTHER, 0): 3}


def test_a_letter_written_while_a_retry_of_its_lane_waits_does_not_free_the_lane(stage):
    calls = []

    def handle(pairs):
        calls.append([(event.email_id, ctx.attempt) for event, ctx in pairs])
        for event, ctx in pairs:
            if event.email_id == "hopeless":
                ctx.fail(PermanentError("no"))
            elif event.email_id == "later" and ctx.attempt == 1:
                ctx.fail(ValueError("not yet"))

    stage.publish("later", "hopeless")
    member = stage.member(batch_handlers(handle), order="partition")
    member.turn()
    member.turn()
    stage.publish("behind")
    for _ in range(4):
        member.turn(0.2)
    assert len(stage.dead) == 1
    assert calls == [[("later", 1), ("hopeless", 1)]]
    stage.clock.advance(1)
    member.step()
    # The retry alone is at work, and nothing beside it.
    assert [len(job.deliveries) for job in member.workers.ready] == [1]
    member.run_until(lambda: stage.committed == 3)
    for _ in range(5):
        member.turn(1)
    assert calls[1:] == [[("later", 2)], [("behind", 1)]]
    assert member.stats.in_flight == 0


def test_what_is_due_first_is_tried_first_whenever_its_wait_began(stage):
    waits = {"long": 20.0, "short": 1.0}
    tried = []

    def handle(event, ctx):
        tried.append((event.email_id, round(stage.clock.now - began)))
        if ctx.attempt == 1:
            raise TransientError("wait", retry_after_s=waits[event.email_id])

    began = stage.clock.now
    policy = RetryPolicy(attempts=2, first_delay_s=0, jitter=0)
    stage.publish("long", "short")
    member = stage.member(handlers_of(handle, retry=policy))
    member.run_until(lambda: stage.committed == 2, tick_s=0.25)
    assert tried == [("long", 0), ("short", 0), ("short", 1), ("long", 20)]


def test_the_last_commit_is_sent_again_although_one_without_an_answer_went_before(stage):
    stage.publish("a", "b")
    member = stage.member(handlers_of(lambda event, ctx: None))
    member.run_until(lambda: stage.committed == 2)
    sent = len(member.receiver.commits)
    member.turn(1)
    assert len(member.receiver.commits) == sent
    member.engine.close()
    assert member.receiver.commits[sent:] == [{(TOPIC, 0): 2}]


def test_every_30_s_what_was_committed_before_is_sent_again(stage):
    stage.publish("a", "b")
    member = stage.member(handlers_of(lambda event, ctx: None))
    member.run_until(lambda: stage.committed == 2)
    sent = len(member.receiver.commits)
    for _ in range(124):
        member.turn(0.5)
    assert member.receiver.commits[sent:] == [{(TOPIC, 0): 2}] * 2


def test_of_lost_partitions_nothing_is_committed_not_even_in_vain(stage):
    stage.publish("a", "b")
    member = stage.member(handlers_of(lambda event, ctx: None))
    member.step()
    member.workers.run_all()
    commits = []

    def commit(offsets, *, wait):
        commits.append((offsets, wait))

    member.receiver.inner.commit = commit
    member.engine.lost([(TOPIC, 0)])
    for _ in range(3):
        stage.clock.advance(60)
        member.engine._settle(member.inbox.take(0))
        assert member.engine._commits.commit_if_due(stage.clock.monotonic())
    assert commits == []
    assert (member.stats.returned, member.stats.handled, member.stats.in_flight) == (2, 0, 0)


def test_events_of_a_batch_that_failed_are_tried_one_by_one_and_no_fresh_one_joins_them(stage):
    calls = []

    def handle(pairs):
        calls.append([event.email_id for event, _ in pairs])
        if len(pairs) > 1 and "bad" in calls[-1]:
            raise ValueError("one of these")

    stage.publish("a", "bad", "c")
    member = stage.member(batch_handlers(handle, max_events=10), order="partition")
    member.turn()
    member.step()
    stage.publish("fresh", "new")
    member.run_until(lambda: stage.committed == 5)
    assert calls == [["a", "bad", "c"], ["a"], ["bad"], ["c"], ["fresh", "new"]]


def test_no_event_that_is_tried_again_joins_one_that_counts_as_fresh(stage):
    calls = []

    def handle(pairs):
        calls.append([event.email_id for event, _ in pairs])
        for event, ctx in pairs:
            if len(calls) == 1:
                # What is held has made no attempt.
                ctx.fail(HoldError("wait") if event.email_id == "a" else ValueError("not yet"))

    stage.publish("a", "b")
    member = stage.member(batch_handlers(handle, max_events=9), order="partition")
    member.turn()
    stage.publish("c")
    member.run_until(lambda: stage.committed == 3)
    assert calls == [["a", "b"], ["a"], ["b"], ["c"]]


@pytest.mark.parametrize("kind", ["one", "batch"])
def test_the_time_of_the_first_failure_stays_that_of_the_first(stage, kind):
    def fail(*_):
        raise ValueError("no")

    stage.publish("a", "b")
    if kind == "one":
        member = stage.member(handlers_of(fail))
    else:
        member = stage.member(batch_handlers(fail), order="partition")
    began_ms = stage.clock.wall() * 1000
    member.run_until(lambda: stage.committed == 2)
    for letter in stage.dead:
        cause = read_cause(letter.header_values)
        assert began_ms <= cause.first_failed_ms < began_ms + 500
        assert cause.last_failed_ms >= cause.first_failed_ms + 2_000


def test_bytes_in_flight_are_shared_evenly_by_the_partitions(make_stage):
    stage = make_stage(2)
    stage.publish("slow")
    (slow,) = stage.broker.records(TOPIC)
    other = next(key for key in "abcdefgh" if zlib.crc32(key.encode()) % 2 != slow.partition)
    large = "x" * 1_000
    stage.publish(*[f"slow/{large}"] * 70, *[f"{other}/{large}"] * 200)
    handled = []

    def handle(event, ctx):
        if event.email_id == "slow":
            raise HoldError("wait")
        handled.append(event.email_id)

    member = stage.member(handlers_of(handle), max_in_flight_bytes=130_000)
    member.run_until(lambda: len(handled) == 200)
    for _ in range(3):
        member.turn(0.1)
    (state,) = [s for s in member.engine._partitions.values() if s.partition == slow.partition]
    # Over its half of the bytes, and below the whole.
    assert 65_000 < state.tracker.value_bytes < 130_000
    assert member.receiver.paused == {(TOPIC, slow.partition)}
    assert len(state.tracker) < POLL_RECORDS
