"""The Kafka sender when its client dies, on a client that does what a test tells it."""

from __future__ import annotations

from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from pat_events import Config
from pat_events.transports.kafka import sender as sending
from pat_events.transports.kafka.sender import KafkaSender

TOPIC = "t"
FATAL = KafkaError(KafkaError._FATAL, "forced", True)  # noqa: FBT003 - takes no names


class Message:
    def __init__(self, offset):
        self._offset = offset

    def partition(self):
        return 0

    def offset(self):
        return self._offset


class Client:
    """Stands in for confluent_kafka.Producer: its log is a list, reports wait to be polled."""

    on_produce = staticmethod(lambda client, value: None)

    def __init__(self, settings):
        self.limit = settings["queue.buffering.max.messages"]
        self.limit_kbytes = settings["queue.buffering.max.kbytes"]
        self.queue = {}
        self.log = []
        self.reports = deque()
        self.refuse = lambda value: None
        self.on_poll = lambda: None

    def produce(self, topic, value, key, partition, on_delivery, *_):
        error = self.refuse(value)
        if error is not None:
            raise KafkaException(error)
        if len(self.queue) >= self.limit:
            raise BufferError
        self.queue[value] = on_delivery
        self.on_produce(self, value)

    def acknowledge(self):
        """The broker wrote everything; the reports wait in the client."""
        for value, on_delivery in self.queue.items():
            self.log.append(value)
            self.reports.append((on_delivery, None, Message(len(self.log) - 1)))
        self.queue.clear()

    def fail(self, error):
        for on_delivery in self.queue.values():
            self.reports.append((on_delivery, error, Message(-1)))
        self.queue.clear()

    def poll(self, timeout_s):
        self.on_poll()
        while self.reports:
            on_delivery, error, message = self.reports.popleft()
            on_delivery(error, message)

    def flush(self, timeout_s):
        self.poll(timeout_s)

    def purge(self):
        self.fail(KafkaError(KafkaError._PURGE_QUEUE))


@pytest.fixture
def clients(monkeypatch):
    """The clients that were made, the newest last."""
    made = []

    def make(settings):
        made.append(Client(settings))
        return made[-1]

    monkeypatch.setattr(sending, "Producer", make)
    return made


@pytest.fixture
def make(clients, monkeypatch):
    """Makes senders without a collector: a test serves them itself."""
    monkeypatch.setattr(KafkaSender, "_collect", lambda self: None)
    made = []

    def make(**settings):
        made.append(KafkaSender(Config(bootstrap_servers="nowhere:1", **settings)))
        return made[-1]

    yield make
    for sender in made:
        sender.close(0)


@pytest.fixture
def record(sent):
    """Makes records by name; what is done when one is settled can be added."""

    class Record(sent):
        __slots__ = ("then",)

        def settle(self, error, partition, offset):
            super().settle(error, partition, offset)
            self.then(self)

    def record(name, then=lambda it: None):
        made = Record(TOPIC, b"k", name.encode(), ())
        made.then = then
        return made

    return record


def die(sender):
    """The client meets a fatal error and says so in its callback for errors."""
    sender._note_trouble(sender._generation, FATAL)


class TestRebuild:
    def test_what_is_published_while_it_sends_again_is_sent_too(
        self, make, clients, record, monkeypatch
    ):
        sender = make()
        first, second, late = record("first"), record("second"), record("late")
        sender.send(first)
        sender.send(second)
        die(sender)
        published = []

        def publish(*_):  # As a signal's handler does, in the middle of anything.
            if sender._rebuilding and not published:
                published.append(late)
                sender.send(late)

        monkeypatch.setattr(Client, "on_produce", staticmethod(publish))
        sender.poll(0)
        assert published == [late]
        assert list(clients[-1].queue) == [b"first", b"second", b"late"]

    def test_an_accepted_record_has_room_in_the_new_client(self, make, clients, record):
        sender = make(buffer_events=2)
        clients[0].refuse = lambda value: FATAL if value == b"third" else None
        records = [record("first"), record("second"), record("third")]
        for it in records:
            sender.send(it)  # The third finds the client dead, and is taken to be sent again.
        sender.poll(0)
        assert list(clients[-1].queue) == [b"first", b"second", b"third"]
        clients[-1].acknowledge()
        sender.poll(0)
        assert [it.error for it in records] == [None] * 3
        assert {it.settlements for it in records} == {1}

    def test_the_new_client_has_room_for_the_bytes_that_wait(self, make, clients, record):
        sender = make(buffer_bytes=2048, max_event_bytes=2048)
        for name in "abc":
            sender.send(record(name * 1000))
        die(sender)
        sender.poll(0)
        assert clients[0].limit_kbytes == 2
        assert clients[1].limit_kbytes == 3

    def test_what_found_no_room_waits_for_a_larger_client(self, make, clients, record, monkeypatch):
        sender = make(buffer_events=1)
        first, late = record("first"), record("late")
        sender.send(first)
        die(sender)

        def publish(*_):
            if sender._rebuilding and late not in sender._outstanding:
                sender.send(late)

        monkeypatch.setattr(Client, "on_produce", staticmethod(publish))
        sender.poll(0)
        assert late.settlements == 0
        sender._next_rebuild = 0
        sender.poll(0)
        assert list(clients[-1].queue) == [b"first", b"late"]
