"""Processes that are killed in the middle of their work with a queue."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.queues import left, send_numbered
from tests.support.waiting import until

pytestmark = pytest.mark.localstack
HERE = Path(__file__).parent


@pytest.fixture
def start(localstack_url, stack, tmp_path, aws_credentials):
    """Starts one of the programs beside this file, and returns it with the lines it writes."""

    def start(program, queue):
        file = tmp_path / program
        command = [sys.executable, str(HERE / program), queue.queue.name, localstack_url, str(file)]
        process = subprocess.Popen(command)
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process, lambda: file.read_text().splitlines() if file.exists() else []

    return start


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def test_a_consumer_that_is_killed_has_deleted_only_what_it_handled_and_loses_nothing(
    make_queue, sqs, start
):
    queue = make_queue(fifo=True)
    sent = [f"k{n % 7} {n}" for n in range(60)]
    send_numbered(sqs, queue, 60, groups=7)
    for enough in (10, 25):
        process, handled = start("consumer_process.py", queue)
        until(lambda enough=enough, handled=handled: len(handled()) >= enough)
        kill(process)
        assert left(sqs, queue) >= len(sent) - len(set(handled()))
    process, handled = start("consumer_process.py", queue)
    until(lambda: left(sqs, queue) == 0, every_s=0.05)
    process.terminate()
    assert process.wait(30) == 0
    assert set(handled()) == set(sent)
    first = list(dict.fromkeys(handled()))
    for key in range(7):
        assert [it for it in first if it.startswith(f"k{key} ")] == sent[key::7]


def test_what_was_acknowledged_before_a_producer_is_killed_is_in_the_queue(make_queue, sqs, start):
    queue = make_queue()
    process, acknowledged = start("producer_process.py", queue)
    until(lambda: len(acknowledged()) > 100)
    kill(process)
    ids = set()
    while got := queue.receive():
        ids |= {json.loads(message.value)["id"] for message in got}
    assert set(acknowledged()) <= ids
