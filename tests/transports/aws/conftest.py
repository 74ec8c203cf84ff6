"""A bus inside the process, and entries for it."""

from __future__ import annotations

import threading

import pytest

from pat_events import AwsConfig, Config
from pat_events.transports.aws.batching import Entry, Taken
from pat_events.transports.aws.sender import BusSender
from pat_events.transports.sending import Outgoing


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


class Bus:
    """Takes everything, unless told otherwise; ``gate`` keeps calls waiting."""

    address = "a bus"
    max_bytes = 1000

    def __init__(self, *, fifo=False):
        self.fifo = fifo
        self.calls = []
        self.answer = lambda call: [Taken(f"m-{it.outgoing.value.decode()}") for it in call]
        self.gate = threading.Event()
        self.gate.set()
        self.called = threading.Semaphore(0)

    def wrap(self, outgoing):
        group = outgoing.key.decode() if self.fifo else None
        return Entry(outgoing, "d", "d", {}, len(outgoing.value), group)

    def call(self, entries):
        self.calls.append([it.outgoing.value.decode() for it in entries])
        self.called.release()
        assert self.gate.wait(30)
        return self.answer(entries)


class Sent(Outgoing):
    __slots__ = ("settlements", "then")

    def settle(self, error, place):
        super().settle(error, place)
        self.settlements += 1
        self.then(self)


@pytest.fixture
def record():
    """Makes records by name; what is done when one is settled can be added."""

    def record(name, key=b"k", then=lambda it: None):
        made = Sent("t", key, name.encode(), [], 0)
        made.settlements, made.then = 0, then
        return made

    return record


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def make_sender(bus):
    """Makes senders to ``bus``; they are closed at the end."""
    made = []

    def make(*, observers=(), config=None, to=bus, **aws):
        settings = AwsConfig(**{"linger_s": 0.0, "retry_first_s": 0.001, "retry_max_s": 0.01} | aws)
        sender = BusSender(to, config or Config(), settings, observers=observers)
        made.append(sender)
        return sender

    yield make
    bus.gate.set()
    for sender in made:
        sender.close(5)
