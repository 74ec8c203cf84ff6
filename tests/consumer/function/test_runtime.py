"""A function under AWS's own client of the Lambda runtime, as it runs there."""

from __future__ import annotations

import importlib.util

import pytest

from tests.support.invocations import (
    TRACE,
    X_RAY,
    body,
    event_bridge,
    kafka,
    kafka_record,
    record,
    sns,
    sqs,
)
from tests.support.lambda_runtime import running

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("awslambdaric") is None,
    reason="awslambdaric is not installed: it is there for Linux",
)

FUNCTION = """
import asyncio
from pat_events import Handlers, RetryPolicy, lambda_handler
from pat_events.errors import PermanentError
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport

broker = MemoryBroker()
broker.create_topic("pat-emails", 1)
handlers = Handlers()

@handlers.on(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=0.01))
async def process(event, ctx):
    if event.email_id == "bad":
        raise PermanentError("it is bad")
    if event.email_id == "slow":
        await asyncio.sleep(60)
    if event.email_id == "count":
        raise PermanentError(str(len(broker.records("pat-emails"))))
    if event.email_id == "trace":
        raise PermanentError(ctx.envelope.trace.traceparent.decode())
    await ctx.apublish(EmailProcessed(email_id=event.email_id))

handler = lambda_handler(handlers, transport=MemoryTransport(broker))
"""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    folder = tmp_path_factory.mktemp("function")
    (folder / "emails.py").write_text(FUNCTION, "utf-8")
    with running(folder, "emails.handler") as runtime:
        yield runtime


def answered(*failed):
    return "response", {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def test_a_queue_is_told_what_failed(runtime):
    assert runtime.invoke(sqs(body("a"), body("bad"), "foreign")) == answered("m-1", "m-2")


def test_a_topic_is_told_from_where_on(runtime):
    records = [kafka_record(record(each), 0, n) for n, each in enumerate(["a", "bad", "c"])]
    assert runtime.invoke(kafka(records)) == answered({"partition": "mytopic-0", "offset": 1})


def test_what_is_handled_for_sns_and_event_bridge_is_answered_with_nothing(runtime):
    assert runtime.invoke(sns(body("a"))) == ("response", None)
    assert runtime.invoke(event_bridge("a")) == ("response", None)


def test_what_fails_for_them_is_an_error_of_its_class(runtime):
    kind, told = runtime.invoke(event_bridge("bad"))
    assert (kind, told["errorType"], told["errorMessage"]) == (
        "error",
        "PermanentError",
        "it is bad",
    )


def test_what_brings_no_trace_goes_on_in_that_of_its_invocation(runtime):
    _, told = runtime.invoke(sns(body("trace", {"traceparent": b""})), x_ray=X_RAY)
    assert told["errorMessage"] == TRACE.decode()


def test_a_function_that_hangs_answers_before_aws_ends_it(runtime):
    assert runtime.invoke(sqs(body("a"), body("slow")), timeout_s=1.0) == answered("m-1")


def test_one_environment_serves_all_invocations(runtime):
    def published():
        _, told = runtime.invoke(sns(body("count")))
        return int(told["errorMessage"])

    before = published()
    assert runtime.invoke(sqs(body("a"), body("b"))) == answered()
    assert published() == before + 2
