"""Consumers of a queue through a proxy that throttles, fails in part, cuts and hangs."""

from __future__ import annotations

import json
import random

import pytest

from pat_events import AwsConfig, Config, Handlers, QueueConsumer, SqsQueue
from pat_events.events import EmailReceived
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    DOWN,
    FINE,
    NONSENSE,
    SILENT,
    SILENT_AFTER,
    THROTTLED,
    Fate,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("quick")]
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessageBatch"
EXTEND = "ChangeMessageVisibilityBatch"
KEYS = 7


def send(sqs, queue, count, groups=KEYS):
    """Numbered events, each in the group of its key."""
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
        assert not sqs.send_message_batch(QueueUrl=queue.url, Entries=entries).get("Failed")


def left(sqs, queue):
    """How many messages a queue has, kept ones as well."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
    return sum(int(value) for value in answer["Attributes"].values())


class Service:
    """Handlers that know what they were called for."""

    def __init__(self):
        self.called = []
        self.handlers = Handlers()
        self.wait = lambda: None

        @self.handlers.on(EmailReceived)
        def handle(event, ctx):
            self.called.append((event.email_id, int(event.subject)))
            self.wait()

    def numbers(self):
        return sorted(number for _, number in self.called)

    def keys_in_order(self):
        """Whether each key's events came in their order, repeats aside."""
        first = dict.fromkeys(self.called)
        return all(
            [n for k, n in first if k == key] == sorted(n for k, n in first if k == key)
            for key, _ in first
        )


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def consume(proxy, stack):
    def start(queue, handlers, *, stop=True, **settings):
        aws = AwsConfig(
            region="us-east-1", endpoint_url=proxy.address, client_attempts=1, read_timeout_s=0.5
        )
        settings = {"visibility_s": 2, "drain_timeout_s": 5.0, **settings}
        consumer = QueueConsumer(
            SqsQueue(queue.queue.name, aws), handlers, config=Config(), **settings
        )
        consumer.start()
        if stop:
            stack.callback(consumer.stop)
            stack.callback(proxy.heal)
        return consumer

    return start


def dice(seed):
    """Trouble for every fifth call; what waits for messages hangs never, as that takes long."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    kinds = [THROTTLED, DOWN, CUT_BEFORE, CUT_AFTER, NONSENSE]

    def schedule(call):
        if call.operation not in (RECEIVE, DELETE, EXTEND):
            return FINE
        if chance.random() < 0.2:
            more = [] if call.operation == RECEIVE else [SILENT, SILENT_AFTER]
            return chance.choice(kinds + more)
        failed = [n for n in range(len(call.names)) if chance.random() < 0.1]
        return Fate(failed=frozenset(failed))

    return schedule


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_whatever_fails_each_is_handled_before_it_is_deleted_and_keys_keep_their_order(
    make_queue, sqs, proxy, service, consume, fifo
):
    queue = make_queue(fifo=fifo)
    send(sqs, queue, 40)
    proxy.schedule = dice(2)
    consume(queue, service.handlers)
    until(lambda: left(sqs, queue) == 0, 60, every_s=0.1)
    assert set(service.numbers()) == set(range(40))
    assert not fifo or service.keys_in_order()
