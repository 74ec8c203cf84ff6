"""What the contract of senders runs on: a place to send to, and what arrived there."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack
from itertools import count

from pat_events import AwsConfig, Config, Sqs
from pat_events.events import EmailReceived
from pat_events.transports.sending import Outgoing
from tests.support.waiting import DEADLINE_S

OUT_OF_REACH = "http://127.0.0.1:1"


class Sent(Outgoing):
    """A record that counts how often it was settled; ``name`` is in its payload."""

    __slots__ = ("name", "settlements")

    def settle(self, error, place):
        self.settlements += 1
        super().settle(error, place)


def made(name, topic, key, value, headers):
    record = Sent(topic, key, value, headers, 1_700_000_000_000)
    record.settlements, record.name = 0, name
    return record


class OnCluster:
    """A topic of a log."""

    many = 300
    keeps_order = True

    def __init__(self, cluster):
        self._cluster = cluster
        self._topic = None
        self._numbers = count()
        self.sender_out_of_reach = cluster.sender_out_of_reach

    def sender(self, observers=()):
        self._topic = self._cluster.topic(partitions=3)
        return self._cluster.sender(observers)

    def record(self, key=b"k"):
        name = f"{next(self._numbers)}"
        return made(name, self._topic or "t", key, name.encode(), [])

    def read(self, number):
        member = self._cluster.member(self._topic)
        self._cluster.poll_until(lambda: len(member.got) == number, member)
        return [(it.key, it.value.decode()) for it in member.got]

    def close(self):
        self._cluster.close()


class OnAws:
    """A bus of AWS; it carries events of the catalogue alone."""

    # Each call takes LocalStack 10 ms and more.
    many = 40

    def __init__(self, aws, endpoint_url):
        self._sqs = aws.client("sqs")
        self._config = AwsConfig(region="us-east-1", endpoint_url=endpoint_url)
        self._numbers = count()
        self._ends = ExitStack()
        self._ends.callback(self._sqs.close)

    def sender(self, observers=()):
        sender = self.transport(self._config).sender(Config(), observers)
        self._ends.callback(sender.close, 1)
        return sender

    def sender_out_of_reach(self, observers=()):
        nowhere = AwsConfig(region="us-east-1", endpoint_url=OUT_OF_REACH, client_attempts=1)
        sender = self.transport(nowhere).sender(Config(), observers)
        self._ends.callback(sender.close, 0)
        return sender

    def record(self, key=b"k"):
        name = f"{next(self._numbers)}"
        headers = {
            "ce_specversion": b"1.0",
            "ce_id": uuid.uuid4().hex.encode(),
            "ce_type": b"pat.events.v1.EmailReceived",
            "ce_source": b"pat.smtp",
            "ce_subject": key,
            "content-type": b"application/protobuf",
        }
        event = EmailReceived(email_id=key.decode(), subject=name)
        return made(name, "pat-emails", key, event.SerializeToString(), headers)

    def read(self, number):
        """Return key and name of what is in the queue, in the order in which it is handed out."""
        got, deadline = [], time.monotonic() + DEADLINE_S
        while len(got) < number and time.monotonic() < deadline:
            answer = self._sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", ()):
                got.append(self.event_of(json.loads(message["Body"])))
                self._sqs.delete_message(
                    QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
        return [(event["email_id"].encode(), event["subject"]) for event in got]

    def _make_queue(self, *, fifo):
        name = f"contract-{uuid.uuid4().hex[:10]}{'.fifo' if fifo else ''}"
        attributes = {"FifoQueue": "true"} if fifo else {}
        url = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._ends.callback(self._sqs.delete_queue, QueueUrl=url)
        return name, url

    def close(self):
        self._ends.close()


class OnSqs(OnAws):
    """A queue."""

    def __init__(self, aws, endpoint_url, *, fifo):
        super().__init__(aws, endpoint_url)
        self.keeps_order = fifo
        self._name, self.queue_url = self._make_queue(fifo=fifo)

    def transport(self, config):
        return Sqs(self._name, config)

    @staticmethod
    def event_of(body):
        return body["data"]
