"""A consumer whose thread drives an engine, and what the engine works with."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, Protocol

from pat_events.consumer.process.lifecycle import Lifecycle
from pat_events.consumer.workers.tasks import loop_thread
from pat_events.core.shown import one_line
from pat_events.errors import NotDeliveredError, NotDrainedError
from pat_events.telemetry.counts import Counts
from pat_events.telemetry.health import Health

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextlib import ExitStack

    from pat_events.consumer.job import Job
    from pat_events.consumer.setup import Setup
    from pat_events.consumer.workers.pool import ClosableWorkers
    from pat_events.producer.producer import Producer
    from pat_events.telemetry.counts import ConsumerStats
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.transports.sending import Sender, SendingTransport

_log = logging.getLogger("pat_events.consumer")

# Longest wait for what handlers that were cut off have published, and for a store of claims to hear
# of what was not begun, in seconds.
_CLOSE_S: Final = 5.0


class Readiness(Protocol):
    """How an engine is."""

    @property
    def not_ready(self) -> tuple[str, ...]:
        """What keeps it from being ready, in words; from any thread."""


class Engine(Protocol):
    """Receives, hands out and settles; one thread makes every call but ``abort``."""

    @property
    def readiness(self) -> Readiness:
        """How it is."""

    def step(self) -> None:
        """Do what is due, then wait a little."""

    def close(self) -> int:
        """Let handlers finish, and leave; returns how many events that were cut off come again."""

    def abort(self) -> None:
        """Do not wait for handlers any more; from any thread."""


class EngineConsumer(Lifecycle):
    """A consumer whose thread drives an engine with workers, and with a producer for handlers.

    A subclass makes the engine, in ``_drive``.

    Args:
        title: What messages call it.
        setup: What it works with; its handlers take no more.
        drain_timeout_s: How long handlers may take to finish, in seconds.
        leave_s: How long all else that belongs to its end may take, in seconds.
    """

    def __init__(
        self,
        title: str,
        setup: Setup,
        *,
        drain_timeout_s: float,
        leave_s: float,
    ) -> None:
        super().__init__(title, drain_timeout_s, leave_s)
        self._setup = setup
        self._config = setup.config
        self._counts = Counts()
        self._engine: Engine | None = None
        self._stepped_at = 0.0
        self._workers: ClosableWorkers | None = None
        self._producer: Producer | None = None
        setup.handlers.freeze()

    def stats(self) -> ConsumerStats:
        """Return the counts so far."""
        return self._counts.snapshot()

    def health(self) -> Health:
        """Return whether it works, as its thread noted a second ago at most; waits for nothing."""
        if self._thread is None:
            return Health(live=True, ready=False, why=("it was not started",))
        if self._ended.is_set():
            why = "it has stopped" if self._failure is None else one_line(repr(self._failure))
            return Health(live=False, ready=False, why=(why,))
        if self._stop_asked_at is not None:
            return Health(live=True, ready=False, why=("it is stopping",))
        if self._engine is None:
            return Health(live=True, ready=False, why=("it is starting",))
        stalled_s = time.monotonic() - self._stepped_at
        if stalled_s > self._stop_timeout_s:  # A step may drain partitions, and commit.
            why = f"its thread has made no step for {stalled_s:.0f} s"
            return Health(live=False, ready=False, why=(why,))
        not_ready = self._engine.readiness.not_ready
        if self._workers is not None:
            not_ready += self._workers.not_ready
        return Health(live=True, ready=not not_ready, why=not_ready)

    def release_held(self) -> tuple[str, ...]:
        """Let handlers be called again that passed the ``DeadLetterLimit``; returns their names.

        For whoever has found that it is their events that are bad: these become dead letters, and
        for ``window_s`` of the limit from the next one on none counts. What was called when it was
        passed waits for the rest of ``hold_s``. Callable from any thread; other processes do not
        hear of it.
        """
        passed = [limit for limit in self._setup.dead_letter_limits if limit.is_open]
        for limit in passed:
            limit.release()
            _log.warning("%s: %s is called again, as it was released", self._title, limit.name)
        return tuple(limit.name for limit in passed)

    def _all_observers(self) -> list[GivenObserver]:
        """Return who is told of what is consumed."""
        return self._setup.all_observers(self._counts)

    def _open(self, stack: ExitStack, transport: SendingTransport) -> Sender:
        """Return the sender of what handlers publish, and of dead letters."""
        self._producer, sender = self._setup.producer(transport)
        stack.callback(self._let_go)
        return sender

    def _makes_workers(
        self, stack: ExitStack, loop: asyncio.AbstractEventLoop | None
    ) -> Callable[[Callable[[Job], None]], ClosableWorkers]:
        """Return what makes workers of where to post jobs; ``_open`` comes before."""
        if self._setup.is_async and loop is None:
            loop = stack.enter_context(loop_thread())
        return lambda post: self._setup.workers(self._producer, post, loop)

    def _step_until_stopped(
        self, engine: Engine, workers: ClosableWorkers, begin: Callable[[], None] = lambda: None
    ) -> None:
        """Drive an engine, and end it and its workers, also where ``begin`` raises.

        Raises:
            NotDrainedError: handlers were still at work at the end of it.
        """
        self._stepped_at = time.monotonic()
        self._engine, self._workers = engine, workers
        try:
            begin()
            while self._stop_asked_at is None:
                engine.step()
                self._stepped_at = time.monotonic()
        finally:
            try:
                cut_off = engine.close()
            finally:
                workers.close(_CLOSE_S)
        if cut_off:
            raise NotDrainedError(
                f"{self._title} stopped with handlers still at work; events that are not settled "
                f"and come again: {cut_off}"
            )

    def _abort_work(self) -> None:
        if self._engine is not None:
            self._engine.abort()

    def _called_by_handler(self) -> bool:
        return self._workers is not None and self._workers.called_by_handler()

    def _let_go(self) -> None:
        # The drain has waited for acknowledgements. What is open still belongs to handlers
        # that were cut off, and what failed was published again: no event is done because of it.
        if self._producer is None:
            return
        try:
            self._producer.close(_CLOSE_S if self._aborted_at is None else 0.0)
        except NotDeliveredError as error:
            _log.warning(
                "%s handles the events behind these again, or has: %s",
                self._title,
                one_line(str(error)),
            )
