"""boto3 and all, against a service that throttles, fails, cuts its answers short and hangs."""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pat_events import AwsConfig, Config, EventBridge, Producer, Sqs
from pat_events.errors import NotPermittedError, TransportTimeoutError
from pat_events.events import EmailReceived

pytestmark = pytest.mark.usefixtures("aws_credentials")
QUICK = {
    "region": "us-east-1",
    "client_attempts": 1,
    "linger_s": 0.002,
    "retry_first_s": 0.01,
    "retry_max_s": 0.05,
    "read_timeout_s": 0.3,
}
URL = "http://sqs/000000000000/q.fifo"


class Service(ThreadingHTTPServer):
    """Batches of SQS and of EventBridge; ``fate`` says what becomes of each call."""

    daemon_threads = True

    def __init__(self, fate):
        super().__init__(("127.0.0.1", 0), Handler)
        self.fate = fate
        self.lock = threading.Lock()
        self.over = threading.Event()
        # What it has, in its order, by group and id; and of that what it told so.
        self.taken = []
        self.told = set()
        self.wrong = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Connections are cut on purpose."""

    def answer(self, entries):
        """Return what becomes of the call, and of each entry its id, or None where it failed."""
        fate, fails = self.fate()
        groups = Counter(group for group, _ in entries if group)
        if max(groups.values(), default=0) > 1:
            self.wrong.append("two of a group are in one call")
        answers = []
        for group, key in entries:
            taken = fate not in ("throttled", "down", "denied") and not fails()
            answers.append(key if taken else None)
            if taken:
                if key in self.told:
                    self.wrong.append(f"{key} was sent again although it had been acknowledged")
                self.taken.append((group, key))
                if fate == "fine":
                    self.told.add(key)
        return fate, answers


def of_sqs(body):
    return [(it["MessageGroupId"], it["MessageDeduplicationId"]) for it in body["Entries"]]


def sqs_says(answers):
    failed = {"Code": "InternalError", "SenderFault": False}
    return {
        "Successful": [{"Id": str(n), "MessageId": it} for n, it in enumerate(answers) if it],
        "Failed": [{"Id": str(n)} | failed for n, it in enumerate(answers) if not it],
    }


def of_eventbridge(body):
    return [(None, json.loads(it["Detail"])["cloudevent"]["id"]) for it in body["Entries"]]


def eventbridge_says(answers):
    failed = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
    return {"Entries": [{"EventId": it} if it else failed for it in answers]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Keep still."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_bus = self.headers["x-amz-target"].endswith("PutEvents")
        with self.server.lock:
            entries = (of_eventbridge if is_bus else of_sqs)(body)
            fate, answers = self.server.answer(entries)
        self.respond(fate, (eventbridge_says if is_bus else sqs_says)(answers))

    def respond(self, fate, answer):
        if fate == "hangs":
            self.server.over.wait(1)
            self.close_connection = True
            return
        status = {"throttled": 400, "down": 503, "denied": 403}.get(fate, 200)
        if fate == "throttled":
            answer = {"__type": "com.amazonaws#RequestThrottled", "message": "slow down"}
        if fate == "denied":
            answer = {"__type": "com.amazonaws#AccessDenied", "message": "no"}
        text = b"<html>busy</html>" if fate in ("down", "nonsense") else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if fate == "cut":
            self.wfile.write(text[: len(text) // 2])
            self.close_connection = True
        else:
            self.wfile.write(text)


@contextmanager
def service(fate):
    running = Service(fate)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield running
    finally:
        running.over.set()
        running.shutdown()
        thread.join()
        running.server_close()


def queue(address):
    return Sqs(URL, AwsConfig(endpoint_url=address, **QUICK))


def bus(address):
    return EventBridge("pat", AwsConfig(endpoint_url=address, **QUICK))


def publisher(running, to=queue, **settings):
    config = Config(**{"connect_timeout_s": 0, "buffer_events": 50} | settings)
    return Producer(config, transport=to(running.address))


@pytest.mark.parametrize("to", [queue, bus])
def test_whatever_it_does_nothing_is_lost_or_sent_in_vain_and_keys_keep_their_order(to):
    dice = random.Random(1)  # noqa: S311 - the same each time
    fates = ["throttled", "down", "cut", "nonsense", "hangs"] + ["fine"] * 10

    def fate():
        return dice.choice(fates), lambda: dice.random() < 0.2

    with service(fate) as running:
        producer = publisher(running, to)
        acks = [producer.publish(EmailReceived(email_id=f"k{n % 11}")) for n in range(200)]
        producer.close(60)
        assert [it.error for it in acks if it.error] == []
        assert running.wrong == []
    assert {key for _, key in running.taken} == {it.event_id for it in acks}
    for number in range(11 if to is queue else 0):
        arrived = dict.fromkeys(key for group, key in running.taken if group == f"k{number}")
        assert list(arrived) == [it.event_id for it in acks[number::11]]


@pytest.mark.parametrize("to", [queue, bus])
def test_nothing_is_kept_of_what_was_acknowledged(to):
    with service(lambda: ("fine", lambda: False)) as running:
        producer = publisher(running, to, buffer_events=1_000)
        kept = []
        for _ in range(3):
            for n in range(1_000):
                producer.publish(EmailReceived(email_id=f"k{n}"))
            assert producer.flush(30) is None
            running.taken.clear()
            running.told.clear()
            gc.collect()
            kept.append(len(gc.get_objects()))
        producer.close(5)
    assert kept[2] - kept[1] < 500, kept


@pytest.mark.parametrize("fate", ["down", "hangs", "cut", "nonsense"])
def test_an_outage_ends_in_time_and_says_what_was_wrong(fate):
    with service(lambda: (fate, lambda: False)) as running:
        producer = publisher(running, delivery_timeout_s=0.7)
        began = time.monotonic()
        ack = producer.publish(EmailReceived(email_id="k"))
        with pytest.raises(TransportTimeoutError, match=r"may still be delivered; last failure: "):
            ack.result(30)
        assert time.monotonic() - began < 10
        producer._sender.close(0)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (queue, r"queue q.fifo in us-east-1.*sqs:SendMessage"),
        (bus, r"bus pat in us-east-1.*events:PutEvents"),
    ],
)
def test_what_is_not_permitted_fails_at_once_and_names_right_and_place(to, words):
    with service(lambda: ("denied", lambda: False)) as running:
        producer = publisher(running, to)
        ack = producer.publish(EmailReceived(email_id="k"))
        with pytest.raises(NotPermittedError, match=words):
            ack.result(30)
        producer._sender.close(5)


def test_a_process_that_ends_without_close_waits_for_what_it_has_published():
    program = f"""
from pat_events import AwsConfig, Config, Producer, Sqs
from pat_events.events import EmailReceived
aws = AwsConfig(region="us-east-1", endpoint_url=ADDRESS, linger_s=60.0)
producer = Producer(Config(connect_timeout_s=0), transport=Sqs({URL!r}, aws))
for n in range(25):
    producer.publish(EmailReceived(email_id=f"k{{n}}"))
"""
    with service(lambda: ("fine", lambda: False)) as running:
        code = program.replace("ADDRESS", repr(running.address))
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert {group for group, _ in running.taken} == {f"k{n}" for n in range(25)}
