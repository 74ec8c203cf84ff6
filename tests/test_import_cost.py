"""What a module of handlers waits for before it can register the first."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.invocations import body, sqs

# Every command and every test of a service imports its handlers, most of them to use no client.
# A name that joins this list is paid for by all of them: import what is needed for a call, a client
# or a file where that is made, or for type checkers alone.
LOADED = [
    "pat_events",
    "pat_events.consumer",
    "pat_events.consumer.breaker",
    "pat_events.consumer.callables",
    "pat_events.consumer.context",
    "pat_events.consumer.gate",
    "pat_events.consumer.handlers",
    "pat_events.core",
    "pat_events.core.checks",
    "pat_events.core.envelope",
    "pat_events.core.headers",
    "pat_events.core.recovery",
    "pat_events.core.recovery.breaker",
    "pat_events.core.recovery.circuit",
    "pat_events.core.recovery.retry",
    "pat_events.core.trace_context",
    "pat_events.errors",
    "pat_events.lazy",
]
# Of the standard library, what takes longer than all of that.
SLOW = {"asyncio", "concurrent.futures", "email", "http", "logging", "socket", "ssl", "subprocess"}
LIMIT_S = 0.06
PROGRAM = """
import json, sys, time
began, before = time.process_time(), set(sys.modules)
from pat_events import Context, Handlers, RetryPolicy
from pat_events.errors import TransientError
took_s = time.process_time() - began
print(json.dumps([sorted(set(sys.modules) - before), took_s]))
"""


def imported() -> tuple[set[str], float]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    modules, took_s = json.loads(ended.stdout)
    return set(modules), took_s


def test_handlers_load_these_modules_and_no_client():
    modules, _ = imported()
    foreign = {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names}
    assert sorted(foreign) == LOADED, "see above the list for what to do"
    assert modules & SLOW == set(), "import it where it is needed, which Handlers is not"


def test_handlers_are_there_in_60_ms_of_work():
    assert min(imported()[1] for _ in range(3)) < LIMIT_S


# What a function does not import before its first event: clients are loaded when one is made, and
# what checks a catalogue where it is not the packaged one.
UNUSED = {"boto3", "botocore", "confluent_kafka", "jsonschema", "opentelemetry", "rich", "typer"}
FUNCTION_LIMIT_S = 0.6
FUNCTION = """
import json, sys, time
began = time.process_time()
from pat_events import Handlers, lambda_handler
from pat_events.events import EmailReceived
handlers = Handlers()
handlers.on(EmailReceived)(lambda event, ctx: None)
handler = lambda_handler(handlers)
event = json.loads(sys.argv[1])
answer = handler(event, None)
took_s = time.process_time() - began
print(json.dumps([sorted(sys.modules), took_s, answer]))
"""


def test_a_lambda_function_loads_what_it_uses_and_answers_within_600_ms_of_work():
    took = []
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", FUNCTION, json.dumps(sqs(body("e-1")))],
            capture_output=True,
            text=True,
            check=True,
        )
        modules, took_s, answer = json.loads(ended.stdout)
        assert answer == {"batchItemFailures": []}
        assert {name.partition(".")[0] for name in modules} & UNUSED == set()
        took.append(took_s)
    assert min(took) < FUNCTION_LIMIT_S
