"""The Kafka sender when its client dies, on a client that does what a test tells it."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress

import pytest
from confluent_kafka import KafkaError, KafkaException

from pat_events import Config
from pat_events.errors import BufferFullError, RecordTooLargeError
from pat_events.transports.kafka import sender as sending
from pat_events.transports.kafka.collector import TICK_S, Collector
from pat_events.transports.kafka.sender import KafkaSender

DEADLINE_S = 20.0
FATAL = KafkaError(KafkaError._FATAL, "forced", True)  # noqa: FBT003 - takes no names


class Message:
    def __init__(self, offset):
        self._offset = offset

    def partition(self):
        return 0

    def offset(self):
        return self._offset


class Client:
    """Stands in for confluent_kafka.Producer: its log is a list, reports wait to be polled."""

    on_produce = staticmethod(lambda client, value: None)
    refuse = staticmethod(lambda value: None)

    def __init__(self, settings):
        self.limit = settings["queue.buffering.max.messages"]
        self.limit_kbytes = settings["queue.buffering.max.kbytes"]
        self.queue = {}
        self.log = []
        self.reports = deque()
        self.on_poll = lambda: None

    def produce(self, topic, value, key, partition, on_delivery, *_):
        error = self.refuse(value)
        if error is not None:
            raise KafkaException(error)
        if len(self.queue) >= self.limit:
            raise BufferError
        self.queue[value] = on_delivery
        self.on_produce(self, value)

    def acknowledge(self):
        """The broker wrote everything; the reports wait in the client."""
        for value, on_delivery in self.queue.items():
            self.log.append(value)
            self.reports.append((on_delivery, None, Message(len(self.log) - 1)))
        self.queue.clear()

    def fail(self, error):
        for on_delivery in self.queue.values():
            self.reports.append((on_delivery, error, Message(-1)))
        self.queue.clear()

    def poll(self, timeout_s):
        self.on_poll()
        while self.reports:
            on_delivery, error, message = self.reports.popleft()
            on_delivery(error, message)

    def flush(self, timeout_s):
        self.poll(timeout_s)

    def purge(self):
        self.fail(KafkaError(KafkaError._PURGE_QUEUE))


@pytest.fixture
def clients(monkeypatch):
    """The clients that were made, the newest last."""
    made = []

    def make(settings):
        made.append(Client(settings))
        return made[-1]

    monkeypatch.setattr(sending, "Producer", make)
    return made


@pytest.fixture
def make(clients, monkeypatch):
    """Makes senders without a collector: a test serves them itself."""
    monkeypatch.setattr(Collector, "_run", lambda self: None)
    made = []

    def make(**settings):
        made.append(KafkaSender(Config(bootstrap_servers="nowhere:1", **settings)))
        return made[-1]

    yield make
    for sender in made:
        sender.close(0)


class Clock:
    """Time that passes when a test says so, or when somebody waits."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(sending, "time", clock)
    return clock


def die(sender):
    """The client meets a fatal error and says so in its callback for errors."""
    sender._note_error(sender._generation, FATAL)


class TestRebuild:
    def test_what_is_published_while_it_sends_again_is_sent_too(
        self, make, clients, record, monkeypatch
    ):
        sender = make()
        first, second, late = record("first"), record("second"), record("late")
        sender.send(first)
        sender.send(second)
        die(sender)
        published = []

        def publish(*_):  # As a signal's handler does, in the middle of anything.
            if sender._rebuilding and not published:
                published.append(late)
                sender.send(late)

        monkeypatch.setattr(Client, "on_produce", staticmethod(publish))
        sender.poll(0)
        assert published == [late]
        assert list(clients[-1].queue) == [b"first", b"second", b"late"]

    def test_an_accepted_record_has_room_in_the_new_client(self, make, clients, record):
        sender = make(buffer_events=2)
        clients[0].refuse = lambda value: FATAL if value == b"third" else None
        records = [record("first"), record("second"), record("third")]
        for it in records:
            sender.send(it)  # The third finds the client dead, and is taken to be sent again.
        sender.poll(0)
        assert list(clients[-1].queue) == [b"first", b"second", b"third"]
        clients[-1].acknowledge()
        sender.poll(0)
        assert [it.error for it in records] == [None] * 3
        assert {it.settlements for it in records} == {1}

    def test_the_new_client_has_room_for_the_bytes_that_wait(self, make, clients, record):
        sender = make(buffer_bytes=2048, max_event_bytes=2048)
        for name in "abc":
            sender.send(record(name * 1000))
        die(sender)
        sender.poll(0)
        assert clients[0].limit_kbytes == 2
        assert clients[1].limit_kbytes == 3

    def test_what_found_no_room_waits_for_a_larger_client(self, make, clients, record, monkeypatch):
        sender = make(buffer_events=1)
        first, late = record("first"), record("late")
        sender.send(first)
        die(sender)

        def publish(*_):
            if sender._rebuilding and late not in sender._outstanding:
                sender.send(late)

        monkeypatch.setattr(Client, "on_produce", staticmethod(publish))
        sender.poll(0)
        assert late.settlements == 0
        sender.poll(0)
        assert list(clients[-1].queue) == [b"first", b"late"]


class TestGivingUp:
    def test_a_record_that_finds_the_client_dead_is_no_progress(
        self, make, clients, record, clock, monkeypatch
    ):
        sender = make(delivery_timeout_s=3)
        first = record("first")
        sender.send(first)
        # Every client takes what it is given in its rebuild, and is dead for whoever publishes.
        dead = staticmethod(lambda _: None if sender._rebuilding else FATAL)
        monkeypatch.setattr(Client, "refuse", dead)
        began = clock.now
        while not first.settled:
            assert clock.now - began < 6
            with suppress(BufferFullError):
                sender.send(record("another"))
            clock.now += 1
            die(sender)
            sender.poll(0)
        assert clock.now - began >= 3

    def test_a_record_that_was_refused_is_no_progress(self, make, clients, record):
        sender = make(buffer_events=1)
        sender.send(record("first"))
        with pytest.raises(BufferFullError):
            sender.send(record("second"))
        assert sender._settled() == 0
        clients[0].acknowledge()
        sender.poll(0)
        assert sender._settled() == 1


def test_no_password_of_an_address_is_told_as_the_last_error(make, clients, record):
    sender = make(buffer_events=1)
    text = 'Failed to retrieve OIDC token from "http://me:s3cret@host/x"'
    sender._note_error(0, KafkaError(KafkaError._AUTHENTICATION, text))
    sender.send(record("first"))
    with pytest.raises(BufferFullError, match=r"http://\*\*\*@host/x"):
        sender.send(record("second"))


class TestCallbacksOfARebuild:
    """They take locks of their own: the sender's must not be held around them."""

    @pytest.fixture
    def seen(self):
        return []

    @pytest.fixture
    def look(self, make, seen):
        """A sender, and a callback that looks whether the sender's lock is held."""
        sender = make(delivery_timeout_s=1)
        return sender, lambda it: seen.append((it.value, sender._lock._is_owned(), it.error))

    def test_success_is_told_after_the_lock_was_released(self, look, clients, record, seen):
        sender, callback = look
        sender.send(record("delivered", callback))
        clients[0].acknowledge()
        die(sender)
        sender.send(record("next"))
        sender.poll(0)
        assert seen == [(b"delivered", False, None)]
        assert list(clients[-1].queue) == [b"next"]

    def test_what_the_new_client_refuses_is_told_after(self, look, record, seen, monkeypatch):
        sender, callback = look
        sender.send(record("large", callback))
        die(sender)
        too_large = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        monkeypatch.setattr(Client, "refuse", staticmethod(lambda value: too_large))
        sender.poll(0)
        ((value, held, error),) = seen
        assert (value, held) == (b"large", False)
        assert isinstance(error, RecordTooLargeError)

    def test_what_is_given_up_is_told_after(self, clock, look, clients, record, seen):
        sender, callback = look
        sender.send(record("hopeless", callback))
        for _ in range(10):
            die(sender)
            sender.poll(0)
            clock.now += 0.5
        ((value, held, error),) = seen
        assert (value, held) == (b"hopeless", False)
        assert "no new producer came to work within 1 s" in str(error)

    def test_in_a_callback_of_a_rebuild_nobody_waits(self, look, clients, record):
        sender, told = look[0], []
        sender.send(record("delivered", lambda _: told.append(sender.in_callback())))
        clients[0].acknowledge()
        die(sender)
        sender.poll(0)
        assert told == [True]

    def test_closing_tells_what_a_rebuild_left_to_be_told(self, look, clients, record, seen):
        sender, callback = look
        sender.send(record("delivered", callback))
        clients[0].acknowledge()
        die(sender)
        with sender._lock:
            sender._rebuild()
        assert seen == []
        assert sender.close(0) == []
        assert seen == [(b"delivered", False, None)]


class Watched:
    """A lock that says when a thread comes to it."""

    def __init__(self, lock):
        self._lock = lock
        self.came = lambda: None

    def __enter__(self):
        self.came()
        return self._lock.__enter__()

    def __exit__(self, *raised):
        return self._lock.__exit__(*raised)


def test_a_late_success_never_leaves_the_half_of_a_key_sent_again(
    make, clients, record, monkeypatch
):
    """Another thread is inside the dead client with reports of A and B while A is sent again."""
    sender = make()
    sender.send(record("A"))
    sender.send(record("B"))
    _, delivered_b = clients[0].queue.values()
    sender._lock = lock = Watched(sender._lock)
    arrived = threading.Event()
    other = threading.Thread(target=lambda: (delivered_b(None, Message(1)), arrived.set()))

    def meanwhile(client, value):
        if client is clients[-1] and value == b"A":
            lock.came = lambda: threading.current_thread() is other and arrived.set()
            other.start()
            assert arrived.wait(DEADLINE_S)

    monkeypatch.setattr(Client, "on_produce", staticmethod(meanwhile))
    # Not told by the dead client: its reports are with the other thread.
    monkeypatch.setattr(Client, "purge", lambda self: self.queue.clear())
    die(sender)
    sender.poll(0)
    other.join(DEADLINE_S)
    assert list(clients[-1].queue) == [b"A", b"B"]


class TestCollector:
    def test_it_survives_whatever_polling_raises(self, clients, record, caplog):
        sender = KafkaSender(Config(bootstrap_servers="nowhere:1"))
        went_on = threading.Event()
        raised = [SystemExit, RuntimeError, MemoryError]

        def poll():
            if threading.current_thread() is sender._collector._thread:
                if raised:
                    raise raised.pop()
                went_on.set()

        clients[0].on_poll = poll
        sender.send(record("a"))
        assert went_on.wait(DEADLINE_S)
        assert "SystemExit" in caplog.text
        clients[0].acknowledge()
        assert sender.close(DEADLINE_S) == []

    def test_one_wake_up_is_one_round_and_not_a_loop_without_pause(self, make, clients, record):
        sender = make()
        sender.send(record("a"))
        waits, asleep = [], sender._collector._asleep

        class Asleep:
            release = staticmethod(asleep.release)

            def acquire(self, timeout):
                waits.append(timeout if asleep.locked() else "at once")
                return asleep.acquire(blocking=False)

        # Publishers saw the collector idle, and say so after it went on.
        sender._collector.wake()
        sender._collector.wake()
        sender._collector._asleep = Asleep()
        for _ in range(3):
            sender._collector._collect_once()
        assert waits == ["at once", TICK_S, TICK_S]


class TestFlush:
    def refusing(self, sender, record):
        """A cluster that refuses every producer: the next rebuild is not due yet."""
        first = record("first")
        sender.send(first)
        for _ in range(3):
            die(sender)
            sender.poll(0)
        die(sender)
        return first

    def test_while_a_rebuild_backs_off_it_pauses(self, make, clients, record, clock):
        sender = make()
        first = self.refusing(sender, record)
        made = len(clients)
        assert sender.flush(0.04) == [first]
        assert len(clients) == made
        assert set(clock.slept) == {TICK_S}
        assert sum(clock.slept) == pytest.approx(0.04, abs=TICK_S)

    def test_it_does_not_pause_when_all_is_well(self, make, clients, record, clock):
        sender = make()
        sender.send(record("a"))
        clients[0].acknowledge()
        assert sender.flush(1) == []
        assert clock.slept == []

    def test_in_a_callback_it_returns_at_once_what_waits(self, make, clients, record, clock):
        sender = make()
        later, found = record("later"), []

        def flush(_):
            sender.send(later)
            found.append(sender.flush(3600))

        sender.send(record("first", flush))
        clients[0].acknowledge()
        sender.poll(0)
        assert found == [[later]]
        assert clock.slept == []

    def test_the_collector_may_close_the_sender_in_a_callback(self, clients, record):
        sender = KafkaSender(Config(bootstrap_servers="nowhere:1"))
        closed = threading.Event()
        found = []

        def close(_):
            found.append(threading.current_thread())
            sender.close(3600)
            closed.set()

        first = record("first", close)
        with sender._lock:
            sender.send(first)
            clients[0].acknowledge()
        assert closed.wait(DEADLINE_S)
        assert found == [sender._collector._thread]
        sender._collector._thread.join(DEADLINE_S)
        assert not sender._collector._thread.is_alive()
