"""A producer and topics, on LocalStack."""

from __future__ import annotations

import json
import uuid

import pytest

from pat_events import AwsConfig, Config, Producer, Sns
from pat_events.errors import ConfigError, RecordTooLargeError, TopicMissingError
from pat_events.events import EmailProcessed, EmailReceived

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("aws_credentials")]


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


@pytest.fixture
def clients(aws):
    made = aws.client("sns"), aws.client("sqs")
    yield made
    for client in made:
        client.close()


@pytest.fixture
def topic_and_queue(clients):
    """A topic, and a queue that gets of it what is an e-mail received."""
    sns, sqs = clients
    name = f"t-{uuid.uuid4().hex[:10]}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    policy = json.dumps({"ce_type": ["pat.events.v1.EmailReceived"]})
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": policy}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"], Attributes=attributes)
    yield topic, url
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)


def test_a_filter_policy_chooses_by_type_and_the_rest_is_as_in_sqs(
    clients, topic_and_queue, aws_config
):
    topic, url = topic_and_queue
    with Producer(transport=Sns(topic, aws_config)) as producer:
        producer.publish(EmailProcessed(email_id="e-1"))
        ack = producer.publish(EmailReceived(email_id="e-2"))
        assert ack.result(30).topic == topic.rpartition(":")[2]
    answer = clients[1].receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5, MessageAttributeNames=["All"]
    )
    (message,) = answer["Messages"]
    body = json.loads(message["Body"])
    assert (body["id"], body["data"]["email_id"]) == (ack.event_id, "e-2")
    assert message["MessageAttributes"]["ce_id"]["StringValue"] == ack.event_id


def test_a_topic_that_is_not_there_is_told_at_the_start_and_fails_events(aws_config):
    missing = Sns("arn:aws:sns:us-east-1:000000000000:no-such-topic", aws_config)
    with pytest.raises(TopicMissingError, match=r"there is no topic no-such-topic in us-east-1"):
        Producer(transport=missing)
    producer = Producer(Config(connect_timeout_s=0), transport=missing)
    with pytest.raises(TopicMissingError):
        producer.publish(EmailReceived(email_id="e-1")).result(30)
    producer._sender.close(5)


def test_what_is_above_256_kib_is_refused_when_it_is_published(topic_and_queue, aws_config):
    with (
        Producer(transport=Sns(topic_and_queue[0], aws_config)) as producer,
        pytest.raises(
            RecordTooLargeError, match=r"SNS takes 262144: set PAT_EVENTS_CLAIM_CHECK_BUCKET"
        ),
    ):
        producer.publish(EmailReceived(email_id="e-1", text_body="x" * 262_000))


@pytest.mark.parametrize("topic", ["", "emails", "arn:aws:sqs:us-east-1:000000000000:q"])
def test_what_is_no_topic_is_refused(topic):
    with pytest.raises(ConfigError, match="give its ARN, arn:aws:sns:REGION:ACCOUNT:NAME"):
        Sns(topic)
