"""What the contract of senders runs on: a place to send to, and what arrived there."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack
from functools import partial
from itertools import count

from pat_events import AwsConfig, Config, EventBridge, Sns, Sqs
from pat_events.core.claim import Location, read_claim
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryPayloads
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


class OnClaimCheck(OnCluster):
    """A topic of a log, and a store for every other payload."""

    many = 100

    def __init__(self, cluster):
        super().__init__(cluster)
        self._payloads = MemoryPayloads()
        cluster.claim_check = self._payloads

    def record(self, key=b"k"):
        record = super().record(key)
        if int(record.name) % 2:
            record.value = record.value.zfill(2_000)
        record.headers = {"ce_id": record.name.encode(), "ce_type": b"pat.events.v1.EmailReceived"}
        return record

    def read(self, number):
        member = self._cluster.member(self._topic)
        self._cluster.poll_until(lambda: len(member.got) == number, member)
        return [(it.key, self._name_of(it)) for it in member.got]

    def _name_of(self, delivery):
        value = delivery.value
        if "ce_dataref" in delivery.header_values:
            claim = read_claim(delivery.header_values, [Location("payloads")], 10_000)
            value = self._payloads.get(claim)
            claim.refuse_another(value)
        return value.decode().lstrip("0") or "0"


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
        self.prepare()
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

    def _arn_of_queue(self):
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["QueueArn"]
        )
        return answer["Attributes"]["QueueArn"]

    def close(self):
        self._ends.close()


class OnSqs(OnAws):
    """A queue."""

    def __init__(self, aws, endpoint_url, *, fifo):
        super().__init__(aws, endpoint_url)
        self.keeps_order = fifo
        self._name = "q.fifo" if fifo else "q"

    def prepare(self):
        self._name, self.queue_url = self._make_queue(fifo=self.keeps_order)

    def transport(self, config):
        return Sqs(self._name, config)

    @staticmethod
    def event_of(body):
        return body["data"]


class OnEventBridge(OnAws):
    """A bus with one rule, which hands everything of a source to a queue."""

    keeps_order = False

    def __init__(self, aws, endpoint_url):
        super().__init__(aws, endpoint_url)
        self._events = aws.client("events")
        self._ends.callback(self._events.close)
        self._bus = "b"

    def prepare(self):
        events = self._events
        name, self.queue_url = self._make_queue(fifo=False)
        self._bus = bus = name
        events.create_event_bus(Name=bus)
        self._ends.callback(events.delete_event_bus, Name=bus)
        pattern = json.dumps({"source": ["pat.smtp"]})
        events.put_rule(Name=bus, EventBusName=bus, EventPattern=pattern)
        self._ends.callback(events.delete_rule, Name=bus, EventBusName=bus)
        target = {"Id": "queue", "Arn": self._arn_of_queue()}
        events.put_targets(Rule=bus, EventBusName=bus, Targets=[target])
        self._ends.callback(events.remove_targets, Rule=bus, EventBusName=bus, Ids=["queue"])

    def transport(self, config):
        return EventBridge(self._bus, config)

    @staticmethod
    def event_of(body):
        return body["detail"]


class OnSns(OnAws):
    """A topic with one subscription, a queue that gets messages as they were sent."""

    def __init__(self, aws, endpoint_url, *, fifo):
        super().__init__(aws, endpoint_url)
        self.keeps_order = fifo
        self._sns = aws.client("sns")
        self._ends.callback(self._sns.close)
        self._topic = "arn:aws:sns:us-east-1:000000000000:t"

    def prepare(self):
        sns = self._sns
        name, self.queue_url = self._make_queue(fifo=self.keeps_order)
        attributes = {"FifoTopic": "true"} if self.keeps_order else {}
        self._topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        self._ends.callback(sns.delete_topic, TopicArn=self._topic)
        sns.subscribe(
            TopicArn=self._topic,
            Protocol="sqs",
            Endpoint=self._arn_of_queue(),
            Attributes={"RawMessageDelivery": "true"},
        )

    def transport(self, config):
        return Sns(self._topic, config)

    @staticmethod
    def event_of(body):
        return body["data"]


ON_AWS = {
    "sqs": partial(OnSqs, fifo=False),
    "sqs fifo": partial(OnSqs, fifo=True),
    "sns": partial(OnSns, fifo=False),
    "sns fifo": partial(OnSns, fifo=True),
    "eventbridge": OnEventBridge,
}
