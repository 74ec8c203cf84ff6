"""Leaving a group whose coordinator answers nothing any more takes seconds."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from pat_events import KafkaConfig
from pat_events.errors import TransportError
from pat_events.testing import EmbeddedBroker
from pat_events.transports.kafka import leaving as module
from pat_events.transports.kafka.receiver import KafkaReceiver

TOPIC = "pat-emails"
DEADLINE_S = 15.0


class Listener:
    """Commits when its partitions are revoked, as the engine does."""

    def __init__(self):
        self.owned = set()
        self.revocations = []
        self.refused = []
        self.receiver = None

    def assigned(self, partitions):
        self.owned.update(partitions)

    def revoked(self, partitions):
        self.revocations.append((list(partitions), threading.current_thread()))
        try:
            self.receiver.commit(dict.fromkeys(partitions, 0), wait=True)
        except TransportError as error:
            self.refused.append(str(error))
        self.owned.difference_update(partitions)

    lost = revoked


@pytest.fixture
def silent(monkeypatch):
    monkeypatch.setattr(module, "_COORDINATOR_ANSWER_S", 0.2)
    monkeypatch.setattr(module, "_SILENT_CLOSE_S", 0.2)
    with EmbeddedBroker() as broker, ExitStack() as ends:
        broker.create_topic(TOPIC, 1)

        def member(**properties):
            listener = Listener()
            receiver = listener.receiver = KafkaReceiver(
                KafkaConfig(
                    bootstrap_servers=broker.bootstrap_servers,
                    client_properties={"session.timeout.ms": "6000", **properties},
                ),
                "group",
                "earliest",
            )
            receiver.subscribe([TOPIC], listener)
            deadline = time.monotonic() + DEADLINE_S
            while not listener.owned:
                assert time.monotonic() < deadline
                receiver.poll(1, 0.05)
            receiver.poll(1, 0)
            broker.faults.set_round_trip(60)
            # Its answer is what the client would wait for.
            receiver.commit({(TOPIC, 0): 0}, wait=False)
            ends.callback(broker.faults.set_round_trip, 0)
            return receiver, listener

        yield member


@pytest.mark.parametrize("properties", [{}, {"group.instance.id": "mine"}])
def test_a_client_that_waits_for_a_silent_coordinator_is_not_waited_for(silent, properties):
    receiver, listener = silent(**properties)
    began = time.monotonic()
    receiver.close()
    assert time.monotonic() - began < DEADLINE_S
    # Once, and by the thread that owns the receiver.
    assert listener.revocations == [([(TOPIC, 0)], threading.current_thread())]
    assert len(listener.refused) == 1
