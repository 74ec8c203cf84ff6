"""Batches of a group that keeps the order of keys: the first events of many keys in one call."""

from __future__ import annotations

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.errors import HoldError, PermanentError, TransportError
from pat_events.events import EmailProcessed, EmailReceived, TenantEvent

AFTER_1_S = RetryPolicy(attempts=3, first_delay_s=1, jitter=0)
TYPE = ("ce_type", b"pat.events.v1.EmailReceived")


def name(event):
    return f"{event.email_id}/{event.subject}" if event.subject else event.email_id


def flat(calls):
    return [each for call in calls for each in call]


class Calls(list):
    """What the handler was called with, in order."""

    def handlers(self, check=lambda pairs: None, **settings):
        def handle(pairs):
            self.append([name(event) for event, _ in pairs])
            return check(pairs)

        handlers = Handlers()
        handlers.batch(EmailReceived, **{"retry": AFTER_1_S, **settings})(handle)
        return handlers


@pytest.fixture
def calls():
    return Calls()


@pytest.mark.parametrize("order", ["key", "none"])
def test_events_of_many_keys_come_in_one_call_up_to_the_size_asked_for(stage, calls, order):
    stage.publish("a", "b", "c", "d", "e")
    member = stage.member(calls.handlers(max_events=2), order=order)
    member.run_until(lambda: stage.committed == 5)
    assert calls == [["a", "b"], ["c", "d"], ["e"]]
    assert (member.stats.handled, member.stats.in_flight) == (5, 0)


def test_the_events_of_a_key_keep_their_order_within_a_call_and_over_calls(stage, calls):
    stage.publish("a/1", "b/1", "a/2", "a/3", "b/2", "a/4", "c/1")
    member = stage.member(calls.handlers(max_events=3))
    member.run_until(lambda: stage.committed == 7)
    assert sorted(flat(calls)) == ["a/1", "a/2", "a/3", "a/4", "b/1", "b/2", "c/1"]
    for key in "ab":
        of_key = [each for each in flat(calls) if each.startswith(key)]
        assert of_key == sorted(of_key)
    assert max(map(len, calls)) == 3


def test_no_event_of_a_key_is_begun_while_one_before_it_is_in_a_call(stage, calls):
    stage.publish("a/1", "b/1")
    member = stage.member(calls.handlers())
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    stage.publish("b/2", "c/1")
    member.step()
    member.workers.run_all()
    assert calls == [["c/1"]]
    member.workers.finish(job)
    member.run_until(lambda: stage.committed == 4)
    assert calls == [["c/1"], ["a/1", "b/1"], ["b/2"]]


def test_after_a_call_that_raised_each_event_is_tried_alone_and_other_keys_go_on(stage, calls):
    def check(pairs):
        if any(name(event) == "bad" for event, _ in pairs):
            raise ValueError("one of these")

    stage.publish("a", "bad", "c/1", "c/2")
    member = stage.member(calls.handlers(check))
    member.turn()
    stage.publish("c/3", "d", "e")
    member.turn()
    assert calls == [["a", "bad", "c/1", "c/2"], ["d", "e"]]
    member.run_until(lambda: stage.committed == 7)
    assert sorted(calls[2:6]) == [["a"], ["bad"], ["c/1"], ["c/2"]]
    assert calls.index(["c/1"]) < calls.index(["c/2"]) < calls.index(["c/3"])
    assert calls.count(["bad"]) == 2
    assert (len(stage.dead), member.stats.handled) == (1, 6)


def test_an_event_that_is_failed_alone_holds_up_its_own_key_only(stage, calls):
    def check(pairs):
        for event, ctx in pairs:
            if name(event) == "b/1" and ctx.attempt == 1:
                ctx.fail(ValueError("not yet"))

    stage.publish("a/1", "b/1", "b/2", "c/1")
    member = stage.member(calls.handlers(check, max_events=2))
    member.turn()
    stage.publish("a/2", "b/3", "c/2")
    member.turn()
    member.turn()
    handled = flat(calls)
    assert {"a/2", "c/2"} < set(handled)
    assert "b/3" not in handled
    member.run_until(lambda: stage.committed == 7)
    of_key = [each for each in flat(calls) if each.startswith("b")]
    assert [each for each in of_key if each != "b/1"] == ["b/2", "b/3"]


@pytest.mark.parametrize("error", [PermanentError("no"), HoldError("wait")])
def test_letters_and_held_events_of_one_call_are_settled_for_each_key(stage, calls, error):
    def check(pairs):
        for event, ctx in pairs:
            if name(event) == "b/1" and len(calls) == 1:
                ctx.fail(error)

    stage.publish("a/1", "b/1", "c/1")
    stage.raw(b"\xff", [TYPE], key=b"d")
    member = stage.member(calls.handlers(check))
    member.step()
    stage.broker.set_down(down=True)  # Letters are on their way until it is back.
    member.workers.run_all()
    member.step()
    stage.broker.set_down(down=False)
    stage.publish("a/2", "b/2", "d/2")
    member.run_until(lambda: stage.committed == 7)
    held = isinstance(error, HoldError)
    assert calls[0] == ["a/1", "b/1", "c/1"]
    assert len(stage.dead) == (1 if held else 2)
    again = flat(calls[1:])
    assert sorted(again) == sorted(["a/2", "b/2", "d/2", *(["b/1"] if held else [])])
    if held:
        assert again.index("b/1") < again.index("b/2")


def test_an_event_that_was_tried_before_joins_no_call_of_others(stage, calls):
    def check(pairs):
        if len(calls) == 1:
            raise ValueError("no")

    stage.publish("a", "b")
    member = stage.member(calls.handlers(check))
    member.turn()
    stage.clock.advance(1)
    stage.publish("c", "d")
    member.run_until(lambda: stage.committed == 4)
    assert sorted(calls) == [["a"], ["a", "b"], ["b"], ["c", "d"]]


def test_events_for_other_handlers_of_the_group_are_no_part_of_it(stage, calls):
    handlers = calls.handlers()
    single = []

    @handlers.on(EmailProcessed)
    def handle(event, ctx):
        single.append(event.email_id)

    stage.publish("a", "b/1")
    for key in "bc":
        stage.producer.publish(EmailProcessed(email_id=key))
    stage.publish("b/2", "d")
    stage.producer.publish(TenantEvent(tenant_id="t"))
    member = stage.member(handlers)
    member.run_until(lambda: stage.committed == 6)
    assert calls == [["a", "b/1", "d"], ["b/2"]]
    assert sorted(single) == ["b", "c"]


def test_beyond_its_deadline_each_event_is_tried_alone(stage, calls):
    stage.publish("a", "b", "c/1", "c/2")
    member = stage.member(calls.handlers(timeout_s=10))
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)  # and never ends
    stage.clock.advance(10)
    member.step()
    member.run_until(lambda: stage.committed == 4)
    assert sorted(calls) == [["a"], ["b"], ["c/1"], ["c/2"]]


def test_what_follows_a_follow_up_that_failed_is_repeated_and_no_event_is_lost(stage, calls):
    append, refused = stage.broker.append, []

    def refuse_once(outgoing):
        if outgoing.topic != "pat-emails" and outgoing.key == b"b" and not refused:
            refused.append(outgoing)
            raise TransportError("not now")
        return append(outgoing)

    def check(pairs):
        for event, ctx in pairs:
            ctx.publish(TenantEvent(tenant_id=event.email_id))

    stage.publish("a", "b", "c")
    member = stage.member(calls.handlers(check))
    stage.broker.append = refuse_once
    member.run_until(lambda: stage.committed == 3)
    assert calls[0] == ["a", "b", "c"]
    assert sorted(flat(calls[1:])) == ["b", "c"]
    assert len(refused) == 1


def test_only_what_lies_below_the_line_is_begun_at_a_stop(stage, calls):
    stage.publish("a/1", "b/1", "c/1", "a/2", "b/2", "c/2")
    member = stage.member(calls.handlers(max_events=4))
    member.step()
    (state,) = member.engine._partitions.values()
    state.finished_up_to = 3  # As if a dead letter there had been written.
    assert member.engine.close() == 0
    assert sorted(flat(calls)) == ["a/1", "a/2", "b/1", "c/1"]
    assert stage.committed == 4


def test_a_batch_that_waits_for_a_worker_at_a_stop_is_begun_without_what_lies_above_the_line(
    stage, calls
):
    stage.publish("a/1", "b/1", "a/2")
    member = stage.member(calls.handlers())
    member.step()
    (state,) = member.engine._partitions.values()
    state.finished_up_to = 1  # As if a dead letter there had been written.
    assert member.engine.close() == 0
    assert sorted(flat(calls)) == ["a/1", "b/1"]
    assert stage.committed == 2


def test_the_line_is_the_highest_event_of_all_its_keys(stage, calls):
    stage.publish("a/1", "b/1", "a/2")
    member = stage.member(calls.handlers())
    member.turn()
    (state,) = member.engine._partitions.values()
    assert state.finished_up_to == 2


def test_threads_take_batches_of_keys(live, wait_until):
    calls = Calls()
    live.publish(*(f"k{n}" for n in range(300)))
    live.group(calls.handlers(max_events=50))
    wait_until(lambda: live.committed == 300)
    assert sorted(flat(calls)) == sorted(f"k{n}" for n in range(300))
    assert max(map(len, calls)) == 50
