"""What a group reads in its retry topics: dead letters that somebody handed to it again."""

from __future__ import annotations

import pytest

from pat_events import ConsumerGroup, Handlers, RetryPolicy
from pat_events.core.dead_letter import read_cause
from pat_events.core.headers import MAX_HEADER_BYTES
from pat_events.errors import NotPermittedError, PermanentError
from pat_events.events import EmailDeleted, EmailProcessed, EmailReceived
from pat_events.transports.memory import MemoryTransport
from pat_events.transports.sending import Outgoing

TOPIC = "pat-emails"
GROUP = "email-processor"
RETRY = f"{TOPIC}.{GROUP}.retry"
TYPE = b"pat.events.v1."
POLICY = RetryPolicy(attempts=3, first_delay_s=0.5, jitter=0)


class Service:
    """Handlers that note what they are called with, and fail where they are told to."""

    def __init__(self):
        self.calls = []
        self.handled = []
        self.replays = []
        self.bad = set()
        self.handlers = Handlers()
        self.handlers.add(EmailReceived, self.handle, retry=POLICY)

    def handle(self, event, ctx):
        self.calls.append((event.email_id, event.subject, ctx.attempt))
        self.replays.append(ctx.replay)
        if event.email_id in self.bad:
            raise ValueError("bad")
        self.handled.append((event.email_id, event.subject))


@pytest.fixture
def stage(stage):
    stage.broker.create_topic(RETRY, 1)
    return stage


@pytest.fixture
def service():
    return Service()


def given_up(stage, service, *email_ids):
    """Have a member give up these events; returns it and their letters."""
    service.bad = {each.partition("/")[0] for each in email_ids}
    stage.publish(*email_ids)
    member = stage.member(service.handlers)
    member.run_until(lambda: len(stage.dead) == len(email_ids))
    service.calls.clear()
    return member, list(stage.dead)


def test_a_replayed_letter_is_handled_once_more_and_committed(stage, service):
    member, [letter] = given_up(stage, service, "e-1")
    service.bad.clear()
    stage.replay(letter)
    member.run_until(lambda: stage.broker.committed(GROUP).get((RETRY, 0)) == 1)
    assert service.calls == [("e-1", "", 1)]
    assert len(stage.dead) == 1


def test_what_fails_there_again_is_a_letter_of_the_same_topic_that_tells_of_its_replays(
    stage, service
):
    member, [letter] = given_up(stage, service, "e-1")
    stage.replay(letter, "run-1")
    member.run_until(lambda: len(stage.dead) == 2)
    stage.replay(stage.dead[1], "run-2")
    member.run_until(lambda: len(stage.dead) == 3)
    causes = [read_cause(it.header_values) for it in stage.dead]
    assert [it.replays for it in causes] == [0, 1, 2]
    assert [str(it.origin) for it in causes] == [f"{TOPIC}/0/0", f"{RETRY}/0/0", f"{RETRY}/0/1"]
    # Each time all of its attempts: they are counted from 1 again.
    assert [attempt for *_, attempt in service.calls] == [1, 2, 3] * 2
    assert [it.attempts for it in causes] == [3, 3, 3]
    assert not any(name.startswith("pat-replay-") for name in stage.dead[2].header_values)


def test_a_handler_sees_which_run_brought_a_letter_again(stage, service):
    member, [letter] = given_up(stage, service, "e-1")
    assert service.replays == [None] * 3
    service.bad.clear()
    stage.replay(letter, "run-1")
    member.run_until(lambda: service.handled)
    assert service.replays[3:] == ["run-1"]


def test_a_letter_of_an_archives_replay_is_of_its_own_run_when_it_comes_again(stage, service):
    service.bad.add("e-1")
    value = EmailReceived(email_id="e-1").SerializeToString()
    headers = [("replay-name", b"pat-dev-again"), ("pat-replay-id", b"forged")]
    stage.raw(value, [("ce_type", TYPE + b"EmailReceived"), *headers])
    member = stage.member(service.handlers)
    member.run_until(lambda: stage.dead)
    service.bad.clear()
    stage.replay(stage.dead[0], "run-1")
    member.run_until(lambda: service.handled)
    assert service.replays == ["pat-dev-again"] * 3 + ["run-1"]


def test_an_event_keeps_its_id_and_headers_through_replays(stage, service):
    member, [letter] = given_up(stage, service, "e-1")
    stage.replay(letter)
    member.run_until(lambda: len(stage.dead) == 2)
    first, second = (
        {
            name: value
            for name, value in it.header_values.items()
            if not name.startswith(("pat-dlq-", "__dlq."))
        }
        for it in stage.dead
    )
    assert first == second
    assert {"ce_id", "ce_time", "ce_correlationid"} <= first.keys()
    assert (second, stage.dead[1].value) == (first, letter.value)


def test_replayed_events_of_a_key_keep_their_order_among_themselves_alone(stage, service):
    member, letters = given_up(stage, service, "e-1/first", "e-1/second", "e-1/third")
    service.bad.clear()
    stage.publish("e-1/later")
    member.run_until(lambda: service.handled == [("e-1", "later")])
    for letter in letters:
        stage.replay(letter)
    member.run_until(lambda: len(service.handled) == 4)
    assert [subject for _, subject in service.handled] == ["later", "first", "second", "third"]


def test_a_replayed_event_that_waits_for_a_retry_keeps_none_of_its_topic(stage, service):
    member, [letter] = given_up(stage, service, "e-1")
    stage.replay(letter)
    member.turn()
    assert service.calls == [("e-1", "", 1)]
    service.bad.clear()
    stage.publish("e-1/later")
    member.turn()
    assert service.handled == [("e-1", "later")]
    member.run_until(lambda: len(service.handled) == 2)


def test_headers_of_a_replay_are_not_believed_in_another_topic(stage, service, header):
    service.bad.add("e-1")
    value = EmailReceived(email_id="e-1").SerializeToString()
    forged = [("pat-replay-count", b"9"), ("pat-replay-letter", b"t/0/0")]
    stage.raw(value, [("ce_type", TYPE + b"EmailReceived"), *forged])
    member = stage.member(service.handlers)
    member.run_until(lambda: len(stage.dead) == 1)
    assert read_cause(stage.dead[0].header_values).replays == 0
    assert header(stage.dead[0], "pat-replay-count") is None


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "unknown-event"),
        ([("ce_type", TYPE + b"Unheard"), ("pat-replay-count", b"x")], "unknown-event"),
        ([("ce_type", TYPE + b"EmailReceived")], "undecodable"),
        ([("pat-replay-count", b"1" * (MAX_HEADER_BYTES + 1))], "undecodable"),
    ],
    ids=["no headers", "unknown type", "no event", "huge"],
)
def test_what_a_stranger_writes_to_a_retry_topic_is_a_letter_as_of_any_topic(
    stage, service, headers, reason
):
    stage.broker.append(Outgoing(RETRY, b"k", b"\xff", headers, 1))
    member = stage.member(service.handlers)
    member.run_until(lambda: len(stage.dead) == 1)
    cause = read_cause(stage.dead[0].header_values)
    assert (cause.reason, cause.replays) == (reason, 0)
    member.run_until(lambda: stage.broker.committed(GROUP).get((RETRY, 0)) == 1)


def test_a_replayed_event_that_nobody_here_handles_any_more_is_a_letter_again(stage, service):
    member, [letter] = given_up(stage, service, "e-1")
    others = Handlers()
    others.add(EmailDeleted, lambda event, ctx: None)
    member.engine.close()
    stage.replay(letter)
    stage.publish("skipped")
    member = stage.member(others)
    member.run_until(lambda: len(stage.dead) == 2)
    cause = read_cause(stage.dead[1].header_values)
    assert (cause.reason, cause.replays) == ("unknown-event", 1)
    assert "no handler here" in cause.message
    assert member.stats.skipped == 1


def test_a_group_begins_a_retry_topic_with_its_first_record_whatever_its_start(live, wait_until):
    service = Service()
    service.bad = {"e-1"}
    live.group(service.handlers, start="latest")
    wait_until(lambda: live.committed == 0)
    live.publish("e-1")
    wait_until(lambda: len(live.dead) == 1)
    # All before the group knows of the topic.
    service.bad.clear()
    with live.broker.lock:
        live.broker.create_topic(RETRY, 1)
        live.replay(live.dead[0])
    wait_until(lambda: service.handled == [("e-1", "")])


def test_without_a_retry_topic_a_group_runs_and_says_once_what_to_do(live, caplog, wait_until):
    service = Service()
    live.group(service.handlers)
    live.publish("e-1")
    wait_until(lambda: service.handled == [("e-1", "")])
    [said] = [it.getMessage() for it in caplog.records if RETRY in it.getMessage()]
    assert said == (
        f"dead letters of group {GROUP} cannot be replayed yet: there is no topic {RETRY}; "
        "'pat-events topics apply' creates it. It is read as soon as it is there"
    )


def test_a_group_that_the_catalogue_lacks_is_told_how_to_get_its_retry_topic(live, caplog):
    live.broker.create_topic(f"{TOPIC}.third.dlq", 1)
    with ConsumerGroup("third", Service().handlers, transport=MemoryTransport(live.broker)):
        pass
    assert "cannot be replayed yet: there is no topic pat-emails.third.retry" in caplog.text
    assert "add it under 'groups' and run 'pat-events topics apply'" in caplog.text


def test_a_retry_topic_that_is_not_permitted_is_left_out_and_the_group_runs(
    live, caplog, wait_until, monkeypatch
):
    partitions = MemoryTransport.partitions

    def refused(self, topics, timeout_s):
        if RETRY in topics:
            raise NotPermittedError(f"nobody may see {RETRY}")
        return partitions(self, topics, timeout_s)

    monkeypatch.setattr(MemoryTransport, "partitions", refused)
    service = Service()
    live.group(service.handlers)
    live.publish("e-1")
    wait_until(lambda: service.handled == [("e-1", "")])
    assert f"nobody may see {RETRY}; dead letters cannot be replayed before a rest" in caplog.text
    assert (RETRY, 0) not in live.broker.committed(GROUP)


def test_batches_take_replayed_events_as_well(stage):
    sizes = []
    handlers = Handlers()

    @handlers.batch(EmailReceived, max_events=10, retry=RetryPolicy(attempts=1))
    def handle(pairs):
        sizes.append(len(pairs))
        if len(sizes) == 1:
            raise PermanentError("no")

    stage.publish("e-1")
    member = stage.member(handlers)
    member.run_until(lambda: len(stage.dead) == 1)
    for _ in range(3):
        stage.replay(stage.dead[0])
    member.run_until(lambda: sum(sizes) == 4)
    assert len(stage.dead) == 1


def test_what_a_handler_publishes_of_a_replayed_event_is_caused_by_the_event(stage):
    seen = []
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def handle(event, ctx):
        seen.append(ctx.event_id)
        if len(seen) == 1:
            raise ValueError("bad")
        ctx.publish(EmailProcessed(email_id=event.email_id))

    stage.publish("e-1")
    member = stage.member(handlers)
    member.run_until(lambda: len(stage.dead) == 1)
    stage.replay(stage.dead[0])
    member.run_until(lambda: len(stage.broker.records(TOPIC)) == 2)
    [_, follow_up] = stage.broker.records(TOPIC)
    assert follow_up.header_values["ce_causationid"] == seen[0].encode()
    assert seen[0] == seen[1]
