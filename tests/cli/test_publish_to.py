"""``pat-events publish --to``, on LocalStack."""

from __future__ import annotations

import json
import uuid

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app


def line(email_id):
    return json.dumps({"email_id": email_id}) + "\n"


@pytest.fixture
def name():
    return f"to-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def queue(aws, name):
    """A queue, with its ARN, and a bus and a topic of its name that lead to it."""
    sqs, sns, events = (aws.client(each) for each in ("sqs", "sns", "events"))
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=name)["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    events.create_event_bus(Name=name)
    rule = {"Rule": name, "EventBusName": name}
    pattern = json.dumps({"source": ["pat.smtp"]})
    events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    events.put_targets(**rule, Targets=[{"Id": "q", "Arn": arn}])
    yield {"sqs": name, "eventbridge": name, "sns": topic}
    events.remove_targets(**rule, Ids=["q"])
    events.delete_rule(Name=name, EventBusName=name)
    events.delete_event_bus(Name=name)
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)
    for client in (sqs, sns, events):
        client.close()


@pytest.mark.localstack
@pytest.mark.parametrize("kind", ["sqs", "sns", "eventbridge"])
def test_events_reach_a_bus_and_their_place_is_the_id_of_the_message(on_aws, queue, name, kind):
    options = ["--tenant", "acme", "--header", "origin=import", "--to", f"{kind}:{queue[kind]}"]
    done = on_aws("publish", "EmailReceived", *options, text=line("e-1") + line("e-2"))
    assert done.returncode == 0, done.stderr
    acknowledged = [json.loads(each) for each in done.stdout.splitlines()]
    assert [set(each) for each in acknowledged] == [{"event_id", "topic", "message_id"}] * 2
    assert {each["topic"] for each in acknowledged} == {name}
    looked = on_aws("look", name, "--max", 2, "--idle-timeout", 10)
    assert looked.returncode == 0, looked.stderr
    found = {
        each["envelope"]["event_id"]: each
        for each in map(json.loads, looked.stdout.split("\n")[:2])
    }
    assert found.keys() == {each["event_id"] for each in acknowledged}
    assert {each["event"]["metadata"]["tenant_id"] for each in found.values()} == {"acme"}
    assert {each["headers"]["origin"] for each in found.values()} == {"import"}


@pytest.mark.localstack
def test_each_line_of_a_pipe_is_acknowledged_by_a_queue_before_the_next_one_comes(
    on_aws, queue, name
):
    with on_aws.start("publish", "EmailReceived", "--stream", "--to", f"sqs:{name}") as process:
        for number in range(3):
            process.stdin.write(line(f"e-{number}"))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["message_id"]
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.localstack
def test_a_queue_that_is_not_there_is_said_and_nothing_is_sent(on_aws):
    done = on_aws("publish", "EmailReceived", "--to", "sqs:no-such-queue", text=line("e-1"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no queue no-such-queue in us-east-1" in done.stderr


def test_a_target_that_is_none_is_said(alone):
    done = alone("publish", "EmailReceived", "--to", "sqz:emails", text=line("e-1"))
    assert done.returncode == 1
    assert "'sqz:emails' is no target: write kafka, eventbridge:BUS" in done.stderr


def test_a_broker_for_what_has_none_is_refused():
    options = ["--to", "sqs:q", "--bootstrap", "localhost:9092"]
    result = CliRunner().invoke(app, ["publish", "EmailReceived", *options])
    assert result.exit_code == 2
    assert "sqs:q has no brokers" in result.output
