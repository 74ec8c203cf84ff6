"""What the queue in memory does besides the contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pat_events.errors import ClosedError, TransportError
from pat_events.transports.memory import MemoryQueue
from tests.support.queues import QueueInMemory, bodies
from tests.support.waiting import DEADLINE_S


def test_who_waits_for_a_message_gets_it_as_soon_as_it_is_sent():
    queue = MemoryQueue("queue")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(queue.receiver().receive, 10, DEADLINE_S, 30)
        queue.send(b"a")
        assert bodies(waiting.result(DEADLINE_S)) == ["a"]


def test_who_waits_is_told_when_the_receiver_is_closed():
    receiver = MemoryQueue("queue").receiver()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(receiver.receive, 10, DEADLINE_S, 30)
        receiver.close()
        with pytest.raises(ClosedError):
            waiting.result(DEADLINE_S)


def test_waiting_ends_when_a_message_that_is_kept_comes_again():
    queue = QueueInMemory()
    queue.send("a")
    queue.receive(visibility_s=5)
    began = queue.clock.now
    assert bodies(queue.receiver.receive(10, 20, 30)) == ["a"]
    assert queue.clock.now == began + 5


def test_every_call_fails_while_the_queue_is_down_and_nothing_is_lost():
    queue = QueueInMemory()
    queue.send("a")
    (message,) = queue.receive()
    queue.queue.set_down(down=True)
    for call in (
        queue.receive,
        lambda: queue.receiver.delete([message.receipt]),
        lambda: queue.receiver.change_visibility([message.receipt], 0),
    ):
        with pytest.raises(TransportError, match="queue is down"):
            call()
    queue.queue.set_down(down=False)
    assert queue.receiver.delete([message.receipt]) == []
    assert len(queue.queue) == 0


def test_no_message_is_kept_for_longer_than_twelve_hours():
    queue = QueueInMemory()
    queue.send("a")
    (message,) = queue.receive(visibility_s=30)
    queue.pass_time(10)
    (undone,) = queue.receiver.change_visibility([message.receipt], 43_200)
    assert not undone.gone
    assert queue.receiver.change_visibility([message.receipt], 43_190) == []


def test_a_fifo_queue_refuses_a_message_without_a_group():
    with pytest.raises(TransportError, match="needs a group"):
        MemoryQueue("queue.fifo", fifo=True).send(b"a")


def test_on_a_queue_without_order_a_receipt_deletes_until_the_message_comes_again():
    for fifo, deletes in ((False, True), (True, False)):
        queue = QueueInMemory(fifo=fifo)
        queue.send("a")
        (message,) = queue.receive(visibility_s=1)
        queue.pass_time(2)
        assert (queue.receiver.delete([message.receipt]) == []) is deletes
