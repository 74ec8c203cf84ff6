"""A consumer of a queue with real threads and event loops, on the queue in memory."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from contextlib import ExitStack

import pytest

from pat_events import Config, EventBridge, Handlers, QueueConsumer, RetryPolicy, Sqs
from pat_events.errors import (
    ClosedError,
    ConfigError,
    NotDrainedError,
    PermanentError,
    TopicMissingError,
    TransportUnavailableError,
    WorkersExhaustedError,
)
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryQueue, MemoryTransport
from tests.support.queue_stage import EMAIL_RECEIVED
from tests.support.waiting import until

QUICK = RetryPolicy(attempts=2, first_delay_s=0.01, jitter=0)


def send(queue, *email_ids, group="g"):
    for email_id in email_ids:
        value = EmailReceived(email_id=email_id).SerializeToString()
        queue.send(value, EMAIL_RECEIVED, group=group)


@pytest.fixture
def dead():
    return MemoryQueue("dead")


@pytest.fixture
def queue(dead):
    return MemoryQueue("emails", redrive=(dead, 3))


@pytest.fixture
def broker():
    broker = MemoryBroker()
    broker.create_topic("pat-emails", 1)
    broker.create_topic("letters", 1)
    return broker


@pytest.fixture
def consume(queue):
    with ExitStack() as stack:

        def start(handlers, queue=queue, **settings):
            consumer = QueueConsumer(
                queue, handlers, config=Config(), **{"drain_timeout_s": 5.0, **settings}
            )
            consumer.start()
            stack.callback(consumer.stop)
            return consumer

        yield start


def quick_handlers(called=None, **fates):
    """Handlers that raise what the fate of an e-mail is."""
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=QUICK)
    def handle(event, ctx):
        if called is not None:
            called.append(event.email_id)
        if event.email_id in fates:
            raise fates[event.email_id]

    return handlers


@pytest.mark.parametrize("kind", ["function", "coroutine", "batch"])
def test_every_message_is_handled_once_and_deleted(queue, consume, kind):
    called = []
    handlers = Handlers()
    if kind == "coroutine":

        @handlers.on(EmailReceived)
        async def handle(event, ctx):
            await asyncio.sleep(0)
            called.append(event.email_id)

    elif kind == "function":
        handlers.add(EmailReceived, lambda event, ctx: called.append(event.email_id))
    else:
        handlers.batch(EmailReceived)(
            lambda pairs: called.extend(event.email_id for event, _ in pairs)
        )
    ids = [f"e-{n}" for n in range(500)]
    send(queue, *ids)
    consumer = consume(handlers)
    until(lambda: len(queue) == 0)
    assert sorted(called) == sorted(ids)
    until(lambda: consumer.stats().handled == 500)


def test_nothing_is_kept_of_what_was_handled(queue, consume):
    consumer = consume(quick_handlers())
    kept = []
    for batch in range(1, 4):
        send(queue, *(f"e-{n}" for n in range(1_000)))
        until(lambda batch=batch: consumer.stats().handled == batch * 1_000)
        until(lambda: len(queue) == 0)
        gc.collect()
        kept.append(len(gc.get_objects()))
    assert kept[2] - kept[1] < 500, kept


def test_groups_of_a_fifo_queue_are_handled_side_by_side_and_each_in_its_order(dead, consume):
    queue = MemoryQueue("emails.fifo", fifo=True, redrive=(MemoryQueue("d", fifo=True), 3))
    called = {}
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        called.setdefault(ctx.key, []).append(int(event.email_id))

    for n in range(200):
        send(queue, str(n), group=f"g-{n % 7}")
    consume(handlers, queue)
    until(lambda: len(queue) == 0)
    assert sum(map(len, called.values())) == 200
    assert all(numbers == sorted(numbers) for numbers in called.values())


def test_what_a_handler_publishes_is_written_before_its_message_is_deleted(queue, broker, consume):
    handlers = Handlers()
    handlers.add(
        EmailReceived, lambda event, ctx: ctx.publish(EmailProcessed(email_id=event.email_id))
    )
    send(queue, "a")
    broker.set_down(down=True)
    consumer = consume(handlers, transport=MemoryTransport(broker))
    until(lambda: consumer.stats().in_flight == 1)
    assert len(queue) == 1
    broker.set_down(down=False)
    until(lambda: len(queue) == 0)
    assert len(broker.records("pat-emails")) == 1


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_what_a_handler_publishes_without_a_transport_is_held_and_said_once(
    queue, dead, consume, kind, caplog
):
    handlers = Handlers()
    attempts = []
    if kind == "coroutine":

        @handlers.on(EmailReceived, retry=QUICK)
        async def handle(event, ctx):
            attempts.append(ctx.attempt)
            await ctx.apublish(EmailProcessed(email_id=event.email_id))

    else:

        @handlers.on(EmailReceived, retry=QUICK)
        def handle(event, ctx):
            attempts.append(ctx.attempt)
            ctx.publish(EmailProcessed(email_id=event.email_id), tenant_id="t-1")

    send(queue, "a", "b", "c")
    consumer = consume(handlers)
    # As often as there are attempts.
    until(lambda: len(attempts) == 6)
    assert set(attempts) == {1}
    assert consumer.stats().held >= 3
    said = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(said) == 1
    assert "EmailProcessed cannot be published: the consumer has no transport" in said[0]
    assert "QueueConsumer(..., transport=...)" in said[0]
    consumer.stop()
    assert (len(queue), len(dead)) == (3, 0)


def test_what_is_given_up_goes_to_the_queues_own_dead_letters_or_to_ours(
    queue, dead, broker, consume
):
    send(queue, "bad", "good")
    called = []
    consumer = consume(quick_handlers(called, bad=PermanentError("no")))
    until(lambda: len(dead) == 1)
    until(lambda: len(queue) == 0)
    consumer.stop()
    send(queue, "bad")
    consume(
        quick_handlers(bad=ValueError("no")),
        transport=MemoryTransport(broker),
        dead_letters="letters",
    )
    until(lambda: len(broker.records("letters")) == 1)
    until(lambda: len(queue) == 0)
    assert len(dead) == 1


def test_stopping_finishes_what_is_at_work_and_gives_back_the_rest(queue):
    at_work, go_on = threading.Event(), threading.Event()
    called = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        called.append(event.email_id)
        at_work.set()
        go_on.wait(30)

    send(queue, *(f"e-{n}" for n in range(10)))
    consumer = QueueConsumer(queue, handlers, config=Config(), max_threads=1)
    consumer.start()
    at_work.wait(30)
    until(lambda: consumer.stats().delivered == 10)
    stopping = threading.Thread(target=consumer.stop)
    stopping.start()
    until(lambda: consumer._engine._state.draining)
    go_on.set()
    stopping.join(30)
    assert not consumer.running
    assert (consumer.stats().handled, consumer.stats().in_flight) == (len(called), 0)
    again = queue.receiver().receive(10, 0, 30)
    assert (len(called), len(again), len(queue)) == (1, 9, 9)


@pytest.mark.parametrize("kind", ["function", "coroutine", "coroutine that blocks its loop"])
def test_what_busy_workers_have_not_begun_comes_again_while_they_are_still_busy(queue, kind):
    release, called = threading.Event(), []
    handlers = Handlers()

    def block(event, ctx):
        called.append(event.email_id)
        release.wait(30)

    @handlers.on(EmailReceived)
    async def wait(event, ctx):
        called.append(event.email_id)
        if "blocks" in kind:
            release.wait(30)
        await asyncio.to_thread(release.wait, 30)

    if kind == "function":
        handlers = Handlers()
        handlers.add(EmailReceived, block)
    send(queue, *(f"e-{n}" for n in range(40)))
    settings = {"max_threads": 1, "max_tasks": 1, "drain_timeout_s": 30}
    consumer = QueueConsumer(queue, handlers, config=Config(), **settings)
    consumer.start()
    until(lambda: consumer.stats().delivered == 40)
    until(lambda: called)
    stopping = threading.Thread(target=consumer.stop)
    stopping.start()
    again = []
    until(lambda: again.extend(queue.receiver().receive(10, 0, 30)) or len(again) == 39)
    assert (consumer.running, len(called), release.is_set()) == (True, 1, False)
    release.set()
    stopping.join(30)
    assert len(queue) == 39


def test_a_handler_that_does_not_end_is_left_and_its_message_stays(queue):
    release = threading.Event()
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: release.wait(30) and None)
    send(queue, "a")
    consumer = QueueConsumer(queue, handlers, config=Config(), drain_timeout_s=0.1)
    consumer.start()
    until(lambda: consumer.stats().in_flight == 1)
    with pytest.raises(NotDrainedError, match="come again: 1"):
        consumer.stop()
    release.set()
    assert len(queue) == 1


@pytest.mark.parametrize("how", ["run", "serve", "async with"])
def test_it_ends_when_a_handler_stops_it(queue, how):
    handlers = Handlers()
    consumers = []

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        await consumers[0].astop()

    consumers.append(QueueConsumer(queue, handlers, config=Config()))
    send(queue, "a")
    if how == "run":
        consumers[0].run()
    elif how == "serve":
        asyncio.run(consumers[0].serve())
    else:

        async def main():
            async with consumers[0] as consumer:
                await asyncio.to_thread(until, lambda: not consumer.running)

        asyncio.run(main())
    assert not consumers[0].running
    assert len(queue) == 0


def test_a_signal_stops_it_gracefully(queue):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: os.kill(os.getpid(), signal.SIGTERM))
    send(queue, "a")
    QueueConsumer(queue, handlers, config=Config()).run()
    assert len(queue) == 0


def test_what_stops_it_is_raised(queue):
    handlers = Handlers()
    release = threading.Event()

    @handlers.on(EmailReceived, timeout_s=0.05)
    def hang(event, ctx):
        release.wait(30)

    send(queue, "a", "b")
    consumer = QueueConsumer(queue, handlers, config=Config(), max_threads=1, drain_timeout_s=0.1)
    with pytest.raises(WorkersExhaustedError, match="never returned"):
        consumer.run()
    release.set()


def test_it_starts_once(consume):
    consumer = consume(quick_handlers())
    with pytest.raises(ClosedError, match="consumer of emails was started already"):
        consumer.start()


def test_the_same_handlers_serve_several_consumers(queue, consume):
    called = []
    handlers = quick_handlers(called)
    other = MemoryQueue("more", redrive=(queue, 3))
    consume(handlers)
    consume(handlers, other)
    send(queue, "a")
    send(other, "b")
    until(lambda: sorted(called) == ["a", "b"])


class TestRefused:
    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"order": "key"}, "emails keeps no order: use a FIFO queue"),
            ({"order": "partition"}, "a queue knows 'key' and 'none'"),
            ({"visibility_s": 50_000}, "keeps a message for at most 43200 s"),
            ({"visibility_s": 9}, "use 10 seconds or more"),
            ({"visibility_s": 30.5}, "a whole number"),
            ({"max_in_flight": 0}, "use 1 or more"),
            ({"max_threads": 0}, "use 1 or more"),
            ({"drain_timeout_s": -1}, "0 or more seconds"),
            ({"dead_letters": "letters"}, "give that, too"),
            ({"transport": "kafka"}, "transport is 'kafka'"),
            (
                {"transport": EventBridge("b"), "dead_letters": "letters"},
                "EventBridge cannot carry dead letters: .* give a KafkaTransport or Sqs",
            ),
            (
                {"transport": Sqs("q"), "dead_letters": "https://sqs.test/1/emails"},
                "dead_letters is emails itself: name another",
            ),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
    )
    def test_what_is_impossible_or_what_the_queue_lacks(self, queue, settings, told):
        with pytest.raises(ConfigError, match=told):
            QueueConsumer(queue, quick_handlers(), config=Config(), **settings).start()

    def test_a_handler_that_may_take_longer_than_a_message_is_kept(self, queue):
        handlers = Handlers()
        handlers.add(EmailReceived, lambda event, ctx: None, timeout_s=43_201)
        with pytest.raises(ConfigError, match="it would be handled twice"):
            QueueConsumer(queue, handlers, config=Config()).start()

    def test_a_queue_without_redrive_where_dead_letters_are_left_to_it(self, broker, consume):
        queue = MemoryQueue("bare")
        with pytest.raises(ConfigError, match="bare has no dead-letter queue"):
            QueueConsumer(queue, quick_handlers(), config=Config()).start()
        transport = MemoryTransport(broker)
        consume(quick_handlers(), queue, transport=transport, dead_letters="letters")

    def test_dead_letters_that_go_nowhere(self, queue, broker):
        consumer = QueueConsumer(
            queue,
            quick_handlers(),
            config=Config(),
            transport=MemoryTransport(broker),
            dead_letters="lettres",
        )
        with pytest.raises(TopicMissingError, match="there is no topic lettres"):
            consumer.start()

    def test_what_is_no_queue(self):
        with pytest.raises(ConfigError, match=r"give a queue, such as SqsQueue\('emails'\)"):
            QueueConsumer("emails", quick_handlers(), config=Config())

    def test_what_keeps_it_from_starting_is_raised_by_start(self, queue):
        def no_answer(timeout_s):
            raise TransportUnavailableError("nobody there")

        queue.features = no_answer
        consumer = QueueConsumer(queue, quick_handlers(), config=Config())
        with pytest.raises(TransportUnavailableError, match="nobody there"):
            consumer.start()
        assert not consumer.running
