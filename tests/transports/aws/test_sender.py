"""The threads around the decisions: nothing is lost, nobody waits without end."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import weakref

import pytest
from opentelemetry import context as contexts

from pat_events import AwsConfig, Config
from pat_events.errors import (
    BufferFullError,
    ClosedError,
    RecordTooLargeError,
    SchemaError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.telemetry import BufferLevel, OperationEnded, SentAgain, Throttled, Tracing
from pat_events.transports.aws.batching import Entry, Refused, Taken
from pat_events.transports.aws.sender import BusSender
from pat_events.transports.sending import Outgoing
from tests.support.forking import fork
from tests.support.waiting import until

SMALL = Config(buffer_events=2, buffer_bytes=1_000_000, max_event_bytes=1000)


class Bus:
    """Takes everything, unless told otherwise; ``gate`` keeps calls waiting."""

    address = "a bus"
    system = "a.bus"
    max_bytes = 1000

    def __init__(self, *, fifo=False):
        self.fifo = fifo
        self.calls = []
        self.answer = lambda call: [Taken(f"m-{it.outgoing.value.decode()}") for it in call]
        self.gate = threading.Event()
        self.gate.set()
        self.called = threading.Semaphore(0)
        self.closed = False

    def close(self):
        self.closed = True

    def wrap(self, outgoing):
        group = outgoing.key.decode() if self.fifo else None
        return Entry(outgoing, "d", "d", {}, len(outgoing.value), group)

    def call(self, entries):
        self.calls.append([it.outgoing.value.decode() for it in entries])
        self.called.release()
        assert self.gate.wait(30)
        return self.answer(entries)


class Sent(Outgoing):
    __slots__ = ("__weakref__", "settlements", "then")

    def settle(self, error, place):
        super().settle(error, place)
        self.settlements += 1
        self.then(self)


@pytest.fixture
def record():
    """Makes records by name; what is done when one is settled can be added."""

    def record(name, key=b"k", then=lambda it: None):
        made = Sent("t", key, name.encode(), [], 0)
        made.settlements, made.then = 0, then
        return made

    return record


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def make_sender(bus):
    """Makes senders to ``bus``; they are closed at the end."""
    made = []

    def make(*, observers=(), spans=None, config=None, to=bus, **aws):
        settings = AwsConfig(**{"linger_s": 0.0, "retry_first_s": 0.001, "retry_max_s": 0.01} | aws)
        told = {"observers": observers, "spans": spans}
        sender = BusSender(to, config or Config(), settings, **told)
        made.append(sender)
        return sender

    yield make
    bus.gate.set()
    for sender in made:
        sender.close(5)


def throttled(text="throttled"):
    return Refused(TransportError(text), again=True)


def test_each_is_settled_once_with_the_id_the_bus_gave_it(make_sender, bus, record):
    sender = make_sender()
    records = [record(f"{n}") for n in range(500)]
    for each in records:
        sender.send(each)
    assert sender.flush(30) == []
    assert {it.settlements for it in records} == {1}
    assert [(it.place, it.error) for it in records] == [(f"m-{n}", None) for n in range(500)]
    assert {it.topic for it in records} == {"d"}
    assert max(map(len, bus.calls)) == 10


def test_only_what_failed_is_sent_again_and_with_the_same_content(make_sender, bus, record):
    failed = {}

    def answer(call):
        answers = []
        for it in call:
            name = it.outgoing.value.decode()
            failed[name] = failed.get(name, 0) + 1
            again = failed[name] <= int(name) % 3
            answers.append(throttled() if again else Taken(name))
        return answers

    bus.answer = answer
    sender = make_sender()
    records = [record(f"{n}") for n in range(50)]
    for each in records:
        sender.send(each)
    assert sender.flush(30) == []
    assert [it.place for it in records] == [f"{n}" for n in range(50)]
    sent = [name for call in bus.calls for name in call]
    assert {name: sent.count(name) for name in failed} == {f"{n}": 1 + n % 3 for n in range(50)}


def test_a_call_waits_for_company_and_a_waiter_does_not(make_sender, bus, record):
    sender = make_sender(linger_s=60.0)
    for n in range(12):
        sender.send(record(f"{n}"))
    assert bus.called.acquire(timeout=5)
    assert [len(it) for it in bus.calls] == [10]
    assert sender.flush(5) == []
    assert [len(it) for it in bus.calls] == [10, 2]


def test_what_is_expedited_while_calls_are_taken_waits_for_no_company(make_sender, bus, record):
    sender = make_sender(linger_s=60.0, calls_in_flight=1)
    bus.gate.clear()
    for n in range(10):
        sender.send(record(f"{n}"))
    assert bus.called.acquire(timeout=5)
    last = record("last")
    settled = threading.Event()
    last.then = lambda it: settled.set()
    sender.send(last)
    sender.expedite()
    until(lambda: sender._is_late)  # There was no call for it.
    bus.gate.set()
    assert settled.wait(5)


def test_a_full_buffer_refuses_and_takes_more_when_something_is_settled(make_sender, bus, record):
    bus.gate.clear()
    sender = make_sender(config=SMALL, linger_s=60.0)
    sender.send(record("1"))
    sender.send(record("2"))
    with pytest.raises(BufferFullError, match=r"^the send buffer is full \(2 events or .* a bus"):
        sender.send(record("3"))
    threading.Timer(0.05, bus.gate.set).start()
    began = time.monotonic()
    sender.wait_for_room(30)
    assert time.monotonic() - began < 20
    sender.send(record("3"))
    assert sender.flush(5) == []


def test_bytes_that_wait_are_bounded_and_what_never_fits_is_refused(make_sender, bus, record):
    bus.gate.clear()
    config = Config(buffer_bytes=1000, max_event_bytes=1000)
    sender = make_sender(config=config)
    sender.send(record("x" * 600))
    with pytest.raises(BufferFullError):
        sender.send(record("y" * 401))
    with pytest.raises(RecordTooLargeError, match="can never be sent"):
        sender.send(record("z" * 1001))
    sender.send(record("y" * 400))


def test_a_bus_that_never_answers_is_given_up_in_time_and_its_answer_ignored(
    make_sender, bus, record
):
    bus.gate.clear()
    sender = make_sender(config=Config(delivery_timeout_s=0.05))
    late = record("a")
    settled = threading.Event()
    late.then = lambda it: settled.set()
    sender.send(late)
    assert settled.wait(5)
    assert type(late.error) is TransportTimeoutError
    assert str(late.error).startswith("sending to d: not acknowledged within 0.05 s, and may still")
    bus.gate.set()
    assert sender.close(5) == []
    assert late.settlements == 1


def test_what_is_given_up_tells_what_was_wrong_last(make_sender, bus, record, caplog):
    bus.answer = lambda call: throttled("sending to d: throttled\nor worse")
    sender = make_sender(config=Config(delivery_timeout_s=0.1))
    records = [record("a"), record("b")]
    with caplog.at_level(logging.WARNING, "pat_events.aws"):
        for each in records:
            sender.send(each)
        assert sender.flush(10) == []
    assert all("last failure: sending to d: throttled" in str(it.error) for it in records)
    said = [it.getMessage() for it in caplog.records]
    assert said == ["sending to d: throttled\\nor worse; it is tried again"]


def test_a_refusal_for_good_is_that_of_its_record_alone(make_sender, bus, record):
    no = SchemaError("no")
    bus.answer = lambda call: [
        Refused(no) if it.outgoing.value == b"bad" else Taken("1") for it in call
    ]
    sender = make_sender()
    good, bad = record("good"), record("bad")
    sender.send(good)
    sender.send(bad)
    assert sender.flush(5) == []
    assert (good.error, bad.error) == (None, no)


def test_an_unforeseen_error_of_a_call_spares_the_others_in_it(make_sender, bus, record):
    def answer(call):
        if any(it.outgoing.value == b"bad" for it in call):
            raise ZeroDivisionError("what?")
        return [Taken("1")] * len(call)

    bus.answer = answer
    sender = make_sender(linger_s=60.0)
    good, bad = record("good"), record("bad")
    sender.send(good)
    sender.send(bad)
    assert sender.flush(5) == []
    assert good.error is None
    assert "ZeroDivisionError('what?')" in str(bad.error)


def test_a_callback_may_send_and_may_not_wait(make_sender, record):
    sender = make_sender(config=SMALL)
    told = []

    def then(it):
        told.append(sender.may_wait())
        sender.wait_for_room(30)
        told.append(len(sender.flush(30)))
        sender.send(record("from inside"))

    sender.send(record("a", then=then))
    assert sender.may_wait()
    assert sender.flush(5) == []
    assert told == [False, 0]


def test_a_callback_may_close(make_sender, record):
    sender = make_sender()
    closed = threading.Event()

    def then(it):
        sender.close(30)
        closed.set()

    sender.send(record("a", then=then))
    assert closed.wait(5)
    with pytest.raises(ClosedError):
        sender.send(record("b"))


def test_closing_while_a_call_hangs_gives_up_and_returns(make_sender, bus, record):
    bus.gate.clear()
    sender = make_sender()
    hanging = record("a")
    sender.send(hanging)
    assert bus.called.acquire(timeout=5)
    began = time.monotonic()
    assert sender.close(0.01) == [hanging]
    assert time.monotonic() - began < 5
    assert str(hanging.error) == "not acknowledged before close; no call has failed"


def test_closing_waits_for_all_calls_that_hang_together_and_not_for_each(make_sender, bus, record):
    bus.gate.clear()
    sender = make_sender(config=Config(delivery_timeout_s=0.05), linger_s=0.0, batch_events=1)
    for n in range(10):
        sender.send(record(f"{n}"))
    assert sender.flush(5) == []
    assert len(bus.calls) == 10
    began = time.monotonic()
    assert sender.close(0.0) == []
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("fifo", [False, True])
def test_what_was_given_up_is_not_kept_while_every_call_hangs(make_sender, bus, record, fifo):
    bus.gate.clear()
    bus.fifo = fifo
    config = Config(buffer_events=20, delivery_timeout_s=0.02)
    sender = make_sender(config=config, calls_in_flight=1, batch_events=5)
    alive = weakref.WeakSet()
    for n in range(400):
        sent = record(f"{n}", key=b"%d" % (n % 3))
        alive.add(sent)
        while True:
            try:
                sender.send(sent)
                break
            except BufferFullError:
                sender.wait_for_room(5)
    del sent
    assert sender.flush(5) == []
    until(lambda: len(alive) <= 2 * config.buffer_events)


def test_what_is_overdue_one_by_one_is_looked_for_now_and_then_alone(make_sender, bus, record):
    bus.answer = lambda call: throttled()
    sender = make_sender(config=Config(delivery_timeout_s=0.1))
    look, found = sender._ledger.taken_before, []

    def count(moment):
        overdue = look(moment)
        found.extend([len(overdue)] if overdue else [])
        return overdue

    sender._ledger.taken_before = count
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < 0.5:
        sender.send(record(f"{sent}"))
        sent += 1
        time.sleep(0.001)
    assert sender.flush(5) == []
    assert len(found) < (time.monotonic() - began) / 0.05 + 2
    assert sum(found) == sent


def test_closing_lets_go_of_connections(make_sender, bus):
    sender = make_sender()
    sender.close(5)
    assert bus.closed


def test_the_handler_of_a_signal_may_send_wherever_it_strikes(make_sender, bus, record):
    bus.fifo = True
    sender = make_sender(linger_s=0.001)
    records, inner = [], []

    def publish_too(*_):
        inner.append(record(f"i{len(inner)}", key=b"i"))
        sender.send(inner[-1])

    before = signal.signal(signal.SIGALRM, publish_too)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while len(inner) < 100:
            records.append(record(f"{len(records)}", key=b"%d" % (len(records) % 50)))
            sender.send(records[-1])
            if len(records) % 100 == 0:
                sender.flush(30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sender.flush(30) == []
    assert {(it.settlements, it.error) for it in records + inner} == {(1, None)}


def test_threads_end_with_the_sender(make_sender, record):
    before = {*threading.enumerate()}
    sender = make_sender()
    own = {*threading.enumerate()} - before
    assert len(own) == 1 + AwsConfig().calls_in_flight
    sender.send(record("a"))
    sender.close(5)
    assert [it for it in own if it.is_alive()] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_told_to_make_its_own(make_sender, record):
    sender = make_sender()
    pid = fork()
    if pid == 0:
        try:
            sender.send(record("a"))
        except ClosedError as error:
            os._exit(0 if "make one per process" in str(error) else 1)
        os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_closes_at_once_whatever_other_threads_were_doing(make_sender, bus, record):
    bus.gate.clear()
    sender = make_sender()
    sender.send(record("a"))
    holds, go_on = threading.Event(), threading.Event()

    def publish():
        with sender._lock:
            holds.set()
            go_on.wait(30)

    publisher = threading.Thread(target=publish)
    publisher.start()
    assert holds.wait(5)
    pid = fork()
    if pid == 0:
        signal.alarm(30)
        os._exit(len(sender.close(1)))
    go_on.set()
    publisher.join()
    assert os.waitpid(pid, 0)[1] == 0


def test_many_threads_send_and_each_keeps_its_order_in_its_group(make_sender, bus, record):
    bus.fifo = True
    sender = make_sender()

    def publish(key):
        for n in range(100):
            sender.send(record(f"{key}-{n}", key=key.encode()))

    threads = [threading.Thread(target=publish, args=(f"k{n}",)) for n in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sender.flush(30) == []
    sent = [name for call in bus.calls for name in call]
    for n in range(5):
        own = [name for name in sent if name.startswith(f"k{n}-")]
        assert own == [f"k{n}-{i}" for i in range(100)]


def test_where_spans_are_made_instrumentation_of_the_client_makes_none(make_sender, bus, record):
    suppressed = []

    def answer(call):
        suppressed.append(contexts.get_value("suppress_instrumentation"))
        return [Taken("m") for _ in call]

    bus.answer = answer
    for spans in (None, Tracing().of_sender("aws_sqs")):
        sender = make_sender(spans=spans)
        sender.send(record("a"))
        assert sender.flush(10) == []
    assert suppressed == [None, True]


class Seen(list):
    """An observer of everything."""

    wants_levels = wants_operations = True

    def saw(self, what):
        self.append(what)

    def of(self, kind):
        return [it for it in self if isinstance(it, kind)]


def test_what_is_throttled_and_sent_again_is_told_and_how_long_it_took_in_all(
    make_sender, bus, record
):
    seen, answers = Seen(), [Refused(TransportError("slow down"), again=True, throttled=True)]
    taken = bus.answer
    bus.answer = lambda call: answers.pop() if answers else taken(call)
    sender = make_sender(observers=[seen])
    began = time.monotonic()
    sender.send(record("a"))
    assert sender.flush(30) == []
    until(lambda: seen.of(OperationEnded))
    took_s = time.monotonic() - began
    assert seen.of(Throttled) == [Throttled(1)]
    assert seen.of(SentAgain) == [SentAgain(1, "slow down")]
    (ended,) = seen.of(OperationEnded)
    assert ended.operation == "send"
    assert ended.error is None
    assert 0 < ended.seconds <= took_s


def test_how_full_the_buffer_is_is_told_until_it_is_closed(make_sender, bus, record):
    seen = Seen()
    bus.gate.clear()
    sender = make_sender(observers=[seen])
    sender.send(record("ab"))
    sender.send(record("c"))
    until(lambda: any(it.events == 2 for it in seen.of(BufferLevel)))
    level = next(it for it in seen.of(BufferLevel) if it.events == 2)
    assert level.size_bytes == 3
    assert level.oldest_s > 0
    assert (level.max_events, level.max_bytes) == (Config().buffer_events, Config().buffer_bytes)
    bus.gate.set()
    sender.close(10)
    assert seen.of(BufferLevel)[-1].max_events == 0
