"""What a member tells its observers."""

from __future__ import annotations

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.core.record import Position
from pat_events.errors import (
    ConfigError,
    HoldError,
    PermanentError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.telemetry import (
    Acknowledged,
    Assigned,
    CommitFailed,
    Committed,
    DeadLettered,
    Delivered,
    GivenUp,
    Handled,
    Held,
    Lost,
    OperationEnded,
    Paused,
    Resumed,
    Retried,
    Revoked,
)
from pat_events.transports.log import CommitAnswer
from tests.consumer.conftest import DEAD, TOPIC

PARTITION = (TOPIC, 0)
NAME = f"{__name__}.handlers_of.<locals>.handle"


class Seen(list):
    def saw(self, what):
        self.append(what)

    def of(self, *kinds):
        return [what for what in self if isinstance(what, kinds)]


class Broken:
    def saw(self, what):
        raise RuntimeError(what)


@pytest.fixture
def seen():
    return Seen()


def handlers_of(*errors, **policy):
    left = list(errors)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(jitter=0, **policy))
    def handle(event, ctx):
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return handlers


def test_many_events_are_one_value_of_each_kind(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish(*(f"k{n}" for n in range(50)))
    member.turn()
    member.turn(1.0)
    assert seen == [
        Assigned((PARTITION,)),
        Delivered(*PARTITION, 50, skipped=0),
        Handled(50),
        Committed({PARTITION: 50}),
    ]


def test_what_a_poll_brought_is_told_by_partition(make_stage, seen):
    stage = make_stage(partitions=2)
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish(*(f"k{n}" for n in range(20)))
    member.turn()
    records = stage.broker.records(TOPIC)
    numbers = {it: sum(each.partition == it for each in records) for it in (0, 1)}
    assert sorted(seen.of(Delivered)) == [
        Delivered(TOPIC, 0, numbers[0], 0),
        Delivered(TOPIC, 1, numbers[1], 0),
    ]


def test_what_nobody_handles_is_told_with_what_was_delivered(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish("a")
    stage.raw(b"", [("ce_type", b"pat.events.v1.EmailProcessed")])
    member.turn()
    assert seen.of(Delivered, Handled) == [Delivered(*PARTITION, 2, skipped=1), Handled(1)]


def test_a_failure_is_told_with_its_handler_attempt_error_and_wait(stage, seen):
    errors = ValueError("first"), HoldError("not now"), ValueError("again")
    handlers = handlers_of(*errors, attempts=2, first_delay_s=0.25)
    member = stage.member(handlers, observers=[seen])
    stage.publish("a")
    member.run_until(lambda: stage.dead)
    member.turn()
    at = Position(*PARTITION, 0)
    assert seen.of(Retried, Held, GivenUp, DeadLettered, Handled) == [
        Retried(at, NAME, 1, errors[0], pytest.approx(0.25)),
        Held(at, NAME, errors[1], pytest.approx(0.5)),
        GivenUp(at, NAME, 2, "attempts-exhausted", errors[2]),
        DeadLettered(at, DEAD, NAME, "attempts-exhausted"),
    ]


def test_what_no_handler_can_be_called_for_is_given_up_without_one(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.raw(b"", [("ce_type", b"no.such.Event")])
    member.turn()
    at = Position(*PARTITION, 0)
    (given_up, written) = seen.of(GivenUp, DeadLettered)
    assert given_up[:4] == (at, "", 0, "unknown-event")
    assert written == DeadLettered(at, DEAD, "", "unknown-event")


def test_a_letter_that_is_not_written_is_held_for_no_handler(stage, seen):
    member = stage.member(handlers_of(PermanentError("no")), observers=[seen])
    full = TransportError("the disk is full")
    stage.refuse_letters(member, full)
    stage.publish("a")
    member.run_until(lambda: stage.dead)
    member.turn()
    at = Position(*PARTITION, 0)
    assert seen.of(Held, DeadLettered) == [
        Held(at, "", full, pytest.approx(0.5)),
        DeadLettered(at, DEAD, NAME, "rejected"),
    ]


def test_the_handled_part_of_a_job_that_failed_is_told(stage, seen):
    member = stage.member(handlers_of(None, None, ValueError("third")), observers=[seen])
    stage.publish("k/1", "k/2", "k/3", "k/4")
    member.turn()
    assert [type(what) for what in seen.of(Handled, Retried)] == [Handled, Retried]
    assert seen.of(Handled) == [Handled(2)]


def test_partitions_that_go_are_told_with_how_many_events_were_not_done(stage, seen):
    member = stage.member(handlers_of(HoldError("no"), HoldError("no")), observers=[seen])
    stage.publish("a", "b", "c")
    member.turn()
    member.engine.close()
    assert seen[-2:] == [Committed({PARTITION: 0}), Revoked((PARTITION,), 2)]


def test_lost_partitions_are_told_with_how_many_events_were_not_done(stage, seen):
    member = stage.member(handlers_of(), observers=[seen])
    stage.publish("a", "b")
    member.step()
    member.engine.lost([PARTITION])
    assert seen[-1] == Lost((PARTITION,), 2)


def test_pausing_and_resuming_are_told(stage, seen):
    member = stage.member(
        handlers_of(), max_in_flight=5, observers=[seen], while_waiting=lambda seconds: None
    )
    stage.publish(*(f"k{n}" for n in range(20)))
    for _ in range(5):
        stage.clock.advance(0.1)
        member.step()
    assert seen.of(Paused, Resumed) == [Paused([PARTITION])]
    member.run_until(lambda: member.stats.handled == 20)
    member.turn()
    assert seen.of(Paused, Resumed)[:2] == [Paused([PARTITION]), Resumed([PARTITION])]


def test_a_commit_that_failed_is_told_with_its_error(stage, seen, monkeypatch):
    member = stage.member(handlers_of(), observers=[seen])
    error = TransportTimeoutError("gone")

    def refuse(offsets, *, wait):
        raise error

    monkeypatch.setattr(member.receiver, "commit", refuse)
    stage.publish("a")
    member.turn()
    member.turn(1.0)
    assert seen.of(Committed, CommitFailed) == [CommitFailed({PARTITION: 1}, error)]


def test_a_commit_that_nobody_waited_for_is_told_when_it_was_answered(stage, seen, monkeypatch):
    seen.wants_operations = True
    member = stage.member(handlers_of(), observers=[seen])
    error = TransportTimeoutError("gone")
    answers = [CommitAnswer({PARTITION: 1}, 0.2, None), CommitAnswer({PARTITION: 2}, 0.3, error)]
    monkeypatch.setattr(
        member.receiver, "commit_answers", lambda: [answers.pop(0)] if answers else []
    )
    member.turn()
    member.turn(1.0)
    assert seen.of(CommitFailed, OperationEnded) == [
        OperationEnded("commit", 0.2, None),
        CommitFailed({PARTITION: 2}, error),
        OperationEnded("commit", 0.3, error),
    ]


def test_an_observer_that_raises_does_not_end_the_engine(stage, caplog):
    member = stage.member(handlers_of(ValueError("no")), observers=[Broken()])
    stage.publish("a", "b")
    member.run_until(lambda: member.stats.handled == 2)
    assert sum(record.name == "pat_events.telemetry" for record in caplog.records) == 1


def test_observers_of_a_group_are_told_what_its_handlers_and_letters_send(live, seen, wait_until):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id))
        if event.email_id == "bad":
            raise PermanentError("no")

    live.publish("good", "bad")
    group = live.group(handlers, observers=(each for each in [Broken(), seen]))
    wait_until(lambda: group.stats().dead_lettered and group.stats().handled)
    group.stop()
    assert sum(what.events for what in seen.of(Handled)) == group.stats().handled == 1
    # What the failed one published is sent all the same; the last one is its letter.
    assert sum(what.records for what in seen.of(Acknowledged)) == 3
    assert seen[-1] == Revoked((PARTITION,), 0)


@pytest.mark.parametrize("observers", [None, Broken(), [Seen], ["saw"]])
def test_what_observes_nothing_is_refused(live, observers):
    with pytest.raises(ConfigError, match=r"observers is .*: give "):
        live.group(handlers_of(), started=False, observers=observers)


def test_a_group_counts_before_it_is_started(live):
    group = live.group(handlers_of(), started=False)
    assert group.stats().delivered == 0
