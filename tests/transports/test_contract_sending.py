"""What every sender must do, whatever is behind it: logs, queues and buses."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from pat_events.errors import ClosedError, TransportError
from pat_events.telemetry.clients import Acknowledged, NotDelivered
from tests.support.senders import ON_AWS

READ_QUICKLY = [
    "memory",
    "claim check",
    *(pytest.param(name, marks=pytest.mark.localstack) for name in ON_AWS),
]


class Seen(list):
    """An observer."""

    def saw(self, what):
        self.append(what)


@pytest.fixture
def seen():
    return Seen()


def test_every_record_is_settled_exactly_once_with_a_place_of_its_own(target):
    sender = target.sender()
    records = [target.record(b"k%d" % (n % 7)) for n in range(target.many)]
    for record in records:
        sender.send(record)
    assert sender.flush(30) == []
    assert sender.close(30) == []
    assert {it.settlements for it in records} == {1}
    assert all(it.settled and it.error is None for it in records)
    assert len({it.place for it in records}) == target.many


# Of Kafka see test_contract: making a member of a group takes seconds.
@pytest.mark.parametrize("target", READ_QUICKLY, indirect=True)
def test_what_was_acknowledged_is_there_and_in_order_where_that_is_promised(target):
    sender = target.sender()
    records = [target.record(b"k%d" % (n % 7)) for n in range(target.many)]
    for record in records:
        sender.send(record)
    assert sender.flush(30) == []
    got = target.read(target.many)
    assert sorted(got) == sorted((it.key, it.name) for it in records)
    if target.keeps_order:
        for key in {it.key for it in records}:
            assert [it for it in got if it[0] == key] == [
                (it.key, it.name) for it in records if it.key == key
            ]


def test_observers_are_told_how_many_were_acknowledged(target, seen):
    sender = target.sender([seen])
    for n in range(target.many):
        sender.send(target.record(b"k%d" % (n % 7)))
    assert sender.close(30) == []
    assert {type(it) for it in seen} == {Acknowledged}
    assert sum(it.records for it in seen) == target.many


def test_observers_are_told_what_closing_gives_up(target, seen):
    sender = target.sender_out_of_reach([seen])
    for _ in range(3):
        sender.send(target.record())
    sender.close(0.01)
    told = [it for it in seen if isinstance(it, NotDelivered)]
    assert sum(records for records, _ in told) == 3
    assert all("not acknowledged before close" in str(error) for _, error in told)


def test_a_closed_sender_takes_nothing(target):
    sender = target.sender()
    assert sender.close(5) == []
    assert sender.close(5) == []
    record = target.record()
    with pytest.raises(ClosedError, match="make a new one"):
        sender.send(record)
    assert record.settlements == 0


def test_a_sender_that_closes_takes_nothing_while_it_waits(target):
    sender = target.sender_out_of_reach()
    sender.send(target.record())
    deadline = time.monotonic() + 30  # For a busy machine, where this thread is the quicker one.
    closer = Thread(target=sender.close, args=(0.3,))

    def send_on():
        while time.monotonic() < deadline:
            sender.send(target.record())

    closer.start()
    with pytest.raises(ClosedError):
        send_on()
    closer.join(10)


def test_closing_settles_what_nobody_acknowledged_as_a_transport_error(target):
    sender = target.sender_out_of_reach()
    records = [target.record() for _ in range(3)]
    for record in records:
        sender.send(record)
    assert sender.close(0.01) == records
    assert {it.settlements for it in records} == {1}
    for record in records:
        assert type(record.error) is TransportError
        assert str(record.error).startswith("not acknowledged before close")
