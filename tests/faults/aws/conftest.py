"""LocalStack behind a proxy that makes trouble."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from pat_events import AwsConfig, Handlers
from pat_events.events import EmailReceived
from tests.support.fault_proxy import FaultProxy
from tests.support.queues import QueueInSqs
from tests.support.senders import ON_AWS


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
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def proxy(localstack_url, stack, aws_credentials):
    return stack.enter_context(FaultProxy(localstack_url))


@pytest.fixture(params=list(ON_AWS))
def target(request, aws, proxy, stack):
    """Somewhere to send to, made and read past the proxy; ``transport`` makes what sends."""
    target = ON_AWS[request.param](aws, proxy.address)
    stack.callback(target.close)
    target.prepare()
    return target


@pytest.fixture
def sqs(aws, stack):
    return stack.enter_context(closing(aws.client("sqs")))


@pytest.fixture
def quick(monkeypatch):
    """Messages may be kept for a second only, and a call waits no longer for one."""
    monkeypatch.setattr("pat_events.consumer.queue.limits._LEAST_VISIBILITY_S", 1)
    monkeypatch.setattr("pat_events.consumer.queue.intake.RECEIVE_S", 1.0)
    monkeypatch.setattr("pat_events.transports.aws.sqs_receiver._MAX_WAIT_S", 1)


@pytest.fixture
def make_queue(sqs, localstack_url, stack, aws_credentials):
    """Makes queues, and sends to them and reads them past the proxy."""
    config = AwsConfig(region="us-east-1", endpoint_url=localstack_url)

    def make(**settings):
        queue = QueueInSqs(sqs, config, **{"max_receives": 1_000, **settings})
        stack.callback(queue.remove)
        stack.callback(queue.receiver.release)
        return queue

    return make
