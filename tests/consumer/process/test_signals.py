"""What a real process does when it is told to end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tests.support.services import MEMORY_SERVICE

SERVICE = MEMORY_SERVICE + textwrap.dedent(
    """
    import asyncio, sys, threading, time

    seconds, how = float(sys.argv[1]), sys.argv[2]

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        say("begun")
        time.sleep(seconds)
        say("ended")

    with Producer(config, transport=transport) as producer:
        producer.publish(EmailReceived(email_id="e"))
    group = ConsumerGroup("email-processor", handlers, config=config, transport=transport)
    try:
        group.run() if how == "run" else asyncio.run(group.serve())
    finally:
        say("committed", broker.committed("email-processor").get(("pat-emails", 0)))
    """
)


@pytest.fixture
def service():
    running = []

    def start(seconds, how):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(seconds), how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("how", "number", "exit_code"),
    [
        ("run", signal.SIGTERM, 0),
        ("run", signal.SIGINT, 0),
        ("serve", signal.SIGTERM, 0),
        # asyncio.run handles it: it cancels what it runs, and raises KeyboardInterrupt then.
        ("serve", signal.SIGINT, -signal.SIGINT),
    ],
)
def test_a_signal_lets_the_handler_end_and_commits(service, how, number, exit_code):
    process = service(0.5, how)
    process.send_signal(number)
    said, errors = process.communicate(timeout=60)
    assert (said, process.returncode) == ("ended\ncommitted 1\n", exit_code), errors


@pytest.mark.parametrize("how", ["run", "serve"])
def test_a_second_signal_ends_it_at_once_and_commits_nothing(service, how):
    process = service(60, how)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)  # it waits for the handler
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 30  # The handler takes 60 s.
    assert said == "committed 0\n"
    assert process.returncode == 1
    assert re.search(r"NotDrainedError: .* handlers still at work; .* come again: 1", errors)


TWO_GROUPS = textwrap.dedent(
    """
    import asyncio, os, signal
    from pat_events import Config, ConsumerGroup, Handlers
    from pat_events.catalog.load import load_catalog
    from pat_events.events import EmailReceived
    from pat_events.transports.memory import MemoryBroker, MemoryTransport

    names = ("email-processor", "email-validator")
    broker = MemoryBroker()
    for topic in load_catalog().topics:
        broker.create_topic(topic, 1)
        for name in names:
            broker.create_topic(f"{topic}.{name}.dlq", 1)
    config = Config()

    def group(name):
        handlers = Handlers()
        handlers.on(EmailReceived)(lambda event, ctx: None)
        return ConsumerGroup(name, handlers, config=config, transport=MemoryTransport(broker))

    async def main():
        groups = [group(name) for name in names]
        served = asyncio.gather(*(group.serve() for group in groups))
        while not all(group.running for group in groups):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await served
        handler = signal.getsignal(signal.SIGTERM)
        print([group.running for group in groups], handler is signal.SIG_DFL)

    asyncio.run(main())
    """
)


def test_one_signal_stops_every_group_of_a_process_and_leaves_none_behind():
    done = subprocess.run(
        [sys.executable, "-c", TWO_GROUPS], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[False, False] True\n", done.stderr
