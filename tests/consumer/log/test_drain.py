"""What comes again after a crash or a stop: bounded by a limit, and by finishing what began."""

from __future__ import annotations

import asyncio
import threading
import zlib

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.log.engine import POLL_RECORDS
from pat_events.consumer.log.limits import Limits
from pat_events.core.offsets import OffsetTracker
from pat_events.errors import (
    ConfigError,
    HoldError,
    NotDrainedError,
    PermanentError,
    TransientError,
    TransportError,
)
from pat_events.events import EmailReceived

TOPIC = "pat-emails"
ONCE_MORE = RetryPolicy(attempts=3, first_delay_s=1.0, multiplier=1.0, jitter=0)


class Recorder:
    """Remembers what was handled; what is in ``errors`` is raised instead."""

    def __init__(self, **errors):
        self.errors = errors
        self.handled = []

    def __call__(self, event, ctx):
        name = "/".join(filter(None, (event.email_id, event.subject)))
        if name in self.errors:
            raise self.errors[name]
        self.handled.append(name)


def handlers_of(handler, **settings):
    handlers = Handlers()
    handlers.add(EmailReceived, handler, **{"retry": ONCE_MORE, **settings})
    return handlers


# How far a partition may be ahead.


def test_a_partition_too_far_ahead_of_what_can_be_committed_is_paused_until_it_is_not(make_stage):
    stage = make_stage(2)
    recorder = Recorder(held=HoldError("wait"))
    stage.publish("held")
    (held,) = stage.broker.records(TOPIC)
    keys = [f"k{n}" for n in range(8_000)]
    ahead = [key for key in keys if zlib.crc32(key.encode()) % 2 == held.partition]
    stage.publish(*keys)
    member = stage.member(handlers_of(recorder), max_uncommitted=1_000)
    for _ in range(40):
        member.turn(0.1)
    assert 1_000 <= 1 + len(set(recorder.handled) & set(ahead)) <= 1_000 + POLL_RECORDS
    assert set(keys) - set(ahead) <= set(recorder.handled)
    assert member.receiver.paused == {(TOPIC, held.partition)}
    recorder.errors.clear()
    member.run_until(lambda: len(recorder.handled) == len(keys) + 1)
    assert len(set(recorder.handled)) == len(keys) + 1
    member.turn(1)
    assert member.receiver.paused == set()


def test_it_goes_on_at_half_the_limit_and_not_before(stage):
    recorder = Recorder(k0=HoldError("wait"), k300=HoldError("wait"), k700=HoldError("wait"))
    stage.publish(*(f"k{n}" for n in range(2_000)))
    member = stage.member(handlers_of(recorder), max_uncommitted=1_000)
    for _ in range(20):
        member.turn(0.1)
    assert len(recorder.handled) == 1_000 - 3
    del recorder.errors["k0"]
    member.run_until(lambda: stage.committed == 300)
    member.turn(0.1)
    assert (member.receiver.paused, len(recorder.handled)) == ({(TOPIC, 0)}, 1_000 - 2)
    del recorder.errors["k300"]
    member.run_until(lambda: stage.committed == 700 and len(recorder.handled) > 1_000)


def test_gaps_in_the_log_count_and_never_stop_what_nothing_keeps_back():
    tracker = OffsetTracker()
    assert tracker.uncommitted == 0
    tracker.start(5, 1)
    tracker.start(1_000_000, 1)
    assert tracker.uncommitted == 1_000_001 - 5
    tracker.finish(5)
    assert tracker.uncommitted == 1
    tracker.finish(1_000_000)
    assert tracker.uncommitted == 0


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_lets_nothing_in_is_refused(limit):
    with pytest.raises(ConfigError, match=f"max_uncommitted is {limit}: use 1 or more"):
        Limits(
            max_in_flight=1,
            max_in_flight_bytes=1,
            max_uncommitted=limit,
            drain_timeout_s=1,
            commit_interval_s=1,
        )


def test_a_limit_of_one_still_makes_progress(stage):
    recorder = Recorder()
    stage.publish(*(f"k{n}" for n in range(20)))
    member = stage.member(handlers_of(recorder), max_uncommitted=1)
    member.run_until(lambda: stage.committed == 20)
    assert len(recorder.handled) == 20


# What a stop finishes.


class Slow:
    """A group in which the lane of ``slow`` is behind all others when it is told to stop."""

    def __init__(self, stage, handler, slow=4, **settings):
        self.stage = stage
        events = [name for n in range(slow) for name in (f"slow/{n}", f"k{n}")]
        stage.publish(*events)
        self.member = stage.member(handlers_of(handler), while_waiting=self.wait, **settings)
        self.cost_s = 0.1
        self.member.step()
        # The first event of the slow lane is at work, and all others are done.
        job = self.member.workers.ready[0]
        self.begun = [job]
        self.member.workers.start(job)
        self.member.workers.run_all()
        self.member.step()

    def wait(self, seconds):
        workers = self.member.workers
        if self.begun:
            workers.finish(self.begun.pop())
        elif workers.ready:
            workers.start(workers.ready[0])
            workers.finish(next(iter(workers.running)))
        else:
            self.stage.clock.advance(seconds)
            return
        self.stage.clock.advance(self.cost_s)


def test_a_stop_finishes_what_lies_below_what_was_finished_and_nothing_comes_again(stage):
    recorder = Recorder()
    group = Slow(stage, recorder)
    stage.publish("k0/new")  # Never read: it is not this member's to begin.
    assert group.member.engine.close() == 0
    assert recorder.handled == ["k0", "k1", "k2", "k3", *(f"slow/{n}" for n in range(4))]
    assert (stage.committed, group.member.stats.returned) == (8, 0)


def test_a_stop_begins_nothing_above_what_was_finished(stage):
    recorder = Recorder()
    stage.publish(*(f"k{n}" for n in range(10)))
    member = stage.member(handlers_of(recorder))
    member.step()
    fourth = member.workers.ready[3]
    member.workers.start(fourth)
    member.workers.finish(fourth)
    assert member.engine.close() == 0
    assert recorder.handled == ["k3", "k0", "k1", "k2"]
    assert (stage.committed, member.stats.returned) == (4, 6)


@pytest.mark.parametrize("error", [TransientError("busy", retry_after_s=60), PermanentError("no")])
def test_what_was_handled_before_a_failure_and_what_is_dead_lettered_moves_the_line(stage, error):
    recorder = Recorder(**{"bad/2": error})
    first = "bad/1" if isinstance(error, TransientError) else "bad/2"
    stage.publish("k0", first, "bad/2")
    member = stage.member(handlers_of(recorder))
    member.step()
    bad = member.workers.ready[1]
    member.workers.start(bad)
    member.workers.finish(bad)
    member.step()
    assert member.engine.close() == 0
    assert "k0" in recorder.handled
    assert stage.committed == 2


def test_a_handler_that_ends_during_the_stop_moves_the_line(stage):
    recorder = Recorder()
    stage.publish(*(f"k{n}" for n in range(6)))
    member = stage.member(handlers_of(recorder))
    member.step()
    third = member.workers.ready[2]
    member.workers.start(third)

    def wait(seconds):
        if third in member.workers.running:
            recorder.handled.append("k2")  # Its handler had been called before the stop.
            third.done = 1
            member.workers.finish(third)
        if not member.workers.run_all():
            stage.clock.advance(seconds)

    member.inbox._while_waiting = wait
    assert member.engine.close() == 0
    assert recorder.handled == ["k2", "k0", "k1"]
    assert (stage.committed, member.stats.returned) == (3, 3)


def test_what_lies_above_a_held_event_is_not_begun_and_not_waited_for(stage):
    recorder = Recorder(**{"slow/0": HoldError("wait")})
    group = Slow(stage, recorder)
    group.member.workers.finish(group.begun.pop())
    group.member.step()
    began = stage.clock.now
    assert group.member.engine.close() == 0
    assert stage.clock.now == began
    assert recorder.handled == ["k0", "k1", "k2", "k3"]
    assert (stage.committed, group.member.stats.returned) == (0, 8 - 4)


def test_what_lies_below_a_held_event_is_finished(stage):
    recorder = Recorder(k2=HoldError("wait"))
    group = Slow(stage, recorder)
    assert group.member.engine.close() == 0
    assert recorder.handled[-3:] == ["slow/0", "slow/1", "slow/2"]
    assert stage.committed == 5  # That is k2.


@pytest.mark.parametrize(("wait_s", "committed"), [(1.0, 8), (2.4, 8), (2.6, 0), (60.0, 0)])
def test_a_retry_is_waited_for_where_it_is_due_in_the_first_half_of_the_drain(
    stage, wait_s, committed
):
    recorder = Recorder(**{"slow/0": ValueError("once")})
    group = Slow(stage, recorder)
    group.member.engine._recovery._random = lambda: 0.0
    policy = RetryPolicy(attempts=2, first_delay_s=wait_s, jitter=0, max_delay_s=60)
    route = group.begun[0].deliveries[0].route
    object.__setattr__(route.registration, "retry", policy)
    group.member.workers.finish(group.begun.pop())
    group.member.step()
    recorder.errors.clear()
    began = stage.clock.now
    assert group.member.engine.close() == 0
    assert stage.committed == committed
    assert (stage.clock.now - began < 0.01) is (committed == 0)


def test_a_retry_with_nothing_finished_above_it_is_not_waited_for(stage):
    recorder = Recorder(k2=ValueError("once"))
    stage.publish("k0", "k1", "k2")
    member = stage.member(handlers_of(recorder))
    member.turn()
    began = stage.clock.now
    assert member.engine.close() == 0
    assert (stage.clock.now, stage.committed) == (began, 2)


def test_in_the_second_half_no_handler_is_called_so_that_those_at_work_can_end(stage):
    recorder = Recorder()
    group = Slow(stage, recorder, slow=50)
    began = stage.clock.now
    group.cost_s = 1.0
    # One event a job, as if each took a second.
    chunks = group.member.workers

    def finish_one(job, finish=chunks.finish):
        rest = job.deliveries[1:]
        del job.deliveries[1:]
        finish(job)
        if rest:
            job.source.lanes.put_back(job.lane, rest)

    chunks.finish = finish_one
    assert group.member.engine.close() == 0
    assert stage.clock.now - began <= 4  # Of the 5 s that a drain may take here.
    assert [name for name in recorder.handled if "slow" in name] == ["slow/0", "slow/1", "slow/2"]
    assert stage.committed == 6


def test_what_a_stop_begins_does_not_wait_behind_a_handler_at_work(stage):
    recorder = Recorder()
    stage.publish("busy", "k0", "k1", "k2")
    member = stage.member(handlers_of(recorder))
    workers = member.workers
    member.step()
    busy, *_, last = workers.ready
    for job in (busy, last):
        workers.start(job)
    workers.finish(last)
    woken = []

    def wake_idle():
        woken[:] = workers.ready[:1]
        return bool(workers.ready)

    def wait(seconds):
        # A pool of threads, the only one awake at work: the others take what they are woken for.
        stage.clock.advance(seconds)
        if woken:
            workers.start(woken[0])
            workers.finish(woken.pop())
        elif not workers.ready:
            workers.finish(busy)

    workers.wake_idle = wake_idle
    member.inbox._while_waiting = wait
    assert member.engine.close() == 0
    assert recorder.handled == ["k2", "k0", "k1", "busy"]
    assert stage.committed == 4


def test_of_a_batch_only_what_lies_below_the_line_is_begun(stage):
    sizes = []

    def handle(events):
        sizes.append(len(events))

    handlers = Handlers()
    handlers.batch(EmailReceived, max_events=4)(handle)
    stage.publish(*(f"k{n}" for n in range(8)))
    member = stage.member(handlers, order="partition")
    member.step()
    (state,) = member.engine._partitions.values()
    state.finished_up_to = 2  # As if a dead letter there had been written.
    assert member.engine.close() == 0
    assert sizes == [3]
    assert stage.committed == 3


def test_a_letter_that_could_not_be_written_is_tried_when_due_and_holds_up_nothing(stage):
    recorder = Recorder(k0=PermanentError("no"))
    stage.broker.append, append = _refuse_dead_letters(stage.broker.append), stage.broker.append
    stage.publish("k0", *(f"slow/{n}" for n in range(3)))
    member = stage.member(handlers_of(recorder))
    member.turn()
    member.turn()
    assert member.stats.held == 1
    began = stage.clock.now
    stage.broker.append = append
    assert member.engine.close() == 0
    assert (stage.clock.now, stage.committed, stage.dead) == (began, 0, [])


def _refuse_dead_letters(append):
    def refuse(outgoing):
        if outgoing.topic.endswith(".dlq"):
            raise TransportError("cannot be written")
        return append(outgoing)

    return refuse


def test_an_abort_begins_nothing(stage):
    recorder = Recorder()
    group = Slow(stage, recorder)
    group.member.engine.abort()
    assert group.member.engine.close() == 7 - 3
    assert recorder.handled == ["k0", "k1", "k2", "k3"]


def test_after_a_stop_with_a_slow_key_another_member_gets_nothing_twice(live, wait_until):
    calls = []
    free = threading.Event()

    def handle(event, ctx):
        if event.email_id == "slow":
            assert free.wait(10)
        calls.append((event.email_id, event.subject))

    keys = [f"k{n}" for n in range(100)]
    live.publish(*(name for n, key in enumerate(keys) for name in (f"slow/{n}", key)))
    group = live.group(handlers_of(handle), started=False)
    group.start()
    wait_until(lambda: len(calls) == len(keys))
    ending = threading.Thread(target=group.stop)
    ending.start()
    wait_until(lambda: any(s.draining for s in [*group._engine._partitions.values()]))
    free.set()
    ending.join(10)
    assert live.committed == 2 * len(keys)
    assert len(calls) == len(set(calls)) == 2 * len(keys)


def test_a_stop_after_the_end_of_the_handlers_loop_commits_what_was_handled(live, wait_until):
    calls = []

    async def handle(event, ctx):
        calls.append(event.email_id)
        if event.email_id == "k1":
            raise ValueError("once")

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    retry = RetryPolicy(attempts=2, first_delay_s=0.5, jitter=0)
    live.publish("k0", "k1", "k2")
    # No commit comes before the last one.
    group = live.group(
        handlers_of(handle, retry=retry), started=False, commit_interval_s=60, drain_timeout_s=5
    )
    group.start(loop)
    wait_until(lambda: group.stats().handled == 2 and group.stats().retried == 1)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    # The retry is due within the drain, and there is nothing to run it.
    with pytest.raises(NotDrainedError, match="come again: 1"):
        group.stop()
    assert live.committed == 1
