"""The Kafka sender when its client dies, on a client that does what a test tells it."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress

import pytest
from confluent_kafka import KafkaError, KafkaException

from pat_events import Config, KafkaConfig
from pat_events.errors import (
    BufferFullError,
    RecordTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.telemetry.clients import Acknowledged, NotDelivered, SentAgain
from pat_events.transports.kafka import rebuilding
from pat_events.transports.kafka.ack_poller import TICK_S, AckPoller
from pat_events.transports.kafka.sender import KafkaSender

DEADLINE_S = 20.0
FATAL = KafkaError(KafkaError._FATAL, "forced", True)  # noqa: FBT003 - takes no names


class Message:
    def __init__(self, offset, partition=0):
        self._offset = offset
        self._partition = partition

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset


def sender_of(make_client, limits=None, **time):
    """A sender of the clients that are made for it."""
    config = KafkaConfig(bootstrap_servers="nowhere:1")
    return KafkaSender(config, limits or Config(), make_client=make_client, **time)


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

    def produce(self, topic, value, key, partition, on_delivery, *, timestamp, headers):
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


class Clients(list):
    """The clients that were made, the newest last."""

    def make(self, settings):
        self.append(Client(settings))
        return self[-1]


@pytest.fixture
def clients():
    return Clients()


class Seen(list):
    """An observer."""

    def saw(self, what):
        self.append(what)


class AtOnce:
    """A thread that has ended when it was started."""

    def __init__(self, target, **_):
        self.start = target


@pytest.fixture
def make(clients, clock, monkeypatch):
    """Makes senders without a poller: a test serves them itself."""
    monkeypatch.setattr(AckPoller, "_run", lambda self: None)
    monkeypatch.setattr(rebuilding, "Thread", AtOnce)
    made = []

    def make(**settings):
        limits = Config(**settings)
        made.append(sender_of(clients.make, limits, clock=clock, sleep=clock.sleep))
        return made[-1]

    yield make
    for sender in made:
        sender.close(0)


class Clock:
    """Time that passes when a test says so, or when somebody waits."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def die(sender):
    """The client meets a fatal error and says so in its callback for errors."""
    sender._client.note_error(FATAL)


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

        def publish(*_):  # As a finalizer does, in the middle of anything.
            if sender._client.is_dead and not published:
                published.append(late)
                sender.send(late)

        monkeypatch.setattr(Client, "on_produce", staticmethod(publish))
        sender._maintain(0)
        assert published == [late]
        assert list(clients[-1].queue) == [b"first", b"second", b"late"]

    def test_an_accepted_record_has_room_in_the_new_client(self, make, clients, record):
        sender = make(buffer_events=2)
        clients[0].refuse = lambda value: FATAL if value == b"third" else None
        records = [record("first"), record("second"), record("third")]
        for it in records:
            sender.send(it)  # The third finds the client dead, and is taken to be sent again.
        sender._maintain(0)
        assert list(clients[-1].queue) == [b"first", b"second", b"third"]
        clients[-1].acknowledge()
        sender._maintain(0)
        assert [it.error for it in records] == [None] * 3
        assert {it.settlements for it in records} == {1}

    def test_the_new_client_has_room_for_the_bytes_that_wait(self, make, clients, record):
        sender = make(buffer_bytes=2048, max_event_bytes=2048)
        for name in "abc":
            sender.send(record(name * 1000))
        die(sender)
        sender._maintain(0)
        assert clients[0].limit_kbytes == 2
        assert clients[1].limit_kbytes == 3


class TestGivingUp:
    def test_a_record_is_given_up_in_time_though_others_keep_coming(
        self, make, clients, record, clock, monkeypatch
    ):
        sender = make(delivery_timeout_s=3)
        first = record("first")
        sender.send(first)
        # Every client takes what it is given in its rebuild, and is dead for whoever publishes.
        dead = staticmethod(lambda _: None if sender._client.is_dead else FATAL)
        monkeypatch.setattr(Client, "refuse", dead)
        began = clock.now
        while not first.settled:
            assert clock.now - began < 6
            with suppress(BufferFullError):
                sender.send(record("another"))
            clock.now += 1
            die(sender)
            sender._maintain(0)
        assert clock.now - began >= 3

    def test_a_record_that_was_refused_is_no_progress(self, make, clients, record):
        sender = make(buffer_events=1)
        sender.send(record("first"))
        with pytest.raises(BufferFullError):
            sender.send(record("second"))
        assert sender._ledger.settled == 0
        clients[0].acknowledge()
        sender._maintain(0)
        assert sender._ledger.settled == 1


def test_no_password_of_an_address_is_told_as_the_last_error(make, clients, record):
    sender = make(buffer_events=1)
    text = 'Failed to retrieve OIDC token from "http://me:s3cret@host/x"'
    sender._client.note_error(KafkaError(KafkaError._AUTHENTICATION, text))
    sender.send(record("first"))
    with pytest.raises(BufferFullError, match=r"http://\*\*\*@host/x"):
        sender.send(record("second"))


class TestTold:
    """What observers are told: numbers, at the collector's turn."""

    @pytest.fixture
    def seen(self):
        return Seen()

    @pytest.fixture
    def sender(self, make, clients, clock, seen):
        sender = sender_of(
            clients.make,
            Config(delivery_timeout_s=3),
            clock=clock,
            sleep=clock.sleep,
            observers=[seen],
        )
        yield sender
        sender.close(0)

    def test_many_acknowledgements_are_one_value(self, sender, clients, record, seen):
        for number in range(50):
            sender.send(record(str(number)))
        sender._maintain(0)
        assert seen == []
        clients[0].acknowledge()
        sender._maintain(0)
        sender._maintain(0)
        assert seen == [Acknowledged(50)]

    def test_what_was_not_taken_is_neither(self, sender, clients, record, seen):
        clients[0].refuse = lambda value: KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        with pytest.raises(RecordTooLargeError):
            sender.send(record("large"))
        sender._maintain(0)
        assert seen == []

    def test_refused_ones_are_told_apart(self, sender, clients, record, seen):
        sender.send(record("good"))
        clients[0].acknowledge()
        sender.send(record("large"))
        sender.send(record("larger"))
        clients[0].fail(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        sender._maintain(0)
        assert [(type(it), it.records) for it in seen] == [(NotDelivered, 2), (Acknowledged, 1)]
        assert isinstance(seen[0].error, RecordTooLargeError)

    def test_what_is_sent_again_is_told_and_what_its_new_client_refuses(
        self, sender, clients, record, seen, monkeypatch
    ):
        sender.send(record("good"))
        sender.send(record("large"))
        die(sender)
        too_large = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        refuse = staticmethod(lambda value: too_large if value == b"large" else None)
        monkeypatch.setattr(Client, "refuse", refuse)
        sender._maintain(0)
        assert [(type(it), it.records) for it in seen] == [(SentAgain, 2)]
        assert "forced" in seen[0].why
        clients[-1].acknowledge()
        sender._maintain(0)
        assert [(type(it), it.records) for it in seen[1:]] == [(NotDelivered, 1), (Acknowledged, 1)]

    def test_what_arrives_after_it_was_given_up_counts_as_given_up_alone(
        self, sender, clients, clock, record, seen
    ):
        sender._maintain(0)
        sender.send(record("late"))
        for _ in range(5):
            clock.now += 1
            sender._maintain(0)
        clients[0].acknowledge()
        sender.send(record("next"))
        clients[0].acknowledge()
        sender._maintain(0)
        assert [(type(it), it.records) for it in seen] == [(NotDelivered, 1), (Acknowledged, 1)]

    def test_closing_tells_what_is_left(self, sender, clients, record, seen):
        sender.send(record("good"))
        clients[0].acknowledge()
        sender.send(record("lost"))
        sender._poll(0)  # In the thread that publishes.
        sender.close(0)
        sender._maintain(0)
        assert [(type(it), it.records) for it in seen] == [(Acknowledged, 1), (NotDelivered, 1)]


class TestCallbacksOfARebuild:
    """They take locks of their own: the sender's must not be held around them."""

    @pytest.fixture
    def seen(self):
        return []

    @pytest.fixture
    def look(self, make, seen):
        """A sender, and a callback that looks whether the sender's lock is held."""
        sender = make(delivery_timeout_s=1)
        return sender, lambda it: seen.append((it.value, sender._client.lock._is_owned(), it.error))

    def test_success_is_told_after_the_lock_was_released(self, look, clients, record, seen):
        sender, callback = look
        sender.send(record("delivered", callback))
        clients[0].acknowledge()
        die(sender)
        sender.send(record("next"))
        sender._maintain(0)
        assert seen == [(b"delivered", False, None)]
        assert list(clients[-1].queue) == [b"next"]

    def test_what_the_new_client_refuses_is_told_after(self, look, record, seen, monkeypatch):
        sender, callback = look
        sender.send(record("large", callback))
        die(sender)
        too_large = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        monkeypatch.setattr(Client, "refuse", staticmethod(lambda value: too_large))
        sender._maintain(0)
        ((value, held, error),) = seen
        assert (value, held) == (b"large", False)
        assert isinstance(error, RecordTooLargeError)

    def test_what_is_given_up_is_told_after(self, clock, look, clients, record, seen):
        sender, callback = look
        sender.send(record("hopeless", callback))
        for _ in range(10):
            die(sender)
            sender._maintain(0)
            clock.now += 0.5
        ((value, held, error),) = seen
        assert (value, held) == (b"hopeless", False)
        assert "not acknowledged within 1.0 s" in str(error)
        assert "forced (_FATAL)" in str(error)

    def test_in_a_callback_of_a_rebuild_nobody_waits(self, look, clients, record):
        sender, told = look[0], []
        sender.send(record("delivered", lambda _: told.append(sender.may_wait())))
        clients[0].acknowledge()
        die(sender)
        sender._maintain(0)
        assert told == [False]


class TestWhileThereIsNoClient:
    """The last one is dead, and the next one takes its time: it waits for a token, say."""

    @pytest.fixture
    def slow(self, clients, record):
        """A sender whose second client is being made, and what lets that end."""
        making, go_on = threading.Event(), threading.Event()

        def make(settings):
            if clients:
                making.set()
                assert go_on.wait(DEADLINE_S)
            return clients.make(settings)

        sender = sender_of(make, Config(buffer_events=3))
        sender.send(record("1"))
        die(sender)
        assert making.wait(DEADLINE_S)
        yield sender, go_on
        go_on.set()
        sender.close(0)

    def test_nobody_waits_and_all_is_sent_in_its_order(self, slow, clients, record):
        sender, go_on = slow
        sender.send(record("2"))
        sender.send(record("3"))
        assert [it.value for it in sender.flush(0.01)] == [b"1", b"2", b"3"]
        assert not go_on.is_set()
        go_on.set()
        deadline = time.monotonic() + DEADLINE_S
        while len(clients) == 1 or len(clients[-1].queue) < 3:
            assert time.monotonic() < deadline
        assert list(clients[-1].queue) == [b"1", b"2", b"3"]

    def test_no_more_is_taken_than_the_buffer_may_hold(self, slow, record):
        sender, _ = slow
        sender.send(record("2"))
        sender.send(record("3"))
        with pytest.raises(BufferFullError):
            sender.send(record("4"))

    def test_closing_does_not_wait_for_it_either(self, slow, clients):
        sender, go_on = slow
        assert [it.value for it in sender.close(0)] == [b"1"]
        go_on.set()
        sender._poller._thread.join(DEADLINE_S)
        assert not sender._poller._thread.is_alive()
        assert [list(it.queue) for it in clients[1:]] in ([], [[]])

    def test_no_more_bytes_are_taken_than_the_buffer_may_hold(self, make, record):
        sender = make(buffer_bytes=2_500, max_event_bytes=2_500)
        sender.send(record("a" * 1000))
        die(sender)
        sender.send(record("b" * 1000))
        with pytest.raises(BufferFullError):
            sender.send(record("c" * 1000))
        with pytest.raises(RecordTooLargeError):
            sender.send(record("d" * 3000))
        sender.send(record("e" * 500))

    def test_without_anything_that_waits_there_is_no_next_one(self, make, clients, record):
        sender = make()
        die(sender)
        for _ in range(3):
            sender._maintain(0)
        assert len(clients) == 1
        sender.send(record("a"))
        sender._maintain(0)
        assert [list(it.queue) for it in clients] == [[], [b"a"]]


class TestReportsOfAReplacedClient:
    @pytest.fixture
    def sender(self, make):
        return make()

    @pytest.fixture
    def resent(self, sender, clients, record):
        """A record that the second client has, and how the first and the second report on it."""
        sent = record("a")
        sender.send(sent)
        (first,) = clients[0].queue.values()
        clients[0].queue.clear()  # Not told when it is replaced: the report comes late.
        die(sender)
        sender._maintain(0)
        (second,) = clients[1].queue.values()
        return sent, first, second

    @pytest.mark.parametrize(
        "late",
        [KafkaError(KafkaError._MSG_TIMED_OUT), KafkaError(KafkaError._PURGE_QUEUE), FATAL],
        ids=["timed out", "purged", "fatal"],
    )
    def test_a_late_failure_settles_nothing(self, sender, clients, resent, late):
        sent, first, second = resent
        first(late, Message(-1))
        sender._maintain(0)
        assert sent.settlements == 0
        assert len(clients) == 2  # Nor is it a reason to make a third.
        second(None, Message(7))
        assert (sent.settlements, sent.error, sent.offset) == (1, None, 7)

    def test_a_failure_of_the_new_client_settles_it(self, resent):
        sent, _, second = resent
        second(KafkaError(KafkaError._MSG_TIMED_OUT), Message(-1))
        assert sent.settlements == 1
        assert isinstance(sent.error, TransportError)

    def test_what_both_clients_report_settles_it_once(self, resent):
        sent, first, second = resent
        second(None, Message(8))
        first(None, Message(7))
        assert (sent.settlements, sent.offset) == (1, 8)


@pytest.mark.parametrize("before", [False, True], ids=["its client", "a client before"])
@pytest.mark.parametrize(("partition", "offset"), [(2, None), (None, None), (0, 0), (2, 7)])
def test_a_place_that_was_not_told_is_unknown(make, clients, record, before, partition, offset):
    sender, sent = make(), record("a")
    sender.send(sent)
    (report,) = clients[0].queue.values()
    if before:
        clients[0].queue.clear()
        die(sender)
        sender._maintain(0)
    report(None, Message(offset, partition))
    assert sent.settlements == 1
    assert sent.error is None
    assert sent.partition == (-1 if partition is None else partition)
    assert sent.offset == (-1 if offset is None else offset)


class TestTimeIsOver:
    @pytest.fixture
    def sender(self, make, clock):
        return make(delivery_timeout_s=10)

    def test_each_record_has_its_own_time(self, sender, clock, record):
        first, second = record("first"), record("second")
        sender.send(first)
        sender._maintain(0)
        clock.now += 6
        sender.send(second)
        sender._maintain(0)
        clock.now += 4
        sender._maintain(0)
        assert isinstance(first.error, TransportTimeoutError)
        assert "not acknowledged within 10.0 s, and may still be delivered" in str(first.error)
        assert not second.settled
        clock.now += 6
        sender._maintain(0)
        assert isinstance(second.error, TransportTimeoutError)

    def test_a_rebuild_gives_no_record_more(self, sender, clock, record):
        first = record("first")
        sender.send(first)
        sender._maintain(0)
        clock.now += 9
        die(sender)
        sender._maintain(0)
        clock.now += 1
        sender._maintain(0)
        assert first.settled

    def test_what_was_refused_lends_its_time_to_nobody(self, sender, clock, clients, record):
        clients[0].refuse = lambda value: KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        with pytest.raises(RecordTooLargeError):
            sender.send(record("refused"))
        sender._maintain(0)
        clients[0].refuse = lambda value: None
        clock.now += 9
        taken = record("taken")
        sender.send(taken)
        sender._maintain(0)
        clock.now += 9
        sender._maintain(0)
        assert not taken.settled

    def test_a_slow_client_keeps_what_it_has_and_settles_nothing_twice(
        self, sender, clock, clients, record
    ):
        over = [record(str(number)) for number in range(3)]
        for it in over:
            sender.send(it)
        sender._maintain(0)
        clock.now += 10
        for on_delivery in list(clients[0].queue.values()):
            sender._maintain(0)
            clock.now += 29
            on_delivery(None, Message(0))  # Late, one by one, and in the order of the log.
        clients[0].queue.clear()
        clock.now += 60
        sender._maintain(0)
        assert [it.settlements for it in over] == [1, 1, 1]
        assert all(isinstance(it.error, TransportTimeoutError) for it in over)
        assert len(clients) == 1

    def test_a_silent_client_is_replaced_so_that_there_is_room(
        self, sender, clock, clients, record
    ):
        over, alive = record("over"), record("alive")
        sender.send(over)
        sender._maintain(0)
        clock.now += 9
        sender.send(alive)
        sender._maintain(0)
        clock.now += 1
        sender._maintain(0)
        assert over.settled
        for waited, made in ((29.9, 1), (0.2, 2)):
            alive.settled or sender._ledger._expiry._marks.clear()  # Its time goes on without end.
            clock.now += waited
            sender._maintain(0)
            assert len(clients) == made
        assert list(clients[1].queue) == [b"alive"]

    def test_a_callback_of_what_is_over_is_told_that_it_must_not_wait(self, sender, clock, record):
        told = []
        sender.send(record("over", lambda _: told.append(sender.may_wait())))
        sender._maintain(0)
        clock.now += 10
        sender._maintain(0)
        assert told == [False]


def test_closing_again_goes_on_where_a_signal_interrupted_it(make, record, monkeypatch):
    sender = make()
    sender.send(record("a"))

    def interrupt(_):
        raise KeyboardInterrupt

    flush = sender.flush
    monkeypatch.setattr(sender, "flush", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sender.close(10)
    monkeypatch.setattr(sender, "flush", flush)
    assert [it.value for it in sender.close(0)] == [b"a"]
    assert sender.close(0) == []


def test_a_callback_of_what_closing_gives_up_is_told_that_it_must_not_wait(make, record):
    sender, told = make(), []
    sender.send(record("a", lambda _: told.append(sender.may_wait())))
    sender.close(0)
    assert told == [False]


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
    sender._client.lock = lock = Watched(sender._client.lock)
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
    sender._maintain(0)
    other.join(DEADLINE_S)
    assert list(clients[-1].queue) == [b"A", b"B"]


class TestCollector:
    def test_it_survives_whatever_polling_raises(self, clients, record, caplog):
        sender = sender_of(clients.make)
        went_on = threading.Event()
        raised = [SystemExit, RuntimeError, MemoryError]

        def poll():
            if threading.current_thread() is sender._poller._thread:
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
        waits, asleep = [], sender._poller._asleep

        class Asleep:
            release = staticmethod(asleep.release)

            def acquire(self, timeout):
                waits.append(timeout if asleep.locked() else "at once")
                return asleep.acquire(blocking=False)

        # Publishers saw the poller idle, and say so after it went on.
        sender._poller.wake()
        sender._poller.wake()
        sender._poller._asleep = Asleep()
        for _ in range(3):
            sender._poller._poll_once()
        assert waits == ["at once", TICK_S, TICK_S]


class TestFlush:
    def refusing(self, sender, record):
        """A cluster that refuses every producer: the next rebuild is not due yet."""
        first = record("first")
        sender.send(first)
        for _ in range(3):
            die(sender)
            sender._maintain(0)
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
        sender._maintain(0)
        assert found == [[later]]
        assert clock.slept == []

    def test_the_poller_may_close_the_sender_in_a_callback(self, clients, record):
        sender = sender_of(clients.make)
        closed = threading.Event()
        found = []

        def close(_):
            found.append(threading.current_thread())
            sender.close(3600)
            closed.set()

        first = record("first", close)
        with sender._client.lock:
            sender.send(first)
            clients[0].acknowledge()
        assert closed.wait(DEADLINE_S)
        assert found == [sender._poller._thread]
        sender._poller._thread.join(DEADLINE_S)
        assert not sender._poller._thread.is_alive()
