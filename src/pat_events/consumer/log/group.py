"""A consumer group: the public face, its threads and its signals."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.log.wiring import make_engine
from pat_events.consumer.process.signals import interrupted_by_signals
from pat_events.consumer.routes import Routes
from pat_events.consumer.workers.inbox import Inbox
from pat_events.consumer.workers.pool import Workers
from pat_events.consumer.workers.tasks import TaskWorkers, loop_thread
from pat_events.consumer.workers.threads import ThreadWorkers
from pat_events.core.checks import MAX_WAIT_S, require_at_least_1, require_text
from pat_events.core.lanes import ORDERS
from pat_events.core.shown import one_line
from pat_events.errors import (
    ClosedError,
    ConfigError,
    HoldError,
    NotDeliveredError,
    NotDrainedError,
    TopicMissingError,
)
from pat_events.producer.producer import Producer
from pat_events.telemetry.counts import Counts
from pat_events.telemetry.observer import checked
from pat_events.transports.sending import require_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from pat_events.consumer.handlers import Handlers
    from pat_events.consumer.log.engine import Engine
    from pat_events.core.lanes import Order
    from pat_events.telemetry.counts import GroupStats
    from pat_events.telemetry.observer import Observer
    from pat_events.transports.log import Start, Transport
    from pat_events.transports.sending import Sender

_log = logging.getLogger("pat_events.consumer")

# Longest wait for what handlers that were cut off have published, in seconds.
_CLOSE_S: Final = 5.0
# Beyond draining: the last commit, leaving the group, and the producer's own flush.
_LEAVE_S: Final = 30.0
# How long what a second signal aborts may go on, in seconds.
_ABORT_S: Final = 2.0


class ConsumerGroup:
    """One member of a consumer group, running a service's handlers.

    Every event is handled at least once: its offset is committed only after its
    handler returned and everything the handler published was acknowledged, or after its
    dead letter was written. A dead letter that is too large for its topic or the send buffer is
    written without its value, with its size and SHA-256 instead: the value stays where the letter
    says it came from, for as long as that topic keeps it. Start more processes with the same name
    to share the work.

    ``run`` and ``serve`` are a process of its own; ``with`` runs it beside something else, and
    ``async with`` within the running event loop, which then runs the coroutine handlers.

    Args:
        name: Name of the group; dead letters go to ``<topic>.<name>.dlq``.
        handlers: What to run; the topics follow from their event types.
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where to read and write; the Kafka cluster of ``PAT_EVENTS_*`` when None.
        start: Where to begin where the group has no position yet: ``"earliest"``,
            ``"latest"``, or an aware datetime. A known position always wins, and a
            partition added to a topic later begins with its first event.
        order: What is kept in order: the events of one ``"key"``, a whole
            ``"partition"``, or ``"none"``.
        max_threads: Threads for handlers that are plain functions.
        max_tasks: Most coroutine handlers at work at a time.
        max_in_flight: Most events taken and not settled; beyond it partitions are paused.
        max_in_flight_bytes: Most bytes of payload taken and not settled, give or take one poll of
            500 events; beyond it partitions are paused. Keys, headers and decoded events are not
            counted, and what the client reads ahead comes on top: 64 MiB, the client property
            ``queued.max.messages.kbytes``. A compressed batch is unpacked whole: one of 1,000
            events of 900 kB took 500 MB.
        max_uncommitted: How far a partition may go on above its lowest event that is not settled,
            in offsets (gaps in the log count), give or take one poll of 500 events; beyond it the
            partition is paused. An event that waits for a retry, is held or is slow keeps the
            commit below it, and all that others finished above it comes again after a crash: this
            bounds it, and how long one event lets its partition go on. 10,000 is what
            ``max_in_flight`` takes anyway, and a second's work of quick handlers.
        drain_timeout_s: How long handlers may take to finish when partitions move or the group
            stops, in seconds. Those at work may use all of it. In the first half of it handlers
            are also called for what lies below the highest finished offset of its partition,
            retries that are due by then included: otherwise what was finished above would come
            again. What is held is not waited for.
        commit_interval_s: Time between commits, in seconds. After a crash the group sees again
            what it finished since the last commit, and what was above the lowest event that was
            not settled then: ``max_uncommitted``.
        observers: Are told what happens, as ``pat_events.telemetry`` lists it: to events, to
            partitions, and to what handlers publish and dead letters.

    Raises:
        ConfigError: impossible settings, or handlers that do not fit them.
    """

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        *,
        config: Config | None = None,
        transport: Transport | None = None,
        start: Start = "earliest",
        order: Order = "key",
        max_threads: int = 8,
        max_tasks: int = 100,
        max_in_flight: int = 10_000,
        max_in_flight_bytes: int = 100_000_000,
        max_uncommitted: int = 10_000,
        drain_timeout_s: float = 30.0,
        commit_interval_s: float = 1.0,
        observers: Iterable[Observer] = (),
    ) -> None:
        _check(name, start, order, max_threads, max_tasks)
        self.name = name
        self._config = Config.given(config)
        if transport is None:
            # Not before it is wanted: Kafka's client takes longer to load than all of this.
            from pat_events.transports.kafka import KafkaTransport  # noqa: PLC0415

            transport = KafkaTransport.from_env()
        require_transport(transport, "receiver")
        self._transport = transport
        self._start: Start = start
        self._order: Order = order
        self._max_threads = max_threads
        self._max_tasks = max_tasks
        self._limits = Limits(
            max_in_flight=max_in_flight,
            max_in_flight_bytes=max_in_flight_bytes,
            max_uncommitted=max_uncommitted,
            drain_timeout_s=drain_timeout_s,
            commit_interval_s=commit_interval_s,
        )
        self._catalog = load_catalog(self._config.catalog)
        self._routes = Routes(handlers, EventTypes(self._catalog), self._config.max_event_bytes)
        self._is_async = any(registration.is_async for _, registration in handlers)
        # Also refuses a name that makes no topic name.
        self._dead_letter_topics = [
            self._catalog.dead_letter_topic(topic, name) for topic in self._routes.topics
        ]
        handlers.freeze()
        self._counts = Counts()
        self._observers = checked(observers)
        self._engine: Engine | None = None
        self._workers: Workers | None = None
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        # Not an Event: a second signal inside its set() would wait for the first without end.
        self._stop_asked_at: float | None = None
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._aborted_at: float | None = None

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin in the background.

        Each call of a handler sees the context variables that are set here and now, and none that
        another call has set.

        Args:
            loop: Loop for coroutine handlers; one of the group's own when None.

        Raises:
            TransportUnavailableError: no broker answered within ``config.answer_timeout_s``.
            TopicMissingError: a topic or a dead-letter topic does not exist.
            ClosedError: the group was started before.
        """
        if self._thread is not None:
            raise ClosedError(f"group {self.name} was started already: make a new ConsumerGroup")
        self._require_topics()
        self._thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._run_engine, loop),
            name=f"pat-events-{self.name}",
            daemon=True,
        )
        self._thread.start()

    def stop(self, timeout_s: float | None = None) -> None:
        """Stop taking events, let running handlers finish, commit, leave.

        Called in a handler it asks for all that and returns: a handler cannot wait for its own
        end, nor for a thread or task that does. Another coroutine of the loop that runs the
        handlers awaits ``astop``; this would stop the loop they need. Under ``serve``, cancel that
        instead.

        Args:
            timeout_s: Longest wait for all of it, in seconds; the group's
                ``drain_timeout_s`` and a little more when None.

        Raises:
            NotDrainedError: handlers were still running; their events come again.
            PatEventsError: what had stopped the group before.
        """
        self._ask_to_stop()
        if self._thread is None or self._called_by_handler():
            return
        if timeout_s is None:
            timeout_s = self._stop_timeout_s
        if not self._ended.wait(min(timeout_s, MAX_WAIT_S)):
            self._abort()
            raise NotDrainedError(f"group {self.name} did not stop within {timeout_s} s")
        if self._failure is not None:
            raise self._failure

    async def astop(self, timeout_s: float | None = None) -> None:
        """Like ``stop``, and awaits the end; the loop goes on running the handlers.

        Cancelled it returns at once, and the group goes on stopping behind it: ``running`` tells.
        """
        self._ask_to_stop()
        if not self._called_by_handler():
            await self._in_thread(self.stop, timeout_s)

    def run(self) -> None:
        """Start, and return when the group has stopped.

        SIGTERM and SIGINT stop it gracefully; a second one stops it at once. Called in the main
        thread it takes them over from whoever handled them, and gives them back at its end;
        elsewhere signals are left alone. Raises what ``start`` and ``stop`` raise.
        """
        with interrupted_by_signals(self._interrupt, take_over=True):
            self.start()
            while not self._ended.wait(0.5):
                self._refuse_to_linger()
        if self._failure is not None:
            raise self._failure

    async def serve(self) -> None:
        """Like ``run`` within an event loop, which runs the coroutine handlers.

        Cancelling it stops the group gracefully. A signal that somebody handles, such as the
        server whose lifespan this is, or ``asyncio.run`` for SIGINT, is left to them: they
        cancel it. SIGTERM or SIGINT that nobody handles stops the group as under ``run``, and
        this returns.
        """
        loop = asyncio.get_running_loop()
        # Not those of the loop: handlers may have taken them all. One waits, one stops.
        threads = ThreadPoolExecutor(2, thread_name_prefix=f"pat-events-serve-{self.name}")
        with interrupted_by_signals(self._interrupt):
            try:
                in_context = contextvars.copy_context().run
                await loop.run_in_executor(threads, in_context, self.start, loop)
                while not await loop.run_in_executor(threads, self._ended.wait, 0.5):
                    self._refuse_to_linger()
            except asyncio.CancelledError:
                self._ask_to_stop()
                # The loop must go on: the handlers to wait for run on it.
                await asyncio.shield(loop.run_in_executor(threads, self.stop))
                raise
            finally:
                threads.shutdown(wait=False)
        if self._failure is not None:
            raise self._failure

    def stats(self) -> GroupStats:
        """Return the counts so far."""
        return self._counts.snapshot()

    @property
    def running(self) -> bool:
        """Whether the group was started and has not ended."""
        return self._thread is not None and not self._ended.is_set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        in_context = contextvars.copy_context().run
        try:
            await self._in_thread(in_context, self.start, asyncio.get_running_loop())
        except asyncio.CancelledError:
            self._ask_to_stop()  # What it may still become, with nobody left to stop it.
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.astop()

    async def _in_thread(self, call: Callable[..., None], *args: object) -> None:
        # Not one of the loop's own: handlers may have taken them all.
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"pat-events-ask-{self.name}")
        try:
            await asyncio.get_running_loop().run_in_executor(thread, call, *args)
        finally:
            thread.shutdown(wait=False)

    def _require_topics(self) -> None:
        try:
            self._transport.partitions(
                [*self._routes.topics, *self._dead_letter_topics], self._config.answer_timeout_s
            )
        except TopicMissingError as error:
            unlisted = self._catalog.unlisted(self.name)
            if unlisted and any(topic in str(error) for topic in self._dead_letter_topics):
                raise TopicMissingError(f"{error}; {unlisted}") from error
            raise

    def _called_by_handler(self) -> bool:
        return self._workers is not None and self._workers.called_by_handler()

    def _run_engine(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Own the engine; the body of the group's thread."""
        # Replaced below unless C code raised what is no exception.
        self._failure = HoldError(f"group {self.name} ended with an error that nothing can catch")
        try:
            with contextlib.ExitStack() as stack:
                sender = self._transport.sender(self._config, self._observers)
                stack.callback(sender.close, 0)  # What the producer does, unless it cannot be made.
                producer = self._producer = Producer(
                    self._config, transport=self._transport, sender=sender
                )
                stack.callback(self._close_producer)
                if self._is_async and loop is None:
                    loop = stack.enter_context(loop_thread())
                self._drive(sender, producer, loop)
            self._failure = None
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the group
            self._failure = error
        finally:
            self._ended.set()

    def _close_producer(self) -> None:
        # The drain has waited for acknowledgements. What is open still belongs to handlers
        # that were cut off, and what failed was published again: no event is committed on it.
        if self._producer is None:
            return
        try:
            self._producer.close(_CLOSE_S if self._aborted_at is None else 0.0)
        except NotDeliveredError as error:
            _log.warning(
                "group %s handles the events behind these again, or has: %s",
                self.name,
                one_line(str(error)),
            )

    def _drive(
        self, sender: Sender, producer: Producer, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        tasks, threads = self._max_tasks, self._max_threads
        engine, workers = make_engine(
            self.name,
            self._routes,
            receiver=self._transport.receiver(self.name, self._start),
            sender=sender,
            make_workers=lambda post: Workers(
                ThreadWorkers(threads, producer, post),
                None if loop is None else TaskWorkers(tasks, loop, producer, post),
            ),
            inbox=Inbox(),
            order=self._order,
            limits=self._limits,
            observers=[self._counts, *self._observers],
            clock=time.monotonic,
            wall_clock=time.time,
            random=random.random,
        )
        self._engine, self._workers = engine, workers
        try:
            engine.subscribe(self._routes.topics)
            while self._stop_asked_at is None:
                engine.step()
        finally:
            try:
                cut_off = engine.close()
            finally:
                workers.close()
        if cut_off:
            raise NotDrainedError(
                f"group {self.name} stopped with handlers still at work; events that are not "
                f"settled and come again: {cut_off}"
            )

    def _ask_to_stop(self) -> None:
        self._stop_asked_at = self._stop_asked_at or time.monotonic()

    def _abort(self) -> None:
        self._aborted_at = self._aborted_at or time.monotonic()
        if self._engine is not None:
            self._engine.abort()

    def _interrupt(self, name: str) -> None:
        if self._stop_asked_at is not None:
            _log.warning("%s again: group %s stops at once", name, self.name)
            self._abort()
        else:
            _log.info(
                "%s: group %s lets running handlers finish, up to %g s; again to stop at once",
                name,
                self.name,
                self._limits.drain_timeout_s,
            )
            self._ask_to_stop()

    def _refuse_to_linger(self) -> None:
        """Raise once the end takes too long: a commit to a broker that is frozen may hang."""
        now = time.monotonic()
        if self._aborted_at is not None and now - self._aborted_at > _ABORT_S:
            how = "was stopped at once"
        elif self._stop_asked_at is not None and now - self._stop_asked_at > self._stop_timeout_s:
            how = f"did not stop within {self._stop_timeout_s:g} s"
        else:
            return
        self._abort()
        # Or the process would wait for it once more when it ends, and call it lost.
        self._close_producer()
        raise NotDrainedError(
            f"group {self.name} {how} and left as it was; what it had not committed comes again"
        )

    @property
    def _stop_timeout_s(self) -> float:
        return self._limits.drain_timeout_s + _LEAVE_S


def _check(name: str, start: Start, order: Order, max_threads: int, max_tasks: int) -> None:
    require_text("name", name)
    if not name:
        raise ConfigError("the group has no name: those who share its work share its name")
    if isinstance(start, datetime):
        if start.tzinfo is None:
            raise ConfigError("start is a datetime without a time zone: say which, such as UTC")
    elif start not in ("earliest", "latest"):
        raise ConfigError(f"start is {start!r}: use 'earliest', 'latest' or an aware datetime")
    if order not in ORDERS:
        raise ConfigError(f"order is {order!r}: use one of {', '.join(ORDERS)}")
    for setting, value in (("max_threads", max_threads), ("max_tasks", max_tasks)):
        require_at_least_1(setting, value)
