"""AWS's buses and queues: bare boto3 in threads, and our senders and consumer.

Bare boto3 is as it comes, with as many threads and connections, and its entries are made
beforehand: what is beyond it is all that ours does. Our client does without boto3's check of
parameters; *tuned* is bare boto3 without it, too.
"""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config as BotoConfig

from pat_events import (
    AwsConfig,
    Config,
    Context,
    EventBridge,
    Handlers,
    Producer,
    QueueConsumer,
    Sns,
    Sqs,
    SqsQueue,
)
from pat_events.events import EmailReceived
from pat_events.transports.aws.client import Clients
from perf.load import events
from perf.publishing import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.transports.sending import SendingTransport

FLUSH_S: Final = 120.0
REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
BATCH: Final = 10
# Bare receivers: as many as our consumer has at its fastest.
RECEIVERS: Final = 10
_SERVICES: Final = {"eventbridge": "events", "sqs": "sqs", "sns": "sns"}


def aws(endpoint: str) -> AwsConfig:
    """Return the settings of all of them."""
    return AwsConfig(region=REGION, endpoint_url=endpoint)


def queue_url(endpoint: str, name: str) -> str:
    """Return where a queue is."""
    return f"{endpoint}/{ACCOUNT}/{name}"


def _transport(bus: str, endpoint: str, name: str) -> SendingTransport:
    if bus == "eventbridge":
        return EventBridge(name, aws(endpoint))
    if bus == "sqs":
        return Sqs(queue_url(endpoint, name), aws(endpoint))
    return Sns(f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}", aws(endpoint))


def send_raw(
    bus: str, endpoint: str, name: str, count: int, *, tuned: bool = False
) -> dict[str, float]:
    """Send what our sender would, in calls of ten from as many threads.

    Args:
        bus: ``eventbridge``, ``sqs`` or ``sns``.
        endpoint: Where.
        name: Of the bus, queue or topic.
        count: How many events.
        tuned: With the settings of our own client, and not as boto3 comes.
    """
    fields = [dict(it) for it in _entries(bus, endpoint, name, count + BATCH)]
    for number, entry in enumerate(fields):
        if bus != "eventbridge":
            entry["Id"] = str(number % BATCH)
    calls = [fields[at : at + BATCH] for at in range(0, len(fields), BATCH)]
    config = aws(endpoint)
    client = Clients(_SERVICES[bus], config).make() if tuned else _plain(_SERVICES[bus], endpoint)
    send = _sends(bus, client, queue_url(endpoint, name), name)
    with ThreadPoolExecutor(config.calls_in_flight) as pool:
        send(calls[0])
        clock = _Clock()
        errors = sum(pool.map(send, calls[1:]))
        return clock.result(count, errors)


def _plain(service: str, endpoint: str) -> Any:
    """Return a client as boto3 makes it, with a connection for each thread."""
    threads = max(AwsConfig().calls_in_flight, RECEIVERS)
    session = boto3.session.Session(region_name=REGION)
    return session.client(
        service, endpoint_url=endpoint, config=BotoConfig(max_pool_connections=threads)
    )


def _sends(bus: str, client: Any, url: str, name: str) -> Callable[[list[Any]], int]:
    """Return what makes a call, and tells how many entries of it failed."""
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"

    def put_events(entries: list[Any]) -> int:
        failed: int = client.put_events(Entries=entries)["FailedEntryCount"]
        return failed

    def send_message_batch(entries: list[Any]) -> int:
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        return len(entries) - len(answer["Successful"])

    def publish_batch(entries: list[Any]) -> int:
        answer = client.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
        return len(entries) - len(answer["Successful"])

    return {"eventbridge": put_events, "sqs": send_message_batch, "sns": publish_batch}[bus]


def _entries(bus: str, endpoint: str, name: str, count: int) -> list[Any]:
    """Return the entries that our sender makes."""
    sender: Any = _transport(bus, endpoint, name).sender(Config())
    wrap = sender._bus.wrap  # noqa: SLF001 - the same bytes, whoever sends them
    found = [wrap(it).fields for it in outgoing(Config(), count)]
    sender.close(0)
    return found


def message(number: str) -> dict[str, Any]:
    """Return a message as SQS hands it out, under this id."""
    fields = _entries("sqs", "http://127.0.0.1:1", "perf", 1)[0]
    attributes = {"SentTimestamp": "0", "ApproximateReceiveCount": "1"}
    return {
        "MessageId": number,
        "ReceiptHandle": number,
        "Attributes": attributes,
        "Body": fields["MessageBody"],
        "MessageAttributes": fields["MessageAttributes"],
    }


def send_ours(bus: str, endpoint: str, name: str, count: int) -> dict[str, float]:
    """Publish events, each with its envelope and handle, and wait for all acknowledgements."""
    batch = list(events(count))
    config = Config(connect_timeout_s=0)
    with Producer(config, transport=_transport(bus, endpoint, name)) as producer:
        producer.publish(EmailReceived(email_id="warm")).result(FLUSH_S)
        publish = producer.publish
        clock = _Clock()
        for event in batch:
            publish(event)
        producer.flush(FLUSH_S)  # Raises if one event is missing.
        return clock.result(count, 0)


def receive_raw(endpoint: str, name: str, count: int) -> dict[str, float]:
    """Receive and delete in calls of ten; what is in the messages is not looked at."""
    client = _plain("sqs", endpoint)
    url = queue_url(endpoint, name)
    client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    lock, left, deadline = threading.Lock(), count, time.monotonic() + FLUSH_S
    clock = _Clock()

    def receive(_: int) -> None:
        nonlocal left
        while left > 0 and time.monotonic() < deadline:
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=1,
                VisibilityTimeout=60,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", ())
            if not messages:
                continue
            receipts = [
                {"Id": str(n), "ReceiptHandle": it["ReceiptHandle"]}
                for n, it in enumerate(messages)
            ]
            client.delete_message_batch(QueueUrl=url, Entries=receipts)
            with lock:
                left -= len(messages)

    with ThreadPoolExecutor(RECEIVERS) as pool:
        asking = [pool.submit(receive, number) for number in range(RECEIVERS)]
        while left > 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        result = clock.result(count, 0)
    for each in asking:
        each.result()
    return {**result, "errors": abs(left)}


def receive_ours(endpoint: str, name: str, count: int) -> dict[str, float]:
    """Receive, unwrap, decode, call a handler, delete."""
    handlers = Handlers()
    handled = 0
    done = threading.Event()

    @handlers.on(EmailReceived)
    def handle(event: EmailReceived, ctx: Context) -> None:
        # One thread at a time is inside, nearly always: the consumer's own count is what is told.
        nonlocal handled
        handled += 1
        if handled >= count:
            done.set()

    consumer = QueueConsumer(SqsQueue(queue_url(endpoint, name), aws(endpoint)), handlers)
    with consumer:
        clock = _Clock()  # Once it is let in, which takes a client and a question, as above.
        deadline = time.monotonic() + FLUSH_S
        # Not looked at meanwhile, which would cost as much as the engine.
        done.wait(FLUSH_S)
        while consumer.stats().handled < count and time.monotonic() < deadline:
            time.sleep(0.001)
        result = clock.result(count, 0)
    return {**result, "errors": abs(count - consumer.stats().handled)}


class _Clock:
    """CPU time of the whole process and time, since it was made."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()  # What was prepared is not part of the measurement.
        self._began_s, self._cpu_s = time.perf_counter(), time.process_time()

    def result(self, count: int, errors: int) -> dict[str, float]:
        """Return what so many events took until now."""
        gc.unfreeze()
        cpu_s, took_s = time.process_time() - self._cpu_s, time.perf_counter() - self._began_s
        return {"cpu_us": cpu_s / count * 1e6, "events_per_s": count / took_s, "errors": errors}
