"""What every queue must do, whatever is behind it."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from pat_events import AwsConfig
from pat_events.core.record import Position
from pat_events.errors import ClosedError
from tests.support.queues import LONG_S, SHORT_S, QueueInMemory, QueueInSqs, bodies, receipts


@pytest.fixture(params=["memory", pytest.param("sqs", marks=pytest.mark.localstack)])
def make_queue(request):
    if request.param == "memory":
        yield QueueInMemory
        return
    request.getfixturevalue("aws_credentials")
    config = AwsConfig(region="us-east-1", endpoint_url=request.getfixturevalue("localstack_url"))
    with ExitStack() as ends:
        client = ends.enter_context(closing(request.getfixturevalue("aws").client("sqs")))

        def make(**settings):
            queue = QueueInSqs(client, config, **settings)
            ends.callback(queue.remove)
            return queue

        yield make


@pytest.fixture
def queue(make_queue):
    return make_queue()


@pytest.fixture
def fifo(make_queue):
    return make_queue(fifo=True)


def test_what_is_sent_is_received_with_its_id_the_queues_name_and_a_receipt(queue):
    queue.send("a")
    (message,) = queue.receive()
    assert bodies([message]) == ["a"]
    assert message.receipt
    assert message.topic == queue.queue.name
    assert message.position == Position(queue.queue.name, message_id=message.message_id)
    assert (message.receive_count, message.group) == (1, None)
    assert 0 < message.timestamp_ms <= message.first_received_ms


def test_at_most_so_many_come_as_were_asked_for(queue):
    queue.send(*"abcdefghijkl")
    assert len(queue.receive(3)) <= 3
    assert len(queue.receive(10)) <= 10


def test_an_empty_queue_gives_nothing_and_no_error(queue):
    assert queue.receive() == []


def test_nobody_else_gets_a_message_while_it_is_kept(queue):
    queue.send("a")
    assert bodies(queue.receive()) == ["a"]
    assert queue.receive() == []
    assert queue.another_receiver().receive(10, 0, LONG_S) == []


def test_a_message_comes_again_when_its_visibility_is_over_and_is_counted(queue):
    queue.send("a")
    (first,) = queue.receive(visibility_s=SHORT_S)
    queue.pass_time(SHORT_S + 0.1)
    (second,) = queue.receive_soon()
    assert (second.message_id, second.receive_count) == (first.message_id, 2)
    assert second.receipt != first.receipt
    assert second.first_received_ms == first.first_received_ms


def test_what_is_deleted_never_comes_again(queue):
    queue.send("a", "b")
    messages = queue.receive(visibility_s=SHORT_S)
    messages += queue.receive(visibility_s=SHORT_S)
    (a,) = [each for each in messages if each.value == b"a"]
    assert queue.receiver.delete([a.receipt]) == []
    queue.pass_time(SHORT_S + 0.1)
    assert bodies(queue.receive_soon()) == ["b"]


def test_what_was_deleted_before_counts_as_deleted(queue):
    queue.send("a")
    (message,) = queue.receive()
    assert queue.receiver.delete([message.receipt]) == []
    assert queue.receiver.delete([message.receipt]) == []


def test_a_message_that_is_kept_longer_does_not_come_meanwhile(queue):
    queue.send("a")
    (message,) = queue.receive(visibility_s=SHORT_S)
    assert queue.receiver.change_visibility([message.receipt], LONG_S) == []
    queue.pass_time(SHORT_S + 0.1)
    assert queue.receive() == []
    assert queue.receiver.delete([message.receipt]) == []


def test_what_is_given_back_comes_at_once(queue):
    queue.send("a")
    (message,) = queue.receive()
    assert queue.receiver.change_visibility([message.receipt], 0) == []
    (again,) = queue.receive()
    assert (again.message_id, again.receive_count) == (message.message_id, 2)


def test_one_receipt_that_is_good_no_more_does_not_keep_the_others_back(queue):
    queue.send("a", "b")
    messages = queue.receive(1) + queue.receive(1)
    asked = ["no such receipt", messages[0].receipt]
    (undone,) = queue.receiver.change_visibility(asked, 0)
    assert (undone.receipt, undone.gone) == ("no such receipt", True)
    assert bodies(queue.receive_soon()) == bodies(messages[:1])


def test_a_message_received_too_often_goes_to_the_dead_letter_queue_as_it_is(make_queue):
    queue = make_queue(max_receives=2)
    assert queue.queue.features(10).max_receives == 2
    queue.send("a")
    for _ in range(2):
        (message,) = queue.receive()
        queue.receiver.change_visibility([message.receipt], 0)
    assert queue.receive() == []
    (letter,) = queue.letters()
    assert bodies([letter]) == ["a"]
    assert letter.message_id == message.message_id


def test_the_features_are_those_of_the_queue(queue, fifo):
    assert queue.queue.features(10) == (False, None, 43_200, 10)
    assert fifo.queue.features(10) == (True, None, 43_200, 10)


def test_a_receiver_that_was_closed_receives_no_more_and_settles_what_it_has(queue):
    queue.send("a")
    (message,) = queue.receive()
    queue.receiver.close()
    with pytest.raises(ClosedError):
        queue.receive()
    assert queue.receiver.change_visibility([message.receipt], 0) == []
    assert bodies(queue.another_receiver().receive(10, 0, LONG_S)) == ["a"]


class TestFifo:
    def test_messages_of_a_group_come_in_their_order_and_the_group_is_their_key(self, fifo):
        fifo.send("a", "b", "c")
        messages = fifo.receive()
        assert bodies(messages) == ["a", "b", "c"]
        assert {(each.group, each.key) for each in messages} == {("g", b"g")}

    def test_a_group_of_which_one_is_kept_waits_and_others_do_not(self, fifo):
        fifo.send("a", "b")
        fifo.send("c", group="h")
        (first,) = fifo.receive(1)
        assert bodies(fifo.receive()) == (["c"] if first.value == b"a" else ["a", "b"])

    def test_a_group_goes_on_once_what_was_received_is_deleted(self, fifo):
        fifo.send("a", "b", "c")
        assert fifo.receiver.delete(receipts(fifo.receive(2))) == []
        assert bodies(fifo.receive()) == ["c"]

    def test_what_is_given_back_comes_before_what_is_behind_it(self, fifo):
        fifo.send("a", "b", "c")
        messages = fifo.receive(2)
        assert fifo.receiver.change_visibility(receipts(messages[::-1]), 0) == []
        assert bodies(fifo.receive()) == ["a", "b", "c"]

    def test_one_given_back_waits_while_another_of_its_group_is_kept(self, fifo):
        if isinstance(fifo, QueueInSqs):
            pytest.skip("LocalStack hands it out, which SQS does not by what AWS documents")
        fifo.send("a", "b", "c")
        a, b = fifo.receive(2)
        fifo.receiver.change_visibility([b.receipt], 0)
        assert fifo.receive() == []
        fifo.receiver.delete([a.receipt])
        assert bodies(fifo.receive()) == ["b", "c"]


def test_a_queue_tells_itself_from_others(queue, make_queue):
    queue_id = queue.queue.queue_id(10)
    assert queue_id == queue.queue.queue_id(10)
    assert queue_id != make_queue().queue.queue_id(10)
