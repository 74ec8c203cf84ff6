"""boto3 and all, against a service that throttles, fails, cuts its answers short and hangs."""

from __future__ import annotations

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

from pat_events import AwsConfig, Config, Producer, Sqs
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
    """SQS, as far as a batch goes; ``fate`` says what becomes of each call."""

    daemon_threads = True

    def __init__(self, fate):
        super().__init__(("127.0.0.1", 0), Handler)
        self.fate = fate
        self.lock = threading.Lock()
        self.over = threading.Event()
        # What it has by id and in its order, and of that what it told so.
        self.taken = []
        self.told = set()
        self.wrong = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Connections are cut on purpose."""

    def take(self, entry):
        key = entry["MessageDeduplicationId"]
        if key in self.told:
            self.wrong.append(f"{key} was sent again although it had been acknowledged")
        self.taken.append((entry["MessageGroupId"], key))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Keep still."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        service = self.server
        with service.lock:
            fate, partly = service.fate()
            groups = Counter(it["MessageGroupId"] for it in body["Entries"])
            if max(groups.values()) > 1:
                service.wrong.append("two of a group are in one call")
            answer = {"Successful": [], "Failed": []}
            for entry in body["Entries"]:
                if fate in ("throttled", "down", "denied"):
                    break
                if partly():
                    it = {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
                    answer["Failed"].append(it)
                    continue
                service.take(entry)
                answer["Successful"].append(
                    {"Id": entry["Id"], "MessageId": entry["MessageDeduplicationId"]}
                )
                if fate == "fine":
                    service.told.add(entry["MessageDeduplicationId"])
        self.respond(fate, answer)

    def respond(self, fate, answer):
        if fate == "hangs":
            self.server.over.wait(1)
            self.close_connection = True
            return
        status = {"throttled": 400, "down": 503, "denied": 403}.get(fate, 200)
        if fate == "throttled":
            answer = {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}
        if fate == "denied":
            answer = {"__type": "com.amazonaws.sqs#AccessDenied", "message": "no"}
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


def publisher(running, **settings):
    config = Config(**{"connect_timeout_s": 0, "buffer_events": 50} | settings)
    return Producer(config, transport=Sqs(URL, AwsConfig(endpoint_url=running.address, **QUICK)))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_it_does_nothing_is_lost_or_sent_in_vain_and_keys_keep_their_order(seed):
    dice = random.Random(seed)  # noqa: S311 - the same each time
    fates = ["throttled", "down", "cut", "nonsense", "hangs"] + ["fine"] * 10

    def fate():
        return dice.choice(fates), lambda: dice.random() < 0.2

    with service(fate) as running:
        producer = publisher(running)
        acks = [producer.publish(EmailReceived(email_id=f"k{n % 11}")) for n in range(200)]
        producer.close(60)
        assert [it.error for it in acks if it.error] == []
        assert running.wrong == []
    assert {key for _, key in running.taken} == {it.event_id for it in acks}
    for number in range(11):
        arrived = dict.fromkeys(key for group, key in running.taken if group == f"k{number}")
        assert list(arrived) == [it.event_id for it in acks[number::11]]


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


def test_what_is_not_permitted_fails_at_once_and_names_right_and_queue():
    with service(lambda: ("denied", lambda: False)) as running:
        producer = publisher(running)
        ack = producer.publish(EmailReceived(email_id="k"))
        with pytest.raises(NotPermittedError, match=r"queue q.fifo in us-east-1.*sqs:SendMessage"):
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
