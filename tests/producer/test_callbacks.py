"""Done callbacks that wait: told at once that they must not."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from pat_events.errors import TransportTimeoutError
from pat_events.events import EmailReceived

DEADLINE_S = 20.0


def event():
    return EmailReceived(email_id="e")


async def awaiting(ack):
    return await ack


@pytest.fixture(params=["kafka", "memory"])
def producer(request):
    name = "kafka_producer" if request.param == "kafka" else "make"
    return request.getfixturevalue(name)()


@pytest.fixture
def settle_later(request, producer):
    """Publishes an event that is acknowledged when its callback is there."""

    def settle_later(callback):
        if "kafka_producer" in request.fixturenames:
            faults = request.getfixturevalue("broker").faults
            down, up = faults.broker_down, faults.broker_up
        else:
            log = request.getfixturevalue("log")
            down, up = partial(log.set_down, down=True), partial(log.set_down, down=False)
        down()
        ack = producer.publish(event())
        ack.add_done_callback(callback)
        up()
        return ack

    return settle_later


@pytest.fixture(params=["result", "result within an hour", "await"])
def wait(request):
    """The ways to wait for an event."""
    return {
        "result": lambda ack: ack.result(),
        "result within an hour": lambda ack: ack.result(3600),
        "await": lambda ack: asyncio.run(awaiting(ack)),
    }[request.param]


def test_a_callback_that_waits_for_another_event_is_told_at_once(producer, settle_later, wait):
    told, ended = [], threading.Event()

    def callback(_):
        try:
            wait(producer.publish(event()))
        except TransportTimeoutError as error:
            told.append(str(error))
        ended.set()

    threading.Thread(target=settle_later, args=(callback,), daemon=True).start()
    assert ended.wait(DEADLINE_S), "it waits for what it keeps from happening"
    assert len(told) == 1
    assert "add_done_callback" in told[0]


def test_a_callback_may_ask_for_the_result_of_its_own_event(producer, settle_later, wait):
    results, ended = [], threading.Event()
    ack = settle_later(lambda it: (results.append(wait(it)), ended.set()))
    assert ended.wait(DEADLINE_S)
    assert results == [ack.position]
