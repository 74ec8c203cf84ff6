"""The engine on the memory transport, one step at a time under a virtual clock."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.log.engine import POLL_RECORDS
from pat_events.errors import (
    HoldError,
    OffsetOutOfRangeError,
    PermanentError,
    RecordTooLargeError,
    TransientError,
    TransportError,
)
from pat_events.events import EmailProcessed, EmailReceived

TOPIC = "pat-emails"
GROUP = "email-processor"
FIXED = RetryPolicy(attempts=3, first_delay_s=1.0, multiplier=2.0, jitter=0)


class Recorder:
    """A handler that fails as often as it is told to, per ``email_id/subject``."""

    def __init__(self, failures=None, error=None):
        self.failures = dict(failures or {})
        self.error = error or ValueError("no")
        self.calls = []
        self.handled = []

    def handle(self, event, ctx):
        name = "/".join(filter(None, (event.email_id, event.subject)))
        self.calls.append((name, ctx.attempt))
        if self.failures.get(name, 0) > 0:
            self.failures[name] -= 1
            raise self.error
        self.handled.append(name)


def handlers_of(handler, **settings):
    handlers = Handlers()
    handlers.add(EmailReceived, handler, **{"retry": FIXED, **settings})
    return handlers


def test_handled_events_are_committed_and_counted(stage):
    recorder = Recorder()
    member = stage.member(handlers_of(recorder))
    stage.publish("a", "b", "a/2")
    member.turn()
    member.turn(1)
    assert recorder.handled == ["a", "a/2", "b"]
    assert stage.committed == 3
    assert (member.stats.delivered, member.stats.handled, member.stats.in_flight) == (3, 3, 0)


def test_an_event_waiting_for_its_retry_stops_its_key_and_no_other(stage):
    recorder = Recorder({"a/1": 1})
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "b/1", "a/2", "b/2")
    member.turn()
    member.turn(0.99)
    assert recorder.handled == ["b/1", "b/2"]
    assert stage.committed <= 0
    member.turn(0.01)
    assert recorder.handled == ["b/1", "b/2", "a/1", "a/2"]
    assert recorder.calls.count(("a/1", 2)) == 1
    member.turn(1)
    assert stage.committed == 4
    assert member.stats.retried == 1


def test_the_wait_grows_by_the_policy(stage):
    recorder = Recorder({"a": 2})
    member = stage.member(handlers_of(recorder))
    stage.publish("a")
    tried_at = []
    for _ in range(50):
        before = len(recorder.calls)
        member.turn(0.1)
        if len(recorder.calls) > before:
            tried_at.append(stage.clock.now)
    waits = [b - a for a, b in pairwise(tried_at)]
    assert waits == pytest.approx([1.0, 2.0], abs=0.11)


def test_when_attempts_run_out_a_dead_letter_is_written_and_then_the_commit_moves(stage, header):
    recorder = Recorder({"a/1": 9}, error=KeyError("missing"))
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "a/2")
    member.run_until(lambda: stage.dead)
    assert recorder.handled == []  # a/2 waits until the dead letter of a/1 is settled
    member.run_until(lambda: stage.committed == 2)
    assert recorder.calls == [("a/1", 1), ("a/1", 2), ("a/1", 3), ("a/2", 1)]
    (letter,) = stage.dead
    assert letter.value == stage.broker.records(TOPIC)[0].value
    assert {
        name: header(letter, name)
        for name in (
            "__dlq.errors.topic",
            "__dlq.errors.offset",
            "__dlq.errors.group",
            "pat-dlq-reason",
            "pat-dlq-attempts",
            "pat-dlq-error-class",
        )
    } == {
        "__dlq.errors.topic": TOPIC,
        "__dlq.errors.offset": "0",
        "__dlq.errors.group": GROUP,
        "pat-dlq-reason": "attempts-exhausted",
        "pat-dlq-attempts": "3",
        "pat-dlq-error-class": "builtins.KeyError",
    }
    assert (member.stats.dead_lettered, member.stats.handled) == (1, 1)


def test_a_dead_letter_that_cannot_be_written_holds_the_event_until_it_can(stage):
    recorder = Recorder({"a/1": 9}, error=PermanentError("never"))
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "a/2", "b/1")
    stage.refuse_letters(member, TransportError("the disk is full"), times=3)
    for _ in range(4):
        member.turn(0.4)
    assert recorder.handled == ["b/1"]
    assert (stage.dead, member.stats.held) == ([], 2)
    assert stage.committed <= 0
    member.run_until(lambda: stage.committed == 3)
    assert recorder.handled == ["b/1", "a/2"]
    assert len(stage.dead) == 1
    assert member.stats.held == 3


def test_a_dead_letter_on_its_way_through_an_outage_is_written_once_it_is_over(stage):
    recorder = Recorder({"a/1": 9}, error=PermanentError("never"))
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "a/2")
    member.step()
    stage.broker.set_down(down=True)
    member.workers.run_all()
    for _ in range(20):
        member.turn(1)
    assert recorder.handled == []
    stage.broker.set_down(down=False)
    member.run_until(lambda: stage.committed == 2)
    assert len(stage.dead) == 1
    assert recorder.handled == ["a/2"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermanentError("no"), "rejected"), (RecordTooLargeError("big"), "rejected")],
)
def test_a_hopeless_error_is_dead_lettered_at_once(stage, header, error, reason):
    recorder = Recorder({"a": 9}, error=error)
    member = stage.member(handlers_of(recorder))
    stage.publish("a")
    member.turn()
    assert recorder.calls == [("a", 1)]
    assert [header(letter, "pat-dlq-reason") for letter in stage.dead] == [reason]


def test_an_error_outside_retry_on_is_dead_lettered_at_once(stage, header):
    policy = RetryPolicy(retry_on=(OSError,))
    member = stage.member(handlers_of(Recorder({"a": 9}), retry=policy))
    stage.publish("a")
    member.turn()
    assert [header(letter, "pat-dlq-reason") for letter in stage.dead] == ["not-retried"]


def test_undecodable_bytes_are_dead_lettered_as_they_came_and_neighbours_go_on(stage, header):
    recorder = Recorder()
    member = stage.member(handlers_of(recorder))
    typed = [("ce_type", b"pat.events.v1.EmailReceived"), ("x", None), ("y", b"\xff\x00")]
    stage.raw(b"\xff\xff\xff", typed)
    stage.raw(None, typed)
    stage.raw(b"", [])
    stage.publish("a")
    member.run_until(lambda: stage.committed == 4)
    assert recorder.handled == ["a"]
    assert [letter.value for letter in stage.dead] == [b"", b"\xff\xff\xff", None]
    assert [header(letter, "pat-dlq-reason") for letter in stage.dead] == [
        "unknown-event",
        "undecodable",
        "undecodable",
    ]
    assert list(stage.dead[1].headers)[: len(typed)] == typed


def test_known_types_without_a_handler_are_passed_over(stage):
    member = stage.member(handlers_of(Recorder()))
    stage.producer.publish(EmailProcessed(email_id="p"))
    member.turn()
    member.turn(1)
    assert (member.stats.skipped, member.stats.in_flight, stage.committed) == (1, 0, 1)


def test_a_held_event_is_tried_for_ever_and_no_attempt_is_counted(stage):
    recorder = Recorder({"a/1": 8}, error=HoldError("store down"))
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "a/2")
    member.run_until(lambda: len(recorder.handled) == 2, tick_s=1.0)
    assert {attempt for _, attempt in recorder.calls} == {1}
    assert member.stats.held == 8
    assert stage.dead == []


def test_an_error_may_ask_for_a_longer_wait(stage):
    recorder = Recorder({"a": 1}, error=TransientError("busy", retry_after_s=20))
    member = stage.member(handlers_of(recorder))
    stage.publish("a")
    member.turn()
    member.turn(19.9)
    assert recorder.handled == []
    member.turn(0.2)
    assert recorder.handled == ["a"]


def test_the_commit_stops_below_the_lowest_event_in_flight(stage):
    member = stage.member(handlers_of(Recorder()))
    stage.publish("a", "b", "c", "d")
    member.step()
    a, b, c, d = member.workers.ready
    for job, committed in ((d, 0), (b, 0), (a, 2), (c, 4)):
        member.workers.start(job)
        member.workers.finish(job)
        stage.clock.advance(1)
        member.step()
        assert max(stage.committed, 0) == committed


@pytest.mark.parametrize("order", ["key", "partition", "none"])
def test_what_may_run_side_by_side_follows_the_order_asked_for(stage, order):
    member = stage.member(handlers_of(Recorder()), order=order)
    stage.publish("a/1", "b/1", "a/2")
    member.step()
    side_by_side = [[d.offset for d in job.deliveries] for job in member.workers.ready]
    expected = {"key": [[0, 2], [1]], "partition": [[0, 1, 2]], "none": [[0], [1], [2]]}
    assert side_by_side == expected[order]


def test_a_failure_in_the_middle_of_a_chunk_repeats_nothing_before_and_skips_nothing_after(stage):
    recorder = Recorder({"a/3": 1})
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "a/2", "a/3", "a/4", "a/5")
    member.turn()
    member.turn(1)
    assert recorder.handled == [f"a/{n}" for n in (1, 2, 3, 4, 5)]
    assert recorder.calls.count(("a/2", 1)) == 1


def test_sync_and_async_handlers_of_one_key_keep_its_order(stage):
    seen = []
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=FIXED)
    def sync(event, ctx):
        seen.append(("sync", ctx.position.offset))

    @handlers.on(EmailProcessed, retry=FIXED)
    async def coroutine(event, ctx):
        seen.append(("async", ctx.position.offset))
        if seen.count(("async", 2)) == 1 and ctx.position.offset == 2:
            raise ValueError("once")

    member = stage.member(handlers)
    for number in range(6):
        event = EmailProcessed if number in (1, 2, 5) else EmailReceived
        stage.producer.publish(event(email_id="k"))
    member.step()
    while len(seen) < 7:
        assert len(member.workers.ready) <= 1  # never both kinds at once
        member.turn(0.25)
    assert [offset for _, offset in seen] == [0, 1, 2, 2, 3, 4, 5]
    assert [kind for kind, _ in seen] == ["sync", *["async"] * 3, "sync", "sync", "async"]


def batch_handlers(function, **settings):
    handlers = Handlers()
    handlers.batch(EmailReceived, **{"retry": FIXED, **settings})(function)
    return handlers


def test_batches_have_at_most_the_events_asked_for_in_order(stage):
    sizes = []
    member = stage.member(
        batch_handlers(lambda pairs: sizes.append([e.email_id for e, _ in pairs]), max_events=2),
        order="partition",
    )
    stage.publish("a", "b", "c", "d", "e")
    member.run_until(lambda: stage.committed == 5)
    assert sizes == [["a", "b"], ["c", "d"], ["e"]]


def test_events_a_batch_handler_fails_are_tried_again_alone_and_the_rest_is_accepted(stage):
    seen = []

    def handle(pairs):
        seen.append([event.email_id for event, _ in pairs])
        for event, ctx in pairs:
            if event.email_id in "bd" and ctx.attempt == 1:
                ctx.fail(ValueError(event.email_id))

    member = stage.member(batch_handlers(handle), order="partition")
    stage.publish("a", "b", "c", "d", "e")
    member.run_until(lambda: stage.committed == 5)
    assert seen == [["a", "b", "c", "d", "e"], ["b"], ["d"]]


@pytest.mark.parametrize("error", [ValueError("one of these"), PermanentError("hopeless")])
def test_a_batch_that_raises_is_split_so_that_only_the_bad_event_is_given_up(stage, error):
    seen = []

    def handle(pairs):
        seen.append([event.email_id for event, _ in pairs])
        if any(event.email_id == "bad" for event, _ in pairs):
            raise error

    member = stage.member(batch_handlers(handle), order="partition")
    stage.publish("a", "bad", "c")
    member.run_until(lambda: stage.committed == 3)
    assert seen[0] == ["a", "bad", "c"]
    assert len(stage.dead) == 1
    assert stage.dead[0].value == stage.broker.records(TOPIC)[1].value
    assert member.stats.handled == 2
    assert max(map(len, seen[1:])) == 1


def test_one_batch_may_bring_retries_and_dead_letters_at_once(stage):
    def handle(pairs):
        for event, ctx in pairs:
            if event.email_id == "hopeless":
                ctx.fail(PermanentError("no"))
            elif event.email_id == "later" and ctx.attempt == 1:
                ctx.fail(ValueError("not yet"))

    seen = []
    member = stage.member(
        batch_handlers(lambda p: (seen.append([e.email_id for e, _ in p]), handle(p))[1]),
        order="partition",
    )
    stage.publish("hopeless", "fine", "later")
    stage.raw(b"\xff", [("ce_type", b"pat.events.v1.EmailReceived")])
    stage.publish("last")
    member.step()
    stage.broker.set_down(down=True)  # the dead letters are on their way for longer than the retry
    member.workers.run_all()
    for _ in range(5):
        member.turn(1)
    assert seen == [["hopeless", "fine", "later", "last"]]
    stage.broker.set_down(down=False)
    member.run_until(lambda: stage.committed == 5)
    assert seen == [["hopeless", "fine", "later", "last"], ["later"]]
    assert len(stage.dead) == 2
    assert (member.stats.handled, member.stats.dead_lettered) == (3, 2)


def test_a_batch_beyond_its_deadline_is_split_like_one_that_raised(stage):
    seen = []
    member = stage.member(
        batch_handlers(lambda p: seen.append([e.email_id for e, _ in p]), timeout_s=10),
        order="partition",
    )
    stage.publish("a", "b", "c")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)  # and never ends
    stage.clock.advance(10)
    member.step()
    member.run_until(lambda: stage.committed == 3)
    assert seen == [["a"], ["b"], ["c"]]


def test_a_handler_beyond_its_deadline_is_tried_again_and_its_late_end_changes_nothing(stage):
    recorder = Recorder()
    member = stage.member(handlers_of(recorder, timeout_s=10))
    stage.publish("a/1", "a/2", "b/1")
    member.step()
    hanging = member.workers.ready[0]
    member.workers.start(hanging)
    member.workers.run_all()
    stage.clock.advance(10)
    member.step()
    assert recorder.handled == ["b/1"]
    member.turn(1)
    assert recorder.calls == [("b/1", 1), ("a/1", 2), ("a/2", 1)]
    member.workers.finish(hanging)
    member.turn(1)
    assert (stage.committed, member.stats.handled, member.stats.in_flight) == (3, 3, 0)


def test_a_result_posted_just_as_its_job_is_given_up_counts_once(stage):
    # The worker saw no reason to drop it, and the engine gave it up before it was posted.
    recorder = Recorder()
    member = stage.member(handlers_of(recorder, timeout_s=10))
    stage.publish("a/1", "a/2", "a/3")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    job.done = 2
    stage.clock.advance(1)
    member.step()  # sees that it went on
    stage.clock.advance(10)
    member.step()
    member.inbox.put(job)
    member.step()
    state = member.engine._partitions[TOPIC, 0]
    assert state.running == 0
    assert member.stats.handled == 2
    member.run_until(lambda: stage.committed == 3)
    assert recorder.calls == [("a/3", 2)]
    assert (member.stats.handled, state.running, len(state.lanes)) == (3, 0, 0)


def test_what_is_in_flight_is_bounded_and_full_partitions_are_paused_then_resumed(make_stage):
    stage = make_stage(2)
    recorder = Recorder()
    handlers = handlers_of(recorder)
    member = stage.member(handlers, max_in_flight=10, while_waiting=stage.clock.advance)
    stage.publish(*(f"k{n}" for n in range(60)))
    peak = 0
    for _ in range(20):
        stage.clock.advance(0.1)
        member.step()
        peak = max(peak, member.stats.in_flight)
    assert peak <= 10
    assert member.receiver.paused == {(TOPIC, 0), (TOPIC, 1)}
    member.run_until(lambda: len(recorder.handled) == 60)
    member.turn(1)
    assert member.receiver.paused == set()
    assert member.stats.in_flight == 0
    assert sum(stage.broker.committed(GROUP).values()) == 60


def test_the_bytes_in_flight_are_bounded_give_or_take_a_poll(make_stage):
    stage = make_stage(2)
    recorder = Recorder()
    member = stage.member(
        handlers_of(recorder),
        max_in_flight=10_000,
        max_in_flight_bytes=100_000,
        while_waiting=stage.clock.advance,
    )
    stage.publish(*(f"k{n}/{'long' * 250}" for n in range(1_500)))
    for _ in range(20):
        stage.clock.advance(0.1)
        member.step()
    assert member.stats.in_flight <= POLL_RECORDS + 100
    assert member.receiver.paused == {(TOPIC, 0), (TOPIC, 1)}
    member.run_until(lambda: len(recorder.handled) == 1_500)
    member.turn(1)
    assert member.receiver.paused == set()


def test_a_partition_full_of_waiting_events_does_not_stop_the_others(make_stage):
    stage = make_stage(2)
    seen = []

    def handle(event, ctx):
        if event.email_id == "slow":
            raise HoldError("wait")
        seen.append(event.email_id)

    stage.publish("slow")
    (slow,) = stage.broker.records(TOPIC)
    other = next(key for key in "abcdefgh" if zlib.crc32(key.encode()) % 2 != slow.partition)
    stage.publish(*["slow"] * 2_500, *[other] * 2_500)
    member = stage.member(handlers_of(handle), max_in_flight=2_000)
    member.run_until(lambda: len(seen) == 2_500)
    assert set(seen) == {other}
    assert member.stats.in_flight <= 2_000


def test_revoking_drains_running_handlers_commits_and_forgets(make_stage):
    stage = make_stage(2)
    recorder = Recorder()
    first = stage.member(handlers_of(recorder))
    stage.publish(*(f"k{n}" for n in range(20)))
    first.step()
    started, waiting = first.workers.ready[:10], first.workers.ready[10:]
    assert waiting
    second = stage.member(handlers_of(recorder))
    second.step()
    first.step()  # drains within this step: all jobs run
    moved = [key for key in ((TOPIC, 0), (TOPIC, 1)) if key not in first.engine._partitions]
    assert len(moved) == 1
    # Jobs that had not started when the drain began were not called: they go back to the log.
    assert first.stats.returned > 0
    assert first.engine._partitions.keys().isdisjoint(moved)
    assert started[0].source.alive is (started[0].source.topic_partition not in moved)
    for _ in range(5):
        second.turn(1)
        first.turn(1)
    assert sorted(recorder.handled) == sorted(f"k{n}" for n in range(20))
    assert sum(stage.broker.committed(GROUP).values()) == 20


def test_a_drain_lets_a_running_handler_end_and_calls_no_further_one(stage):
    recorder = Recorder()
    late = _Late(stage, recorder)
    member = stage.member(handlers_of(recorder), while_waiting=late.run)
    stage.publish("a/1", "a/2", "b/1")
    member.step()
    late.member = member
    a, b = late.begun, late.queued = member.workers.ready
    assert b in member.workers.ready
    member.workers.start(a)
    assert member.engine.close() == 0
    assert recorder.handled == ["a/1"]
    assert stage.committed == 1
    assert (member.stats.handled, member.stats.returned) == (1, 2)


class _Late:
    """Ends a job that had begun its first event before the drain, then one that had not."""

    def __init__(self, stage, recorder):
        self.stage, self.recorder = stage, recorder
        self.member = self.begun = self.queued = None

    def run(self, seconds):
        self.stage.clock.advance(seconds)
        if self.begun is not None:
            job, self.begun = self.begun, None
            event = job.deliveries[0].route.decode(job.deliveries[0].value)
            self.recorder.handled.append(f"{event.email_id}/{event.subject}")
            job.done = 1
            self.member.workers.finish(job)
        else:
            self.member.workers.start(self.queued)
            self.member.workers.finish(self.queued)


def test_stopping_does_not_wait_for_retries_that_are_not_due(stage):
    recorder = Recorder({"a": 9}, error=TransientError("busy", retry_after_s=3_600))
    member = stage.member(handlers_of(recorder))
    stage.publish("b", "a", "c")
    member.turn()
    began = stage.clock.now
    assert member.engine.close() == 0
    assert stage.clock.now == began
    assert stage.committed == 1  # up to the event that waited
    assert member.stats.returned == 1


def test_a_drain_ends_at_its_deadline_and_reports_who_was_cut_off(stage):
    member = stage.member(handlers_of(Recorder()), while_waiting=stage.clock.advance)
    stage.publish("a", "b")
    member.step()
    for job in list(member.workers.ready):
        member.workers.start(job)
    began = stage.clock.now
    assert member.engine.close() == 2
    assert stage.clock.now - began == pytest.approx(5, abs=0.2)
    assert stage.committed <= 0


def test_aborting_ends_a_drain_at_once(stage):
    member = stage.member(handlers_of(Recorder()), while_waiting=stage.clock.advance)
    stage.publish("a")
    member.step()
    member.workers.start(member.workers.ready[0])
    member.engine.abort()
    began = stage.clock.now
    assert member.engine.close() == 1
    assert stage.clock.now == began


def test_handlers_cut_off_by_an_earlier_rebalance_do_not_spoil_a_clean_stop(make_stage):
    stage = make_stage(2)
    first = stage.member(handlers_of(Recorder()), while_waiting=stage.clock.advance)
    stage.publish(*(f"k{n}" for n in range(10)))
    first.step()
    for job in list(first.workers.ready):
        first.workers.start(job)  # none of them ends in time
    second = stage.member(handlers_of(Recorder()))
    second.step()
    first.step()
    assert first.stats.returned > 0
    for job in list(first.workers.running):
        first.workers.finish(job)
    first.step()
    assert first.engine.close() == 0


def test_lost_partitions_are_forgotten_nothing_is_committed_and_late_results_are_dropped(stage):
    recorder = Recorder({"dead": 9}, error=PermanentError("no"))
    zombie = stage.member(handlers_of(recorder))
    stage.publish("a", "dead", "c")
    zombie.step()
    stage.broker.set_down(down=True)
    a, dead, c = zombie.workers.ready
    for job in (a, dead, c):
        zombie.workers.start(job)
    zombie.workers.finish(dead)
    zombie.step()  # its dead letter waits for the broker
    stage.clock.advance(46)
    heir = stage.member(handlers_of(recorder))
    heir.step()
    zombie.step()
    assert (zombie.stats.returned, zombie.stats.in_flight) == (3, 0)
    stage.broker.set_down(down=False)  # the dead letter arrives
    zombie.workers.finish(a)
    zombie.workers.finish(c)
    for _ in range(3):
        zombie.turn(1)
    assert zombie.receiver.commits == []
    assert (zombie.stats.handled, zombie.stats.dead_lettered, zombie.stats.in_flight) == (0, 0, 0)
    heir.run_until(lambda: stage.committed == 3)
    assert (heir.stats.handled, heir.stats.dead_lettered) == (2, 1)


def test_an_event_is_done_only_when_what_its_handler_published_is_acknowledged(stage):
    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id))

    member = stage.member(handlers_of(handle))
    stage.publish("a")
    member.step()
    stage.broker.set_down(down=True)
    member.workers.run_all()
    for _ in range(5):
        member.turn(1)
    assert member.stats.handled == 0
    stage.broker.set_down(down=False)
    assert len(stage.broker.records(TOPIC)) == 2
    member.run_until(lambda: stage.committed == 2)


def test_a_deadline_does_not_settle_an_earlier_event_whose_publish_is_open(stage):
    recorder = Recorder()
    member = stage.member(handlers_of(recorder, timeout_s=10))
    stage.publish("a/1", "a/2")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    take = _hold_acks(stage)
    ack = stage.producer.publish(EmailProcessed(email_id="a"))
    assert take() == [ack]
    job.done, job.unsettled = 1, [(0, ack)]  # the first has published, the second hangs
    stage.clock.advance(10)
    member.step()
    member.step()
    assert (stage.committed, member.stats.in_flight) == (0, 2)
    ack.settle(TransportError("lost"), None)
    member.run_until(lambda: stage.committed == 2)
    assert recorder.calls == [("a/1", 1), ("a/2", 1)]


class Fails(Exception):  # noqa: N818
    """A handler's own error."""


def test_when_a_publish_fails_its_event_and_those_behind_it_are_repeated_in_order(stage):
    calls = []

    def handle(event, ctx):
        calls.append((event.subject, ctx.attempt))
        ctx.publish(EmailProcessed(email_id=event.email_id, error_code=event.subject))

    member = stage.member(handlers_of(handle))
    stage.publish("a/1", "a/2", "a/3", "b/1")
    member.step()
    settle = _hold_acks(stage)
    member.workers.run_all()
    acks = settle()
    a2 = next(ack for ack in acks if b"\x522" in ack.value or ack.value.endswith(b"2"))
    for ack in acks:
        ack.settle(TransportError("lost") if ack is a2 else None, (0, 9))
    member.step()
    assert member.stats.handled == 2  # a/1 and b/1
    member.turn(1)
    # Repeated, and none of its attempts: a sound event must survive an outage.
    assert calls == [("1", 1), ("2", 1), ("3", 1), ("1", 1), ("2", 1), ("3", 1)]
    member.run_until(lambda: member.stats.handled == 4)


def _hold_acks(stage):
    """Keep what is published from now on in the sender; returns who takes it out."""
    stage.broker.set_down(down=True)
    sender = stage.producer._sender

    def take():
        acks = list(sender._waiting)
        sender._waiting.clear()
        stage.broker.set_down(down=False)
        return acks

    return take


def test_a_publish_that_fails_beside_a_handler_that_fails_repeats_from_the_earlier(stage):
    calls = []

    def handle(event, ctx):
        calls.append((event.subject, ctx.attempt))
        if event.subject == "2" and ctx.attempt == 1:
            raise Fails
        ctx.publish(EmailProcessed(email_id=event.email_id))

    member = stage.member(handlers_of(handle))
    stage.publish("a/1", "a/2", "a/3")
    member.step()
    take = _hold_acks(stage)
    member.workers.run_all()
    (ack,) = take()
    ack.settle(TransportError("lost"), None)
    member.step()
    member.run_until(lambda: member.stats.handled == 3)
    assert calls == [("1", 1), ("2", 1), ("1", 1), ("2", 1), ("2", 2), ("3", 1)]


def test_a_single_event_handler_that_calls_fail_has_failed(stage):
    def handle(event, ctx):
        ctx.fail(PermanentError("said so"))

    member = stage.member(handlers_of(handle))
    stage.publish("a")
    member.turn()
    assert (len(stage.dead), member.stats.handled) == (1, 0)


def test_an_error_the_decoder_does_not_announce_fails_the_event_and_not_the_worker(stage, header):
    recorder = Recorder()
    member = stage.member(handlers_of(recorder))
    stage.publish("a/1", "a/2")
    member.step()
    (job,) = member.workers.ready
    decode = job.deliveries[0].route.decode

    def broken(value):
        if EmailReceived.FromString(value).subject == "1":
            raise LookupError("a bug in the decoder")
        return decode(value)

    job.deliveries[0].route.decode = broken
    member.run_until(lambda: stage.dead)
    assert header(stage.dead[0], "pat-dlq-error-class") == "builtins.LookupError"
    member.run_until(lambda: stage.committed == 2)
    assert recorder.handled == ["a/2"]


def test_a_position_that_left_the_log_stops_the_engine_with_what_it_had_unharmed(make_stage):
    stage = make_stage(1)
    member = stage.member(handlers_of(Recorder()))
    stage.publish("a", "b", "c")
    stage.broker.group(GROUP).committed[TOPIC, 0] = 0
    stage.broker.delete_records(TOPIC, 0, 2)
    with pytest.raises(OffsetOutOfRangeError, match="0"):
        member.step()
    member.engine.close()
    assert stage.committed == 0


def test_trouble_with_reading_does_not_stop_the_engine(stage):
    recorder = Recorder()
    member = stage.member(handlers_of(recorder))
    member.step()
    poll, member.receiver.poll = member.receiver.poll, _raise(TransportError("no permission"))
    member.step()
    member.receiver.poll = poll
    stage.publish("a")
    member.turn()
    assert recorder.handled == ["a"]


def test_a_commit_that_fails_is_repeated(stage):
    member = stage.member(handlers_of(Recorder()))
    stage.publish("a")
    member.turn()
    commit, member.receiver.commit = member.receiver.commit, _raise(TransportError("later"))
    member.turn(1)
    assert stage.committed <= 0
    member.receiver.commit = commit
    member.turn(1)
    assert stage.committed == 1


def _raise(error):
    def raising(*args, **kwargs):
        raise error

    return raising


class Unannounced(TransientError):  # noqa: N818
    def __init__(self, detail):
        self.detail = detail  # and forgets super().__init__


class Unprintable(Exception):  # noqa: N818
    def __str__(self):
        raise RuntimeError("not even this")


def circular():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


@pytest.mark.parametrize(
    "error",
    [
        Unannounced("x"),
        Unprintable(),
        circular(),
    ],
)
def test_an_error_that_cannot_be_read_does_not_take_the_engine_with_it(stage, error):
    recorder = Recorder({"a": 9}, error=error)
    member = stage.member(handlers_of(recorder))
    stage.publish("a", "b")
    member.run_until(lambda: stage.committed == 2)
    assert (len(stage.dead), recorder.handled) == (1, ["b"])
