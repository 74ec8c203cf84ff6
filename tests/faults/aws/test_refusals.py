"""What AWS refuses for good: rights, credentials and regions, as the proxy fakes them.

LocalStack checks none of that, so these answers are those that AWS documents, not its own.
"""

from __future__ import annotations

import pytest

from pat_events import AwsConfig, Config, Producer, QueueConsumer, Sqs, SqsQueue
from pat_events.errors import (
    AuthenticationError,
    NotPermittedError,
    TopicMissingError,
    TransportError,
)
from pat_events.events import EmailReceived
from tests.support.fault_proxy import FINE, Fate
from tests.support.queues import left, send_numbered
from tests.support.waiting import until

pytestmark = pytest.mark.localstack
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessageBatch"
REFUSALS = [
    ("AccessDenied", NotPermittedError, "not permitted .*grant .*(PutEvents|SendMessage|Publish)"),
    ("ExpiredToken", AuthenticationError, "give boto3 valid credentials"),
    ("InvalidSignatureException", AuthenticationError, "set the clock right"),
    ("NotFoundException", TopicMissingError, "create it, or correct its name, region"),
    ("KMSDisabled", TransportError, "its KMS key cannot be used .*enable it"),
]
CODES = [code for code, _, _ in REFUSALS]
# Characters that JSON escapes, that XML 1.0 cannot carry, and that are large.
ODD = "\x00\x1b\x7f\ufffe\uffff\U0001f4e7 é"


def refuse(code, *operations):
    return lambda call: Fate(refused=(403, code)) if call.operation in operations else FINE


@pytest.mark.parametrize(("code", "kind", "words"), REFUSALS, ids=CODES)
@pytest.mark.parametrize("target", ["sqs fifo", "sns", "eventbridge"], indirect=True)
def test_an_event_fails_at_once_and_names_the_place_and_what_to_do(
    target, proxy, code, kind, words
):
    proxy.schedule = lambda call: Fate(refused=(403, code))
    aws = AwsConfig(region="us-east-1", endpoint_url=proxy.address)
    producer = Producer(Config(connect_timeout_s=0), transport=target.transport(aws))
    ack = producer.publish(EmailReceived(email_id="k"))
    with pytest.raises(kind, match=words) as raised:
        ack.result(5)
    assert f"{target.transport(aws).address} in us-east-1" in str(raised.value)
    producer._sender.close(5)


def test_whatever_text_an_event_has_it_arrives(target, proxy):
    aws = AwsConfig(region="us-east-1", endpoint_url=proxy.address)
    with Producer(transport=target.transport(aws)) as producer:
        ack = producer.publish(EmailReceived(email_id=ODD, subject=ODD))
        assert ack.result(30)
    assert target.read(1) == [(ODD.encode(), ODD)]


@pytest.fixture
def consumer(proxy, make_queue, service, quick):
    queue = make_queue()
    aws = AwsConfig(region="us-east-1", endpoint_url=proxy.address)
    consumer = QueueConsumer(SqsQueue(queue.queue.name, aws), service.handlers, config=Config())
    consumer.of = queue
    return consumer


def test_another_region_has_no_such_queue_and_the_region_is_named(proxy, make_queue, service):
    name = make_queue().queue.name
    elsewhere = AwsConfig(region="eu-west-1", endpoint_url=proxy.address)
    words = f"there is no queue {name} in eu-west-1 .*correct its name, region"
    with pytest.raises(TopicMissingError, match=words):
        Producer(transport=Sqs(name, elsewhere))
    consumer = QueueConsumer(SqsQueue(name, elsewhere), service.handlers, config=Config())
    with pytest.raises(TopicMissingError, match=words):
        consumer.start()


def test_a_consumer_without_credentials_is_told_what_to_give(consumer, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(AuthenticationError, match=r"receiving from queue .*give boto3 valid"):
        consumer.start()


@pytest.mark.parametrize(("code", "kind", "words"), REFUSALS[:4], ids=CODES[:4])
def test_a_consumer_that_is_refused_says_so_when_it_starts(proxy, consumer, code, kind, words):
    proxy.schedule = lambda call: Fate(refused=(403, code))
    words = words.replace("SendMessage", "sqs:ReceiveMessage.* on it")
    with pytest.raises(kind, match=words) as raised:
        consumer.start()
    assert f"queue {consumer.of.queue.name} in us-east-1" in str(raised.value)
    assert not consumer.running


@pytest.mark.parametrize(
    ("operation", "code"), [(RECEIVE, "AccessDenied"), (DELETE, "ExpiredToken")]
)
def test_a_consumer_that_is_refused_later_goes_on_when_it_may_and_deletes_what_it_handled(
    proxy, sqs, consumer, service, caplog, operation, code
):
    with consumer:
        until(lambda: proxy.history.named(RECEIVE))
        proxy.schedule = refuse(code, operation)
        until(lambda: len(proxy.history.named(RECEIVE)) > 1)
        send_numbered(sqs, consumer.of, 10)
        until(lambda: [it for it in proxy.history.seen if it.fate != FINE])
        assert left(sqs, consumer.of) == 10
        proxy.heal()
        until(lambda: left(sqs, consumer.of) == 0, every_s=0.02)
    assert service.numbers() == list(range(10))
    told = [it.getMessage() for it in caplog.records if it.name == "pat_events.consumer"]
    assert len(told) == 1
    assert f"queue {consumer.of.queue.name} in us-east-1" in told[0]
