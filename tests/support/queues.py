"""Queues under test, whatever is behind them."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING

from pat_events import SqsQueue
from pat_events.testing.simulation import VirtualClock
from pat_events.transports.memory import MemoryQueue

if TYPE_CHECKING:
    from pat_events.transports.queue import QueueMessage

#: How long a message is kept where a test waits for the end of it, in seconds.
SHORT_S = 1
#: And where it does not.
LONG_S = 30
#: How late a service may be with what is due, in seconds.
WAIT_S = 5


class QueueInMemory:
    """A queue of this process, under a clock that passes when told to."""

    def __init__(self, *, fifo: bool = False, max_receives: int | None = None) -> None:
        self.clock = VirtualClock()
        letters = MemoryQueue("letters", fifo=fifo, clock=self.clock)
        self._letters = letters.receiver()
        redrive = (letters, max_receives) if max_receives is not None else None
        self.queue = MemoryQueue("queue", fifo=fifo, redrive=redrive, clock=self.clock)
        self.receiver = self.queue.receiver()
        self._fifo = fifo

    def send(self, *bodies: str, group: str = "g") -> None:
        for body in bodies:
            self.queue.send(body.encode(), group=group)

    def receive(self, count: int = 10, visibility_s: int = LONG_S) -> list[QueueMessage]:
        """What is there now."""
        return self.receiver.receive(count, 0, visibility_s)

    def receive_soon(self) -> list[QueueMessage]:
        """What is there, or comes within a moment: a service may be late."""
        return self.receiver.receive(10, WAIT_S, LONG_S)

    def letters(self) -> list[QueueMessage]:
        return self._letters.receive(10, 0, LONG_S)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def another_receiver(self):
        return self.queue.receiver()


class QueueInSqs:
    """A queue of SQS, with a dead-letter queue where it moves messages away."""

    def __init__(
        self,
        client,
        config,
        *,
        fifo: bool = False,
        max_receives: int | None = None,
    ) -> None:
        self._client = client
        self._config = config
        self._fifo = fifo
        self.urls = []
        attributes = {}
        if max_receives is not None:
            name, url = self._create("letters", {})
            asked = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            arn = asked["Attributes"]["QueueArn"]
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": arn, "maxReceiveCount": max_receives}
            )
            self._letters = SqsQueue(name, config).receiver()
        name, self.url = self._create("queue", attributes)
        self.queue = SqsQueue(name, config)
        self.receiver = self.queue.receiver()

    def _create(self, kind: str, attributes: dict[str, str]) -> tuple[str, str]:
        name = f"{kind}-{uuid.uuid4().hex[:10]}"
        if self._fifo:
            name, attributes = f"{name}.fifo", {**attributes, "FifoQueue": "true"}
        url = self._client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.urls.append(url)
        return name, url

    def send(self, *bodies: str, group: str = "g") -> None:
        fields = {}
        for body in bodies:
            if self._fifo:
                fields = {"MessageGroupId": group, "MessageDeduplicationId": uuid.uuid4().hex}
            self._client.send_message(QueueUrl=self.url, MessageBody=body, **fields)

    def receive(self, count: int = 10, visibility_s: int = LONG_S) -> list[QueueMessage]:
        return self.receiver.receive(count, 0, visibility_s)

    def receive_soon(self) -> list[QueueMessage]:
        return self.receiver.receive(10, WAIT_S, LONG_S)

    def letters(self) -> list[QueueMessage]:
        return self._letters.receive(10, WAIT_S, LONG_S)

    @staticmethod
    def pass_time(seconds: float) -> None:
        time.sleep(seconds)

    def another_receiver(self):
        return self.queue.receiver()

    def remove(self) -> None:
        for url in self.urls:
            self._client.delete_queue(QueueUrl=url)


def bodies(messages: list[QueueMessage]) -> list[str]:
    return [(message.value or b"").decode() for message in messages]


def receipts(messages: list[QueueMessage]) -> list[str]:
    return [message.receipt for message in messages]


def send_numbered(client, queue: QueueInSqs, count: int, groups: int = 7) -> None:
    """Send numbered events, each in the group of its key."""
    for first in range(0, count, 10):
        entries = []
        for n in range(first, min(count, first + 10)):
            key = f"k{n % groups}"
            body = {
                "specversion": "1.0",
                "id": f"{n}",
                "type": "pat.events.v1.EmailReceived",
                "source": "test",
                "datacontenttype": "application/json",
                "data": {"email_id": key, "subject": f"{n}"},
            }
            entry = {"Id": f"{n}", "MessageBody": json.dumps(body)}
            if queue.url.endswith(".fifo"):
                entry |= {"MessageGroupId": key, "MessageDeduplicationId": f"{n}"}
            entries.append(entry)
        assert not client.send_message_batch(QueueUrl=queue.url, Entries=entries).get("Failed")


def left(client, queue: QueueInSqs) -> int:
    """How many messages a queue has, those that are kept as well."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
    return sum(int(value) for value in answer["Attributes"].values())
