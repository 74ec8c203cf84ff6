"""What a Kafka client that was replaced reports late, and what a commit says of one partition."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from pat_events import Config
from pat_events.errors import TransportError
from pat_events.transports.kafka import sender as sending
from pat_events.transports.kafka.collector import Collector
from pat_events.transports.kafka.receiver import KafkaReceiver
from pat_events.transports.kafka.sender import KafkaSender

FATAL = KafkaError(KafkaError._FATAL, "forced", True)  # noqa: FBT003 - takes no names
NOWHERE = Config(bootstrap_servers="127.0.0.1:1")


class Message:
    def partition(self):
        return 0

    def offset(self):
        return 7


class FakeClient:
    """Stands in for confluent_kafka.Producer, and keeps each record's callback."""

    def __init__(self, settings):
        self.callbacks = []

    def produce(self, topic, value, key, partition, on_delivery, *_):
        self.callbacks.append(on_delivery)

    def poll(self, timeout_s):
        """Reports come when a test says so."""

    def flush(self, timeout_s):
        """As above."""

    def purge(self):
        """As above."""


class TestAfterARebuild:
    @pytest.fixture
    def clients(self, monkeypatch):
        made = []

        def make(settings):
            made.append(FakeClient(settings))
            return made[-1]

        monkeypatch.setattr(sending, "Producer", make)
        monkeypatch.setattr(Collector, "_run", lambda self: None)
        return made

    @pytest.fixture
    def sender(self, clients):
        sender = KafkaSender(NOWHERE)
        yield sender
        sender.close(0)

    @pytest.fixture
    def resent(self, sender, clients, record):
        """A record that the second client has; the report of the first is still to come."""
        sent = record("a")
        sender.send(sent)
        sender._note_error(sender._generation, FATAL)
        sender.poll(0)
        assert [len(client.callbacks) for client in clients] == [1, 1]
        return sent

    @pytest.mark.parametrize(
        "late",
        [KafkaError(KafkaError._MSG_TIMED_OUT), KafkaError(KafkaError._PURGE_QUEUE), FATAL],
        ids=["timed out", "purged", "fatal"],
    )
    def test_a_late_failure_of_the_old_client_settles_nothing(self, sender, clients, resent, late):
        old, new = clients
        old.callbacks[0](late, Message())
        sender.poll(0)
        assert resent.settlements == 0
        assert len(clients) == 2  # Nor is it a reason to make a third.
        new.callbacks[0](None, Message())
        assert (resent.settlements, resent.error, resent.offset) == (1, None, 7)

    def test_a_failure_of_the_new_client_settles_it(self, clients, resent):
        clients[1].callbacks[0](KafkaError(KafkaError._MSG_TIMED_OUT), Message())
        assert resent.settlements == 1
        assert isinstance(resent.error, TransportError)

    def test_what_both_clients_report_settles_it_once(self, clients, resent):
        for client in reversed(clients):
            client.callbacks[0](None, Message())
        assert resent.settlements == 1


class TestCommit:
    @pytest.fixture
    def receiver(self):
        receiver = KafkaReceiver(NOWHERE, "group", "earliest")
        receiver._assigned = {("t", 0): None, ("t", 1): None}
        client = receiver._client
        yield receiver
        client.close()

    @pytest.mark.parametrize("failed", [0, 1])
    def test_an_error_of_one_partition_is_an_error(self, receiver, failed):
        answers = [SimpleNamespace(topic="t", partition=number, error=None) for number in (0, 1)]
        answers[failed].error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
        receiver._client = SimpleNamespace(commit=lambda **_: answers)
        with pytest.raises(TransportError, match=f"committing t/{failed}"):
            receiver.commit({("t", 0): 1, ("t", 1): 1}, wait=True)
