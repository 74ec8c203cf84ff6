"""Processes and brokers that die under load."""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from pat_events import Handlers, KafkaConfig
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.transports.kafka import KafkaTransport
from tools.stack import Kafka, StackError

pytestmark = pytest.mark.kafka
SERVICE = Path(__file__).with_name("service.py")
EVENTS = 3_000
OUTAGE_S = 10.0


@pytest.fixture
def own_kafka():
    """One broker to kill; asked for before ``make_ground``, so that it outlives the topics."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(Kafka())
        except StackError as problem:
            if "kafka" in os.environ.get("PAT_EVENTS_TEST_REQUIRE", "").replace("all", "kafka"):
                pytest.fail(f"no kafka: {problem}", pytrace=False)
            pytest.skip(f"no kafka: {problem}")
        yield cluster


@pytest.mark.parametrize(
    ("protocol", "instance", "kills"),
    [("classic", "one", 4), ("consumer", "-", 2)],
    ids=["classic, static member", "KIP-848"],
)
def test_a_process_killed_in_the_middle_of_its_work_loses_nothing(
    ground, stack, tmp_path, protocol, instance, kills
):
    chance = random.Random(kills)  # noqa: S311
    file = tmp_path / "handled"
    file.touch()
    names = [f"k{number % 97}/{number}" for number in range(EVENTS)]
    producer = ground.producer()
    for name in names:
        key, _, subject = name.partition("/")
        producer.publish(EmailReceived(email_id=key, subject=subject))
    producer.flush(30)

    def start():
        command = [sys.executable, str(SERVICE), ground.servers, str(ground.catalog), "first"]
        process = subprocess.Popen([*command, protocol, instance, str(file)])
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    def handled():
        return file.read_text().splitlines()

    for _ in range(kills):
        process = start()
        enough = len(handled()) + chance.randint(1, EVENTS // (kills + 2))
        ground.until(lambda enough=enough: len(handled()) >= enough, 60, every_s=0.002)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        # Never past what was handled: an offset that is committed needs no second reading.
        assert sum(ground.committed().values()) <= len(set(handled()))
    process = start()
    ground.until(lambda: ground.committed() == ground.ends(), 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0

    seen = handled()
    assert set(seen) == set(names)
    assert len(seen) < 2 * EVENTS  # what a kill repeats is what one commit interval holds
    first_times = {name: seen.index(name) for name in names}
    for key in range(97):
        own = [first_times[name] for name in names if name.startswith(f"k{key}/")]
        assert own == sorted(own)  # each key in order, repeats aside


def test_a_broker_that_is_gone_for_a_while_under_load_costs_nothing_but_time(
    own_kafka, make_ground, stack, caplog
):
    ground = make_ground(own_kafka.bootstrap_servers)
    handled, answered = set(), set()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id))
        handled.add(event.email_id)

    @handlers.on(EmailProcessed)
    def answer(event, ctx):
        answered.add(event.email_id)

    group = ground.group(handlers)
    producer = ground.producer()
    stop = threading.Event()
    acks = []

    def publish():
        while not stop.wait(0.002):
            acks.append(producer.publish(EmailReceived(email_id=f"e{len(acks)}")))

    publisher = threading.Thread(target=publish)
    publisher.start()
    stack.callback(publisher.join)
    stack.callback(stop.set)
    ground.until(lambda: len(answered) > 500)

    caplog.set_level(logging.INFO)
    caplog.clear()
    own_kafka.kill(1)
    threading.Event().wait(OUTAGE_S)  # the outage itself
    own_kafka.start(1)
    before = len(acks)
    ground.until(lambda: len(acks) > before + 500 and acks[before].done(), 30)
    stop.set()
    publisher.join()

    for ack in acks:
        ack.result(timeout=30)
    names = {f"e{number}" for number in range(len(acks))}
    ground.until(lambda: handled == names and answered == names, 60)
    ground.until(lambda: ground.committed() == ground.ends(), 30)
    assert group.running
    quiet = ("pat_events.consumer", "pat_events.producer", "pat_events.kafka.client")
    shown = Counter(f"{it.name}: {it.msg}" for it in caplog.records if it.name in quiet)
    assert shown.total() < 60, shown


def test_a_consumer_without_a_broker_does_not_flood_the_log(caplog):
    with socket.socket() as bound:  # bound, and nobody listens
        bound.bind(("127.0.0.1", 0))
        config = KafkaConfig(bootstrap_servers=f"127.0.0.1:{bound.getsockname()[1]}")
        receiver = KafkaTransport(config).receiver("group", "earliest")
        receiver.subscribe(["topic"], _Deaf())
        try:
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                assert receiver.poll(1, 0.1) == []
        finally:
            receiver.close()
    shown = [it for it in caplog.records if it.name.startswith("pat_events")]
    assert len(shown) < 20


class _Deaf:
    def assigned(self, partitions):
        """Never called here."""

    revoked = lost = assigned
