"""The handler of a signal may publish, wherever it strikes a thread that publishes."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from pat_events import Config, Producer
from pat_events.errors import ClosedError, TransportTimeoutError
from pat_events.events import EmailReceived
from pat_events.transports.kafka.ack_poller import AckPoller
from pat_events.transports.kafka.logs import RepeatFilter
from pat_events.transports.memory import MemoryBroker, MemoryTransport

DEADLINE_S = 20.0


def event():
    return EmailReceived(email_id="e")


def struck(job, strike):
    """Do ``work``, with ``strike`` called before each of its lines as a signal's handler is.

    In a thread, as work that waits for itself never ends.
    """

    def before_each_line(frame, kind, _):
        file = frame.f_code.co_filename
        if "/pat_events/" not in file and not file.endswith("/threading.py"):
            return None
        if kind == "line":
            strike()
        return before_each_line

    def run():
        sys.settrace(before_each_line)
        try:
            job()
        finally:
            sys.settrace(None)
        ended.set()

    ended = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(DEADLINE_S), "it waits for a lock that it holds"


@pytest.fixture(params=["kafka", "memory"])
def producer(request):
    if request.param == "kafka":
        return request.getfixturevalue("kafka_producer")()
    log = MemoryBroker()
    log.create_topic("pat-emails")
    return Producer(Config(), transport=MemoryTransport(log))


class TestWhileAThread:
    """Each time every event of the handler must arrive."""

    @pytest.fixture
    def strike(self, producer):
        """Publishes, and settles what it can, as every 128th publish does."""
        acks = []

        def strike():
            with suppress(ClosedError):
                acks.append(producer.publish(event()))
            producer._sender.wait_for_room(0)

        yield strike
        assert acks
        assert [ack.result(DEADLINE_S).topic for ack in acks] == ["pat-emails"] * len(acks)

    def test_publishes(self, producer, strike):
        struck(lambda: producer.publish(event()), strike)

    def test_waits_for_a_result(self, producer, strike):
        struck(lambda: producer.publish(event()).result(DEADLINE_S), strike)

    def test_flushes(self, producer, strike):
        producer.publish(event())
        struck(lambda: producer.flush(DEADLINE_S), strike)

    def test_closes(self, producer, strike):
        strike()
        struck(lambda: producer.close(DEADLINE_S), strike)


def test_a_handler_may_wake_the_poller_while_its_thread_does():
    poller = AckPoller(lambda _: None, {})
    struck(poller.wake, poller.wake)


def test_a_handler_may_settle_what_its_thread_begins_to_wait_for(make, log):
    producer = make()
    for line in range(80):
        log.set_down(down=True)
        ack = producer.publish(event())
        lines = iter(range(1000))

        def settle(line=line, lines=lines):
            if next(lines) == line:
                log.set_down(down=False)

        def wait(ack=ack):
            with suppress(TransportTimeoutError):
                ack.result(0.01)

        struck(wait, settle)
        if not ack.done():
            break
    assert line > 10


def test_callbacks_that_a_handler_adds_are_kept(log, make):
    producer, called = make(), []
    log.set_down(down=True)
    ack = producer.publish(event())
    strikes = []

    def strike():
        strikes.append(None)
        ack.add_done_callback(lambda _: called.append("handler's"))

    struck(lambda: ack.add_done_callback(lambda _: called.append("ours")), strike)
    log.set_down(down=False)
    assert sorted(called) == ["handler's"] * len(strikes) + ["ours"]


def test_a_handler_may_log_while_its_thread_logs():
    repeats = RepeatFilter()
    numbers = iter("abcdefghijklmnopqrstuvwxyz" * 10)

    def log():
        line = f"line {next(numbers)}"
        repeats.filter(logging.LogRecord("n", logging.WARNING, "p", 1, line, None, None))

    struck(lambda: (log(), log()), log)


SERVICE = """
import signal, sys, time
from pat_events import KafkaConfig, KafkaTransport, Producer
from pat_events.events import EmailReceived

WANTED, acks = 1000, []
TIMERS = {signal.SIGALRM: signal.ITIMER_REAL, signal.SIGPROF: signal.ITIMER_PROF}
def publish():
    acks.append(producer.publish(EmailReceived(email_id="e")))

def tick(number, frame):
    publish()
    if len(acks) < WANTED:  # Or a slow machine would do nothing else.
        signal.setitimer(TIMERS[number], 0.0003)

# Short of everything, so that the poller is often idle.
config = KafkaConfig(bootstrap_servers=sys.argv[1], linger_s=0)
producer = Producer(transport=KafkaTransport(config))
for number in TIMERS:
    signal.signal(number, tick)
    tick(number, None)
until = time.monotonic() + 60
while len(acks) < WANTED and time.monotonic() < until:
    publish()
    acks[-1].result(20)
    publish()
    producer.flush(20)
for timer in TIMERS.values():
    signal.setitimer(timer, 0)
producer.close(20)
print(len(acks), sum(ack.result(0).topic == "pat-emails" for ack in acks))
"""


def test_a_service_whose_timers_publish_gets_everything_delivered(broker):
    ended = subprocess.run(
        [sys.executable, "-c", SERVICE, broker.bootstrap_servers],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    taken, delivered = map(int, ended.stdout.split())
    assert taken == delivered
    assert taken > 100
