from __future__ import annotations

import json
import uuid

import pytest

pytestmark = pytest.mark.localstack


@pytest.fixture
def clients(aws):
    made = {name: aws.client(name) for name in ("events", "sqs")}
    yield made["events"], made["sqs"]
    for client in made.values():
        client.close()


@pytest.fixture
def bus_to_queue(clients):
    """A bus whose rule sends "Email Received" to a queue: its name and the queue's address."""
    events, sqs = clients
    name = f"t-{uuid.uuid4().hex[:10]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    events.create_event_bus(Name=name)
    pattern = json.dumps({"detail-type": ["Email Received"]})
    events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    added = events.put_targets(Rule=name, EventBusName=name, Targets=[target])
    assert added["FailedEntryCount"] == 0
    yield name, queue
    events.remove_targets(Rule=name, EventBusName=name, Ids=["queue"])
    events.delete_rule(Name=name, EventBusName=name)
    events.delete_event_bus(Name=name)
    sqs.delete_queue(QueueUrl=queue)


def test_a_rule_delivers_what_it_matches_and_nothing_else(clients, bus_to_queue):
    events, sqs = clients
    bus, queue = bus_to_queue
    entries = [
        {"EventBusName": bus, "Source": "pat.smtp", "DetailType": kind, "Detail": '{"n": 1}'}
        for kind in ("Email Deleted", "Email Received")
    ]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0

    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
    (message,) = received["Messages"]
    body = json.loads(message["Body"])
    assert (body["detail-type"], body["detail"]) == ("Email Received", {"n": 1})
