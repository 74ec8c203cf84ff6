"""A bridge with boto3 and all: what a bus answers becomes what a group does with its event."""

from __future__ import annotations

import json

import pytest

from pat_events import AwsConfig, Config, EventBridge, Sqs
from pat_events.errors import TopicMissingError
from pat_events.events import EmailReceived
from pat_events.transports.sending import Outgoing
from tests.support.fake_aws import RefusedError, fake_aws
from tests.support.waiting import until

QUICK = {"region": "us-east-1", "client_attempts": 1, "linger_s": 0.001, "retry_max_s": 0.1}


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Whatever they are."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


class FifoQueue:
    """A queue as SQS has it: away while ``refusal`` says why, and some messages it never takes."""

    def __init__(self, refusal=None):
        self.refusal = refusal
        self.emails = []

    def send(self, fields):
        if self.refusal is not None:
            raise RefusedError(self.refusal)
        taken, failed = [], []
        for entry in fields["Entries"]:
            email = json.loads(entry["MessageBody"])["data"]
            if email["subject"] == "refused":
                failed.append({"Id": entry["Id"], "Code": "InvalidMessageContents"})
            else:
                self.emails.append(f"{entry['MessageGroupId']}/{email['subject']}")
                taken.append({"Id": entry["Id"], "MessageId": "m"})
        return {"Successful": taken, "Failed": failed}

    def running(self):
        return fake_aws(
            GetQueueUrl=lambda fields: {"QueueUrl": f"http://sqs/0/{fields['QueueName']}"},
            SendMessageBatch=self.send,
        )


@pytest.mark.parametrize("refusal", ["InternalFailure", "ThrottlingException", "AccessDenied"])
def test_a_queue_that_is_away_gets_what_was_held_in_order_and_what_it_refuses_is_a_dead_letter(
    clusters, refusal
):
    queue = FifoQueue(refusal)
    clusters.publish("e-1/a", "e-1/b", "e-2/refused", "e-1/c", "e-2/d")
    with queue.running() as service:
        to = Sqs("emails.fifo", AwsConfig(endpoint_url=service.address, **QUICK))
        bridge = clusters.bridge(to=to, config=Config(delivery_timeout_s=0.3))
        until(lambda: bridge.stats().held >= 2)
        assert (clusters.committed <= 0, clusters.dead) == (True, [])
        queue.refusal = None
        until(lambda: clusters.committed == 5)
        bridge.stop()
    for key, subjects in {"e-1": "abc", "e-2": "d"}.items():
        assert [it for it in queue.emails if it[:3] == key] == [f"{key}/{it}" for it in subjects]
    (letter,) = clusters.dead
    assert b"InvalidMessageContents" in dict(letter.headers)["__dlq.errors.message"]


def test_more_headers_than_a_message_carries_are_a_dead_letter(clusters):
    headers = {f"own-{n}": b"1" for n in range(9)}
    queue = FifoQueue()
    clusters.producer.publish(EmailReceived(email_id="e-1"), headers=headers)
    with queue.running() as service:
        to = Sqs("emails.fifo", AwsConfig(endpoint_url=service.address, **QUICK))
        bridge = clusters.bridge(to=to)
        until(lambda: clusters.committed == 1)
        bridge.stop()
    (letter,) = clusters.dead
    assert b"the bus takes 10" in dict(letter.headers)["__dlq.errors.message"]
    assert dict(letter.headers)["pat-dlq-reason"] == b"schema"


def test_a_bus_that_is_not_there_is_told_at_the_start(clusters):
    def missing(fields):
        raise RefusedError("ResourceNotFoundException", "Event bus pat-dev does not exist.")

    with fake_aws(DescribeEventBus=missing) as service:
        to = EventBridge("pat-dev", AwsConfig(endpoint_url=service.address, **QUICK))
        with pytest.raises(TopicMissingError, match="there is no bus pat-dev in us-east-1"):
            clusters.bridge(to=to)


@pytest.mark.parametrize(
    ("region", "arrives"), [("us-east-1", False), ("eu-west-1", True)], ids=["same", "another"]
)
def test_a_queue_of_the_same_name_in_another_region_is_another_place(clusters, region, arrives):
    queue = FifoQueue()
    clusters.here.append(
        Outgoing(
            "pat-emails",
            b"e-1",
            EmailReceived(email_id="e-1", subject="a").SerializeToString(),
            {
                "ce_type": b"pat.events.v1.EmailReceived",
                "ce_bridgedfrom": b"queue:us-east-1/0/emails.fifo",
            },
            1,
        )
    )
    with queue.running() as service:
        config = AwsConfig(endpoint_url=service.address, **QUICK | {"region": region})
        bridge = clusters.bridge(to=Sqs("emails.fifo", config))
        until(lambda: clusters.committed == 1)
        bridge.stop()
    assert queue.emails == (["e-1/a"] if arrives else [])
