"""``pat-events look``, on LocalStack."""

from __future__ import annotations

import json
import signal
import uuid

import pytest
from typer.testing import CliRunner

from pat_events import AwsConfig, Producer, Sqs
from pat_events.cli.app import app
from pat_events.events import EmailProcessed, EmailReceived


@pytest.fixture
def queue(aws):
    sqs = aws.client("sqs")
    urls = []

    def create(name, **attributes):
        urls.append(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        asked = sqs.get_queue_attributes(QueueUrl=urls[-1], AttributeNames=["QueueArn"])
        return asked["Attributes"]["QueueArn"]

    name = f"look-{uuid.uuid4().hex[:8]}"
    redrive = {"deadLetterTargetArn": create(f"{name}-dlq"), "maxReceiveCount": 3}
    create(name, RedrivePolicy=json.dumps(redrive))
    yield name
    for url in urls:
        sqs.delete_queue(QueueUrl=url)
    sqs.close()


@pytest.fixture
def filled(queue, on_aws, localstack_url):
    aws_config = AwsConfig(region="us-east-1", endpoint_url=localstack_url)
    with Producer(transport=Sqs(queue, aws_config)) as producer:
        for n in range(12):
            producer.publish(EmailReceived(email_id=f"e-{n}", subject="Hello"))
        producer.publish(EmailProcessed(email_id="e-0"))
    return queue


def lines(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.localstack
def test_what_is_in_a_queue_is_shown_once_and_given_back(on_aws, filled):
    for count in (1, 2):
        done = on_aws("look", filled, "--idle-timeout", 0)
        shown = lines(done)
        assert len({each["message_id"] for each in shown}) == len(shown) == 13
        assert {each["receive_count"] for each in shown} == {count}
        assert {each["queue"] for each in shown} == {filled}
        types = {each["envelope"]["type"] for each in shown}
        assert types == {"pat.events.v1.EmailReceived", "pat.events.v1.EmailProcessed"}
        assert f"after 3 {filled} moves it to its dead-letter queue" in done.stderr
        assert "at the next receive" not in done.stderr
    last = on_aws("look", filled, "--type", "EmailProcessed", "--idle-timeout", 0)
    assert [each["receive_count"] for each in lines(last)] == [3]
    assert "at the next receive: 13 messages" in last.stderr


@pytest.mark.localstack
def test_only_what_was_shown_is_deleted_and_only_if_asked(on_aws, filled):
    options = [filled, "--idle-timeout", 0, "--format", "event"]
    done = on_aws("look", *options, "--type", "EmailReceived", "--key", "e-3", "--delete")
    assert [each["email_id"] for each in lines(done)] == ["e-3"]
    rest = lines(on_aws("look", *options))
    assert len(rest) == 12
    assert "e-3" not in [each["email_id"] for each in rest if each.get("subject")]


@pytest.mark.localstack
def test_ctrl_c_gives_back_what_is_held(on_aws, filled):
    with on_aws.start("look", filled, "--idle-timeout", 60) as process:
        for _ in range(13):
            assert json.loads(process.stdout.readline())["receive_count"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert len(lines(on_aws("look", filled, "--idle-timeout", 0))) == 13


@pytest.mark.localstack
def test_a_queue_that_is_not_there_is_said(on_aws):
    done = on_aws("look", "no-such-queue")
    assert done.returncode == 1
    assert "there is no queue no-such-queue in us-east-1" in done.stderr


@pytest.mark.parametrize("command", ["look", "consume"])
def test_what_to_look_at_is_named(command):
    result = CliRunner().invoke(app, [command])
    assert result.exit_code == 2
    assert {"look": "'QUEUE'", "consume": "'TOPIC"}[command] in result.output
