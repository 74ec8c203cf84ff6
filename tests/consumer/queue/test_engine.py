"""A queue's consumer: what is deleted, kept, given back and given up, step by step."""

from __future__ import annotations

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.queue.intake import RECEIVE_S
from pat_events.core.dead_letter import read_cause
from pat_events.core.record import Position
from pat_events.errors import (
    HoldError,
    PermanentError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.events import EmailReceived, TenantEvent
from pat_events.telemetry.clients import OperationEnded, QueueChanged
from pat_events.telemetry.observer import (
    DeadLettered,
    Delivered,
    GivenBack,
    GivenUp,
    Handled,
    Held,
    JobsEnded,
    Retried,
)
from pat_events.testing.simulation import pause
from pat_events.transports.queue import Undone
from tests.support.queue_stage import VISIBILITY_S, QueueStage

DOWN = TransportError("down")


class Seen(list):
    """An observer."""

    def saw(self, what):
        self.append(what)

    def of(self, kind):
        return [each for each in self if isinstance(each, kind)]


class Service:
    """Handlers that raise what they are told to, and know what they were called for."""

    def __init__(self, **policy):
        self.called = []
        self.fates = {}
        self.handlers = Handlers()
        policy = {"jitter": 0, "first_delay_s": 1.0, **policy}

        @self.handlers.on(EmailReceived, retry=RetryPolicy(**policy))
        def handle(event, ctx):
            self.called.append((event.email_id, ctx.attempt))
            left = self.fates.get(event.email_id)
            error = left.pop(0) if left else None
            if error is not None:
                raise error

    @property
    def ids(self):
        return [email_id for email_id, _ in self.called]


@pytest.fixture
def stage():
    return QueueStage()


@pytest.fixture
def fifo():
    return QueueStage(fifo=True)


@pytest.fixture
def service():
    return Service()


def test_a_message_is_deleted_once_its_handler_returned_and_not_before(stage, service):
    member = stage.member(service.handlers)
    stage.send("a")
    member.step()
    assert (service.called, len(stage.queue)) == ([], 1)
    member.turns(1)
    assert (service.called, len(stage.queue)) == ([("a", 1)], 0)
    assert (member.stats.handled, member.stats.in_flight) == (1, 0)


def test_what_is_done_within_a_moment_is_deleted_in_batches_of_ten(stage, service):
    member = stage.member(service.handlers)
    stage.send(*(f"e-{n}" for n in range(25)))
    member.turns(3)
    sizes = [len(ids) for ids, _ in member.requests.changes("delete")]
    assert (sum(sizes), max(sizes)) == (25, 10)
    assert len(sizes) <= 4
    assert len(stage.queue) == 0


def test_a_message_is_not_deleted_before_what_its_handler_published_is_acknowledged(stage):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: ctx.publish(TenantEvent(tenant_id="t")))
    member = stage.member(handlers)
    stage.broker.set_down(down=True)
    stage.send("a")
    member.turns(3)
    assert len(stage.queue) == 1
    stage.broker.set_down(down=False)
    member.turns(1)
    assert len(stage.queue) == 0


def test_the_receive_count_goes_on_as_the_attempt(stage, service):
    stage.send("a")
    (message,) = stage.queue.receiver().receive(1, 0, VISIBILITY_S)
    assert message.receive_count == 1
    stage.clock.advance(VISIBILITY_S)
    service.fates["a"] = [ValueError("no")]
    member = stage.member(service.handlers)
    member.turns(6)
    assert service.called == [("a", 2), ("a", 3)]


class TestSlow:
    def test_a_message_whose_handler_is_slow_is_kept_and_handled_once(self, stage):
        calls = []
        handlers = Handlers()

        @handlers.on(EmailReceived, timeout_s=1_000)
        async def slow(event, ctx):
            calls.append(event.email_id)
            await pause()

        first = stage.member(handlers)
        stage.send("a")
        first.step()
        (job,) = first.workers.ready
        first.workers.start(job)
        first.workers.advance(job)
        second = stage.member(handlers)
        for _ in range(60):
            first.step(5)
            second.turn()
        assert calls == ["a"]
        extended = first.requests.changes("extend")
        assert {(tuple(ids), visibility_s) for ids, visibility_s in extended} == {
            (("emails-1",), VISIBILITY_S)
        }
        assert len(extended) == pytest.approx(300 / (VISIBILITY_S / 2), abs=2)
        first.workers.finish(job)
        first.turns(1)
        assert len(stage.queue) == 0

    def test_what_waits_in_a_lane_or_for_a_retry_is_kept_in_batches(self, fifo):
        service = Service(first_delay_s=200, max_delay_s=200)
        service.fates["a"] = [ValueError("no")]
        member = fifo.member(service.handlers)
        fifo.send("a", "b", "c")
        other = fifo.member(service.handlers)
        member.turn()
        for _ in range(30):
            member.turn(5)
            other.turn()
        assert service.called == [("a", 1)]
        assert {tuple(sorted(ids)) for ids, _ in member.requests.changes("extend")} == {
            ("emails-1", "emails-2", "emails-3")
        }
        member.turns(60)
        assert service.ids == ["a", "a", "b", "c"]
        assert len(fifo.queue) == 0

    def test_a_message_is_kept_for_twelve_hours_at_most_and_then_comes_again(self, stage):
        service = Service()
        service.fates["a"] = [HoldError("no")] * 10_000
        member = stage.member(service.handlers)
        stage.send("a")
        for _ in range(43_300 // 10):
            member.turn(10)
        # Its end was awaited: no call failed, and what came again is another receive.
        receives = {ids[0] for ids, _ in member.requests.changes("extend")}
        assert receives == {"emails-1"}
        (message,) = stage.queue._messages.values()
        assert message.receive_count == 2

    def test_what_could_not_be_kept_is_not_begun(self, stage, service):
        member = stage.member(service.handlers)
        stage.send("a")
        service.fates["a"] = [HoldError("no")] * 100
        member.turn()
        member.requests.failures["extend"] = [DOWN] * 100
        member.requests.failures["receive"] = [DOWN] * 100
        member.turns(VISIBILITY_S + 2)
        before = len(service.called)
        member.turns(60)
        assert len(service.called) == before > 1
        assert member.stats.returned == 1
        assert member.stats.in_flight == 0

    def test_what_is_behind_one_that_is_kept_no_more_comes_after_it(self, fifo, service):
        service.fates["a"] = [HoldError("no")] * 2
        member = fifo.member(service.handlers)
        fifo.send("a", "b", "c")
        member.turn()
        (receiver, a) = fifo.queue.receiver(), member.engine._state.taken["emails-1"]
        receiver.change_visibility([a.receipt], 0)
        member.engine._visibility.gone(a)
        member.turns(10)
        assert member.requests.changes("give back")[0] == (["emails-2", "emails-3"], 0)
        assert service.called == [("a", 1), ("a", 2), ("a", 2), ("b", 2), ("c", 2)]

    def test_an_extension_that_fails_is_repeated_soon(self, stage, service):
        service.fates["a"] = [HoldError("no")] * 100
        member = stage.member(service.handlers)
        stage.send("a")
        member.turn()
        member.requests.failures["extend"] = [DOWN] * 3
        member.turns(100)
        (message,) = stage.queue._messages.values()
        assert message.receive_count == 1


class TestFailing:
    def test_it_is_retried_in_place_and_then_left_to_the_queue_with_the_wait_of_its_policy(
        self, stage
    ):
        service = Service(attempts=2)
        service.fates["a"] = [ValueError("no")] * 100
        member = stage.member(service.handlers)
        stage.send("a")
        member.turns(1)
        assert service.called == [("a", 1)]
        member.turns(1)
        assert service.called == [("a", 1), ("a", 2)]
        assert member.requests.changes("give back") == [(["emails-1"], 4)]
        member.turns(30)
        # Each time it came it had its attempts left, and after three times the queue moved it.
        assert service.called == [("a", 1), ("a", 2), ("a", 2), ("a", 3)]
        assert (len(stage.queue), len(stage.dead)) == (0, 1)
        assert member.stats.dead_lettered == 0
        assert stage.letters == []

    def test_or_it_becomes_a_dead_letter_of_ours_with_its_cause_and_is_deleted(self, stage):
        service = Service(attempts=2)
        service.fates["a"] = [ValueError("no such account")] * 100
        member = stage.member(service.handlers, letters=True)
        stage.send("a", "b")
        member.turns(20)
        assert sorted(service.called) == [("a", 1), ("a", 2), ("b", 1)]
        assert (len(stage.queue), len(stage.dead)) == (0, 0)
        (letter,) = stage.letters
        cause = read_cause(dict(letter.headers))
        assert cause.origin == Position("emails", message_id="emails-1")
        assert (cause.reason, cause.attempts) == ("attempts-exhausted", 2)
        assert (cause.message, cause.group) == ("no such account", "email-processor")
        assert (member.stats.dead_lettered, member.stats.handled) == (1, 1)

    def test_what_is_left_is_asked_again_for_the_rest_of_its_wait(self, stage):
        service = Service(attempts=1, first_delay_s=10)
        service.fates["a"] = [ValueError("no")]
        member = stage.member(service.handlers)
        member.requests.failures["give back"] = [DOWN]
        stage.send("a")
        member.turns(12)
        asked = member.requests.changes("give back")
        assert asked == [(["emails-1"], 10), (["emails-1"], 10)]
        assert service.called == [("a", 1), ("a", 2)]

    def test_what_is_hopeless_is_left_at_once_until_the_queue_moves_it(self, stage, service):
        service.fates["a"] = [PermanentError("no")] * 100
        member = stage.member(service.handlers)
        stage.send("a")
        member.turns(5)
        assert service.ids == ["a"] * 3
        assert (len(stage.queue), len(stage.dead)) == (0, 1)
        assert {visibility_s for _, visibility_s in member.requests.changes("give back")} == {0}

    def test_a_letter_that_cannot_be_written_keeps_its_message(self, stage, service):
        service.fates["a"] = [PermanentError("no")]
        member = stage.member(service.handlers, letters=True)
        stage.broker.set_down(down=True)
        stage.send("a")
        member.turns(100)
        assert (service.ids, len(stage.queue), member.stats.dead_lettered) == (["a"], 1, 0)
        stage.broker.set_down(down=False)
        member.turns(1)
        assert (len(stage.queue), len(stage.letters)) == (0, 1)

    def test_an_outage_costs_neither_attempts_nor_receives(self, stage, service):
        service.fates["a"] = [HoldError("no")] * 8
        member = stage.member(service.handlers)
        stage.send("a")
        for _ in range(200):
            member.turn(1)
        assert service.called == [("a", 1)] * 9
        assert member.requests.changes("give back") == []
        assert (member.stats.held, member.stats.handled) == (8, 1)

    @pytest.mark.parametrize("letters", [False, True])
    @pytest.mark.parametrize(
        ("value", "type_"),
        [
            (b"\xff\xff", b"pat.events.v1.EmailReceived"),
            (b"", b"pat.events.v1.Unheard"),
            (b"", b"pat.events.v1.EmailDeleted"),
            (b'{"Records": [{"eventSource": "aws:s3"}]}', None),
        ],
        ids=["undecodable", "unknown", "handled nowhere here", "foreign JSON"],
    )
    def test_what_no_handler_here_can_take_is_given_up_and_never_just_deleted(
        self, stage, service, letters, value, type_
    ):
        seen = Seen()
        member = stage.member(service.handlers, letters=letters, observers=[seen])
        stage.raw(value, [("ce_type", type_)] if type_ else [])
        member.turns(5)
        assert len(stage.queue) == 0
        assert (len(stage.letters), len(stage.dead)) == ((1, 0) if letters else (0, 1))
        reason = "undecodable" if value == b"\xff\xff" else "unknown-event"
        assert {each.reason for each in seen.of(GivenUp)} == {reason}


class TestFifo:
    def test_a_group_waits_for_the_retry_of_its_first_and_others_go_on(self, fifo, service):
        service.fates["a"] = [ValueError("no")]
        member = fifo.member(service.handlers)
        fifo.send("a", "b", "c")
        fifo.send("x", group="h")
        member.turn()
        member.turn()
        assert service.ids == ["a", "x"]
        member.turns(2)
        assert service.ids == ["a", "x", "a", "b", "c"]
        assert len(fifo.queue) == 0

    def test_what_is_left_to_the_queue_cuts_its_group_and_not_the_batch(self, fifo):
        service = Service(attempts=1)
        service.fates["a"] = [ValueError("no")]
        member = fifo.member(service.handlers)
        fifo.send("a", "b", "c")
        fifo.send("x", group="h")
        member.turn()
        member.turn()
        assert service.ids == ["a", "x"]
        # Those behind it for as long, so that none of them comes before it.
        given_back = member.requests.changes("give back")
        assert given_back == [(["emails-1", "emails-2", "emails-3"], 1)]
        assert fifo.queue.message_ids == ["emails-1", "emails-2", "emails-3"]
        member.turns(3)
        assert service.ids == ["a", "x", "a", "b", "c"]

    def test_a_dead_letter_of_ours_lets_its_group_go_on(self, fifo):
        service = Service(attempts=1)
        service.fates["a"] = [ValueError("no")]
        member = fifo.member(service.handlers, letters=True)
        fifo.send("a", "b", "c")
        member.turns(2)
        assert service.ids == ["a", "b", "c"]
        assert (len(fifo.queue), len(fifo.letters)) == (0, 1)

    def test_a_group_that_was_cut_is_handled_again_when_it_comes_again(self, fifo):
        service = Service(attempts=1)
        service.fates["a"] = [PermanentError("no")]
        member = fifo.member(service.handlers)
        fifo.send("a")
        member.turns(1)
        fifo.send("b")
        member.turns(1)
        assert service.called == [("a", 1), ("a", 2), ("b", 1)]
        assert len(fifo.queue) == 0


class TestNothingIsLost:
    @pytest.mark.parametrize("at_work", [False, True])
    def test_after_a_crash_all_that_was_not_deleted_comes_again(self, stage, service, at_work):
        crashed = stage.member(service.handlers)
        stage.send("a", "b", "c")
        crashed.step()
        if at_work:
            crashed.workers.run_all()
        del crashed
        member = stage.member(service.handlers)
        member.turns(VISIBILITY_S - 1)
        assert service.ids == (["a", "b", "c"] if at_work else [])
        member.turns(2)
        assert service.ids == ["a", "b", "c"] * (2 if at_work else 1)
        assert len(stage.queue) == 0

    def test_a_delete_that_fails_is_repeated_and_the_message_kept_meanwhile(self, stage, service):
        member = stage.member(service.handlers)
        member.requests.failures["delete"] = [DOWN] * 8
        stage.send("a", "b")
        other = stage.member(service.handlers)
        began = stage.clock.now
        member.turn()
        for _ in range(300):
            member.turn(0.5)
            other.turn()
            if stage.clock.now < began + 60:
                assert len(stage.queue) == 2
        assert service.ids == ["a", "b"]
        assert len(stage.queue) == 0
        assert len(member.requests.changes("delete")) == 9

    def test_one_message_of_a_batch_that_is_not_deleted_does_not_keep_the_others(
        self, stage, service
    ):
        member = stage.member(service.handlers)
        stage.send("a", "b")
        member.turn()
        # As if it had been too slow: it came to somebody else, who gave it back.
        stage.clock.advance(VISIBILITY_S + 1)
        receiver = stage.queue.receiver()
        (message,) = receiver.receive(1, 0, VISIBILITY_S)
        receiver.change_visibility([message.receipt], 0)
        member.requests.failures["receive"] = [DOWN] * 2
        member.turns(1)
        assert stage.queue.message_ids == ["emails-1"]
        assert member.stats.in_flight == 0

    def test_messages_that_are_not_deleted_are_tried_again_and_keep_no_others_back(
        self, stage, service
    ):
        member = stage.member(service.handlers)
        receiver, tried = member.requests._receiver, []
        delete = receiver.delete

        def refuse_the_first(receipts):
            first = member.engine._state.taken.get("emails-1")
            bad = [it for it in receipts if first is not None and it == first.receipt]
            tried.extend(stage.clock.now for _ in bad)
            done = delete([it for it in receipts if it not in bad])
            return done + [Undone(it, gone=False, error=DOWN) for it in bad]

        receiver.delete = refuse_the_first
        stage.send("a")
        member.turns(20)
        began = stage.clock.now
        stage.send("b", "c")
        while len(stage.queue) > 1:
            member.turn(0.1)
        assert stage.clock.now - began < 1
        assert len(tried) < 8
        del receiver.delete
        member.turns(31)
        assert (len(stage.queue), sorted(service.ids)) == (0, ["a", "b", "c"])

    def test_an_answer_that_was_lost_loses_no_message(self, stage, service):
        member = stage.member(service.handlers)
        member.requests.unanswered |= {"delete", "receive"}
        member.requests.failures["receive"] = [DOWN]
        member.requests.failures["delete"] = [DOWN]
        stage.send("a")
        member.turns(VISIBILITY_S + 5)
        assert service.called == [("a", 2)]
        assert len(stage.queue) == 0

    def test_receiving_goes_on_after_an_outage(self, stage, service):
        member = stage.member(service.handlers)
        stage.send("a")
        stage.queue.set_down(down=True)
        member.turns(20)
        assert len(member.requests.asked) < 10
        stage.queue.set_down(down=False)
        member.turns(40)
        assert (service.ids, len(stage.queue)) == (["a"], 0)

    @pytest.mark.parametrize("kind", ["receive", "delete"])
    def test_requests_that_fail_side_by_side_are_one_failure_and_no_long_pause(
        self, stage, service, kind
    ):
        member = stage.member(service.handlers, max_in_flight=1_000)
        stage.send(*(str(n) for n in range(400)))
        while len(member.requests.waiting) < 5:
            member.step()
            member.engine.step()
        if kind == "delete":
            member.workers.run_all()
            member.engine.step()
        failing = [it for it in member.requests.waiting if getattr(it, "kind", "receive") == kind]
        assert len(failing) >= 5
        member.requests.failures[kind] = [DOWN] * len(failing)
        member.step()
        before = len(member.requests.asked)
        member.step(0.6)
        again = member.requests.asked[before:]
        assert [it for it in again if getattr(it, "kind", "receive") == kind]

    def test_a_message_that_comes_twice_is_handled_once_and_deleted_by_its_last_receipt(
        self, stage, service
    ):
        member = stage.member(service.handlers)
        stage.send("a")
        member.step()
        stage.clock.advance(VISIBILITY_S + 1)
        member.step()
        assert len(member.workers.ready) == 1
        member.turns(1)
        assert (service.called, len(stage.queue)) == ([("a", 1)], 0)


class TestStop:
    def test_what_was_not_begun_is_given_back_and_what_is_at_work_is_finished(self, stage):
        done = []
        handlers = Handlers()

        @handlers.on(EmailReceived)
        async def handle(event, ctx):
            await pause()
            done.append(event.email_id)

        member = stage.member(handlers)
        stage.send("a", "b", "c")
        member.step()
        first = member.workers.ready[0]
        member.workers.start(first)
        member.workers.advance(first)
        member.inbox._while_waiting = lambda seconds: (
            stage.clock.advance(seconds),
            member.workers.finish(first) if first in member.workers.running else None,
            member.workers.run_all(),
            member.requests.run_all(),
        )
        assert member.engine.close() == 0
        assert done == ["a"]
        assert stage.queue.message_ids == ["emails-2", "emails-3"]
        assert len(stage.queue.receiver().receive(10, 0, VISIBILITY_S)) == 2
        assert (member.stats.handled, member.stats.returned, member.stats.in_flight) == (1, 2, 0)

    def test_what_workers_were_given_and_have_not_begun_is_given_back_before_any_wait(self, stage):
        handlers = Handlers()

        @handlers.on(EmailReceived)
        async def hang(event, ctx):
            while True:
                await pause()

        member = stage.member(handlers)
        stage.send("a", "b", "c")
        member.step()
        first = member.workers.ready[0]
        member.workers.start(first)
        member.workers.advance(first)
        began, found = stage.clock.now, {}

        def wait(seconds):
            if not found:
                member.requests.run_all()
                messages = stage.queue.receiver().receive(10, 0, VISIBILITY_S)
                found.update({each.message_id: stage.clock.now - began for each in messages})
            stage.clock.advance(seconds)

        member.inbox._while_waiting = wait
        assert member.engine.close() == 1
        assert found == {"emails-2": 0, "emails-3": 0}
        assert (member.stats.returned, member.stats.in_flight) == (2, 1)

    def test_nothing_passes_one_at_work_in_its_group_whose_job_is_cut_off(self, fifo):
        called = []
        handlers = Handlers()

        @handlers.on(EmailReceived)
        async def hang(event, ctx):
            called.append(event.email_id)
            while event.email_id == "b":
                await pause()

        member = fifo.member(handlers)
        fifo.send("a", "b", "c", "d")
        member.step()
        (job,) = member.workers.ready
        member.workers.start(job)
        member.workers.advance(job)
        assert called == ["a", "b"]
        member.inbox._while_waiting = lambda seconds: (
            fifo.clock.advance(seconds),
            member.requests.run_all(),
        )
        assert member.engine.close() == 2  # what began
        assert member.stats.returned == 2
        assert fifo.queue.receiver().receive(10, 0, VISIBILITY_S) == []
        fifo.clock.advance(VISIBILITY_S)
        again = fifo.queue.receiver().receive(10, 0, VISIBILITY_S)
        assert [each.message_id for each in again] == [f"emails-{n}" for n in range(1, 5)]

    def test_the_queue_hears_what_is_given_back_where_no_time_is_left_to_drain(
        self, stage, service
    ):
        member = stage.member(service.handlers, drain_timeout_s=0)
        stage.send("a", "b")
        member.step()
        member.inbox._while_waiting = lambda seconds: member.requests.run_all()
        assert member.engine.close() == 0
        assert service.called == []
        assert len(stage.queue.receiver().receive(10, 0, VISIBILITY_S)) == 2

    def test_what_comes_while_stopping_is_given_back(self, stage, service):
        member = stage.member(service.handlers)
        stage.clock.advance(1)
        member.engine.step()
        stage.send("a")
        assert member.engine.close() == 0
        assert service.called == []
        assert len(stage.queue.receiver().receive(10, 0, VISIBILITY_S)) == 1

    def test_what_could_not_be_given_back_is_asked_again_and_twice_at_most(self, stage, service):
        for failures, at_once in ((1, True), (2, True), (3, False)):
            stage.send("a")
            member = stage.member(service.handlers)
            member.requests.failures["give back"] = [DOWN] * failures
            stage.clock.advance(1)
            member.engine.step()
            began = stage.clock.now
            assert member.engine.close() == 0
            assert stage.clock.now - began < 3
            assert len(member.requests.changes("give back")) == min(failures + 1, 3)
            found = stage.queue.receiver().receive(10, 0, VISIBILITY_S)
            assert bool(found) is at_once
            stage.clock.advance(VISIBILITY_S)
            (message,) = found or stage.queue.receiver().receive(10, 0, VISIBILITY_S)
            stage.queue.receiver().delete([message.receipt])

    def test_where_nobody_answered_it_may_be_done_and_is_not_asked_again(self, stage, service):
        stage.send("a")
        member = stage.member(service.handlers)
        member.requests.failures["give back"] = [TransportTimeoutError("no answer")]
        stage.clock.advance(1)
        member.engine.step()
        assert member.engine.close() == 0
        assert len(member.requests.changes("give back")) == 1

    def test_what_waits_for_a_retry_is_given_back_for_the_rest_of_its_wait(self, stage):
        service = Service(first_delay_s=20)
        service.fates["a"] = [ValueError("no")]
        member = stage.member(service.handlers)
        stage.send("a")
        member.turns(5)
        assert member.engine.close() == 0
        ((ids, wait_s),) = member.requests.changes("give back")
        assert ids == ["emails-1"]
        assert 13 <= wait_s <= 16

    def test_a_handler_that_does_not_end_in_time_is_left_and_its_message_comes_again(self, stage):
        handlers = Handlers()

        @handlers.on(EmailReceived)
        async def hang(event, ctx):
            while True:
                await pause()

        member = stage.member(handlers)
        stage.send("a")
        member.step()
        (job,) = member.workers.ready
        member.workers.start(job)
        member.workers.advance(job)
        began = stage.clock.now
        member.requests.run_all()
        assert member.engine.close() == 1
        assert stage.clock.now - began == pytest.approx(5, abs=0.2)
        assert stage.queue.message_ids == ["emails-1"]

    def test_deletes_that_failed_are_not_waited_for_as_long_as_otherwise(self, stage, service):
        member = stage.member(service.handlers)
        member.requests.failures["delete"] = [DOWN] * 8
        stage.send("a")
        while member.requests.failures["delete"][2:]:
            member.turn(1)
        assert member.engine.close() == 0
        assert (service.ids, len(stage.queue)) == (["a"], 0)

    def test_a_call_that_receives_and_hangs_is_waited_for_no_longer_than_one_may_take(
        self, stage, service
    ):
        member = stage.member(service.handlers, drain_timeout_s=60)
        member.step()
        assert len(member.requests.waiting) == 1
        member.inbox._while_waiting = stage.clock.advance
        began = stage.clock.now
        assert member.engine.close() == 0
        assert RECEIVE_S < stage.clock.now - began < RECEIVE_S + 3


class TestBounds:
    def test_no_more_is_received_than_may_be_in_flight(self, stage, service):
        service.fates.update({f"e-{n}": [HoldError("no")] * 100 for n in range(50)})
        member = stage.member(service.handlers, max_in_flight=25)
        stage.send(*service.fates)
        member.turns(10)
        assert member.stats.in_flight == 25

    def test_no_more_is_received_than_so_many_bytes_give_or_take_a_batch(self, stage, service):
        service.fates.update({f"e-{n:02}": [HoldError("no")] * 100 for n in range(50)})
        member = stage.member(service.handlers, max_in_flight_bytes=60)
        stage.send(*service.fates)
        member.turns(10)
        assert member.stats.in_flight == 10

    def test_more_calls_at_a_time_receive_while_they_come_back_full(self, stage, service):
        member = stage.member(service.handlers, max_in_flight=1_000)
        stage.send(*(f"e-{n}" for n in range(200)))
        member.step()
        most = 0
        for _ in range(40):
            member.engine.step()
            most = max(most, member.engine._intake.calls)
            member.turn()
        assert most > 2
        assert len(stage.queue) == 0
        member.engine.step()
        assert member.engine._intake.calls == 1


def test_observers_see_what_became_of_each(stage):
    service = Service(attempts=2)
    service.fates.update(
        retried=[ValueError("no")], held=[HoldError("no")], dead=[PermanentError("no")]
    )
    seen = Seen()
    member = stage.member(service.handlers, letters=True, observers=[seen])
    stage.send("fine", "retried", "held", "dead")
    member.turns(5)
    assert seen.of(Delivered) == [Delivered("emails", -1, 4, 0)]
    assert sum(each.events for each in seen.of(Handled)) == 3
    ((retried, _, attempt, _, _),) = seen.of(Retried)
    assert (retried.message_id, attempt) == ("emails-2", 1)
    assert [each.position.message_id for each in seen.of(Held)] == ["emails-3"]
    assert [each.position.message_id for each in seen.of(DeadLettered)] == ["emails-4"]
    assert seen.of(GivenBack) == []


def test_observers_that_want_jobs_are_told_what_each_came_to(stage, service):
    seen = Seen()
    seen.wants_jobs = True
    service.fates["b"] = [ValueError("no")]
    member = stage.member(service.handlers, observers=[seen])
    stage.send("a", "b")
    member.turns(2)
    jobs = [
        (job.topic, job.handled, job.failed) for each in seen.of(JobsEnded) for job in each.jobs
    ]
    assert jobs == [("emails", 1, 0), ("emails", 0, 1), ("emails", 1, 0)]


def test_a_handler_past_its_deadline_has_failed_and_its_message_is_retried(stage):
    calls = []
    handlers = Handlers()

    @handlers.on(EmailReceived, timeout_s=3, retry=RetryPolicy(first_delay_s=1, jitter=0))
    async def hang_once(event, ctx):
        calls.append(ctx.attempt)
        if len(calls) == 1:
            while True:
                await pause()

    member = stage.member(handlers)
    stage.send("a")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    member.workers.advance(job)
    for _ in range(20):
        member.turn(0.5)
    assert calls == [1, 2]
    assert len(stage.queue) == 0


def test_observers_see_which_deletes_failed_and_how_long_who_wants_it_waited(stage, service):
    seen = Seen()
    seen.wants_operations = True
    member = stage.member(service.handlers, observers=[seen])
    member.requests.failures["delete"] = [DOWN]
    stage.send("a")
    member.turns(60)
    told = [each for each in seen.of(QueueChanged) if each.change == "delete"]
    assert told == [QueueChanged("delete", 0, 1, DOWN), QueueChanged("delete", 1, 0, None)]
    settled = [each for each in seen.of(OperationEnded) if each.operation == "settle"]
    assert [each.error for each in settled] == [DOWN, None]
    received = [each for each in seen.of(OperationEnded) if each.operation == "receive"]
    assert received
    assert all(each.seconds >= 0 for each in received)


def test_a_batch_handler_gets_what_waits_and_each_event_is_settled_for_itself(stage):
    calls = []
    handlers = Handlers()

    @handlers.batch(EmailReceived, retry=RetryPolicy(first_delay_s=1, jitter=0))
    def many(pairs):
        calls.append([event.email_id for event, _ in pairs])
        for event, ctx in pairs:
            if event.email_id == "b" and ctx.attempt == 1:
                ctx.fail(ValueError("no"))

    member = stage.member(handlers)
    stage.send("a", "b", "c")
    member.turns(3)
    assert calls == [["a", "b", "c"], ["b"]]
    assert len(stage.queue) == 0
