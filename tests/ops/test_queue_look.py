"""What a look at a queue does to it."""

from __future__ import annotations

import pytest

from pat_events import Config
from pat_events.errors import ConfigError, NotPermittedError, TransportError
from pat_events.events import EmailReceived
from pat_events.ops.queue_look import MessageFilter, QueueLook
from pat_events.transports.memory import MemoryQueue

RECEIVED = [("ce_type", b"pat.events.v1.EmailReceived")]
CONFIG = Config()


def made(count=25, *, fifo=False, max_receives=3):
    queue = MemoryQueue("emails", fifo=fifo, redrive=(MemoryQueue("d", fifo=fifo), max_receives))
    for n in range(count):
        headers = [*RECEIVED, ("ce_subject", b"e-%d" % n)]
        queue.send(EmailReceived(email_id=f"e-{n}").SerializeToString(), headers, group="g")
    return queue


def counts(queue):
    return [each.receive_count for each in _all(queue)]


def _all(queue):
    receiver, found = queue.receiver(), []
    while some := receiver.receive(10, 0, 30):
        found += some
    return found


def test_each_message_is_seen_once_and_given_back_at_once_with_one_receive_more():
    queue = made()
    with QueueLook(queue, CONFIG) as look:
        seen = [each.message_id for each in look.messages(0)]
        assert counts(queue) == []
    assert (len(seen), len(set(seen))) == (25, 25)
    assert counts(queue) == [2] * 25


def test_what_is_done_is_deleted_and_the_rest_given_back():
    queue = made()
    with QueueLook(queue, CONFIG, gives_back=False) as look:
        for number, message in enumerate(look.messages(0)):
            if number % 2:
                look.done(message)
    assert len(queue) == 13
    assert counts(queue) == [2] * 13


def test_connections_are_let_go_of_after_all_was_given_back(monkeypatch):
    queue, left = made(3), []
    monkeypatch.setattr(
        type(queue.receiver()), "release", lambda self: left.append(counts(queue)), raising=True
    )
    with QueueLook(queue, CONFIG) as look:
        list(look.messages(0))
    assert left == [[2] * 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, SystemExit])
def test_what_is_held_goes_back_however_it_ends(error):
    queue = made()

    def look_and_fail():
        with QueueLook(queue, CONFIG) as look:
            for _ in look.messages(0):
                raise error

    with pytest.raises(error):
        look_and_fail()
    assert len(counts(queue)) == 25


def test_what_a_call_receives_that_ctrl_c_has_interrupted_is_given_back():
    queue = made(3)

    def look_and_fail():
        with QueueLook(queue, CONFIG) as look:
            look._call = look._thread.submit(look._receive, 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_and_fail()
    assert counts(queue) == [2, 2, 2]


def test_it_ends_at_once_where_looking_alone_would_move_messages_away():
    queue = made(max_receives=1)
    with pytest.raises(ConfigError, match="raise its maxReceiveCount first"):
        QueueLook(queue, CONFIG)
    with QueueLook(queue, CONFIG, gives_back=False) as look:
        for each in look.messages(0):
            look.done(each)
    assert len(queue) == 0


def test_how_many_are_moved_away_next_is_told():
    queue = made(4, max_receives=2)
    for turn in range(2):
        with QueueLook(queue, CONFIG) as look:
            assert len(list(look.messages(0))) == 4
        assert look.last_receives == 4 * turn


def test_without_the_right_to_see_the_redrive_policy_it_looks_all_the_same(monkeypatch):
    def denied(self, timeout_s):
        raise NotPermittedError("grant sqs:GetQueueAttributes")

    queue = made(1)
    monkeypatch.setattr(MemoryQueue, "features", denied)
    with QueueLook(queue, CONFIG) as look:
        assert len(list(look.messages(0))) == 1
    assert (look.max_receives, look.untold) == (None, "grant sqs:GetQueueAttributes")


def test_what_could_not_be_given_back_is_said_with_when_it_comes_again():
    queue = made(2)

    def look():
        with QueueLook(queue, CONFIG) as look:
            list(look.messages(0))
            queue.set_down(down=True)

    with pytest.raises(TransportError, match=r"2 messages of emails could .* within 30 s: .*down"):
        look()


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (MessageFilter(), True),
        (MessageFilter(key="e-0"), True),
        (MessageFilter(key="g"), True),
        (MessageFilter(key="e-1"), False),
        (MessageFilter(full_name="pat.events.v1.EmailReceived"), True),
        (MessageFilter(full_name="pat.events.v1.EmailDeleted"), False),
    ],
)
def test_a_message_is_asked_for_by_key_or_group_and_by_type(wanted, matches):
    (message,) = made(1, fifo=True).receiver().receive(1, 0, 30)
    assert wanted.matches(message) is matches
