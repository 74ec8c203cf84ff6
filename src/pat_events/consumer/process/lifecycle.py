"""Starting, stopping, and what stops: a consumer that runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from pat_events.consumer.process.signals import interrupted_by_signals
from pat_events.core.checks import MAX_WAIT_S, require_timeout
from pat_events.errors import ClosedError, HoldError, NotDrainedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

_log = logging.getLogger("pat_events.consumer")

# How long what a second signal aborts may go on, in seconds.
_ABORT_S: Final = 2.0


class Lifecycle:
    """A consumer in a thread of its own; a subclass says what it does in there.

    ``run`` and ``serve`` are a process of its own; ``with`` runs it beside something else, and
    ``async with`` within the running event loop, which then runs the coroutine handlers.

    Args:
        title: What messages call it.
        drain_timeout_s: How long handlers may take to finish, in seconds.
        leave_s: How long all else that belongs to its end may take, in seconds.
    """

    def __init__(self, title: str, drain_timeout_s: float, leave_s: float) -> None:
        self._title = title
        self._drain_timeout_s = drain_timeout_s
        self._stop_timeout_s = drain_timeout_s + leave_s
        self._thread: threading.Thread | None = None
        # Not an Event: a second signal inside its set() would wait for the first without end.
        self._stop_asked_at: float | None = None
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._aborted_at: float | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return self._title

    def _prepare(self) -> None:
        """Raise what keeps it from starting; called in ``start``."""
        raise NotImplementedError

    def _drive(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Do the work until ``_stop_asked_at`` is set; the body of the thread."""
        raise NotImplementedError

    def _abort_work(self) -> None:
        """Do not wait for handlers any more; from any thread."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """It is left as it is: let nothing in the process wait for it at its end."""
        raise NotImplementedError

    def _called_by_handler(self) -> bool:
        """Tell whether a handler at work here is the caller."""
        raise NotImplementedError

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin in the background.

        Each call of a handler sees the context variables that are set here and now, and none that
        another call has set.

        Args:
            loop: Loop for coroutine handlers; one of its own when None.

        Raises:
            ClosedError: it was started before.
            PatEventsError: what keeps it from starting, such as ``TransportUnavailableError``, as
                nobody answered within ``config.answer_timeout_s``, or ``TopicMissingError``.
        """
        if self._thread is not None:
            kind = type(self).__name__
            raise ClosedError(f"{self._title} was started already: make a new {kind}")
        self._prepare()
        self._thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._work, loop),
            name=f"pat-events {self._title}",
            daemon=True,
        )
        self._thread.start()

    def _work(self, loop: asyncio.AbstractEventLoop | None) -> None:
        # Replaced below unless C code raised what is no exception.
        self._failure = HoldError(f"{self._title} ended with an error that nothing can catch")
        try:
            self._drive(loop)
            self._failure = None
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
            self._failure = error
        finally:
            self._ended.set()

    def stop(self, timeout_s: float | None = None) -> None:
        """Take no more events, let running handlers finish, settle what is done, and leave.

        Called in a handler it asks for all that and returns: a handler cannot wait for its own
        end, nor for a thread or task that does. Another coroutine of the loop that runs the
        handlers awaits ``astop``; this would stop the loop they need. Under ``serve``, cancel that
        instead.

        Args:
            timeout_s: Longest wait for all of it, in seconds; ``drain_timeout_s`` and a little
                more when None.

        Raises:
            NotDrainedError: handlers were still running; their events come again.
            PatEventsError: what had stopped it before.
            ConfigError: ``timeout_s`` is no number of seconds; it goes on.
        """
        if timeout_s is None:
            timeout_s = self._stop_timeout_s
        require_timeout("timeout_s", timeout_s)
        self._ask_to_stop()
        if self._thread is None or self._called_by_handler():
            return
        if not self._ended.wait(min(timeout_s, MAX_WAIT_S)):
            self._abort()
            raise NotDrainedError(f"{self._title} did not stop within {timeout_s} s")
        if self._failure is not None:
            raise self._failure

    async def astop(self, timeout_s: float | None = None) -> None:
        """Like ``stop``, and awaits the end; the loop goes on running the handlers.

        Cancelled it returns at once, and it goes on stopping behind it: ``running`` tells.
        """
        self._ask_to_stop()
        if not self._called_by_handler():
            await self._in_thread(self.stop, timeout_s)

    def run(self) -> None:
        """Start, and return when it has stopped.

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

        Cancelling it stops gracefully. A signal that somebody handles, such as the server whose
        lifespan this is, or ``asyncio.run`` for SIGINT, is left to them: they cancel it. SIGTERM or
        SIGINT that nobody handles stops it as under ``run``, and this returns.
        """
        loop = asyncio.get_running_loop()
        # Not those of the loop: handlers may have taken them all. One waits, one stops.
        threads = ThreadPoolExecutor(2, thread_name_prefix="pat-events-serve")
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

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
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
        thread = ThreadPoolExecutor(1, thread_name_prefix="pat-events-ask")
        try:
            await asyncio.get_running_loop().run_in_executor(thread, call, *args)
        finally:
            thread.shutdown(wait=False)

    def _ask_to_stop(self) -> None:
        self._stop_asked_at = self._stop_asked_at or time.monotonic()

    def _abort(self) -> None:
        self._aborted_at = self._aborted_at or time.monotonic()
        self._abort_work()

    def _interrupt(self, name: str) -> None:
        if self._stop_asked_at is not None:
            _log.warning("%s again: %s stops at once", name, self._title)
            self._abort()
        else:
            _log.info(
                "%s: %s lets running handlers finish, up to %g s; again to stop at once",
                name,
                self._title,
                self._drain_timeout_s,
            )
            self._ask_to_stop()

    def _refuse_to_linger(self) -> None:
        """Raise once the end takes too long: a call that belongs to it may hang."""
        now = time.monotonic()
        if self._aborted_at is not None and now - self._aborted_at > _ABORT_S:
            how = "was stopped at once"
        elif self._stop_asked_at is not None and now - self._stop_asked_at > self._stop_timeout_s:
            how = f"did not stop within {self._stop_timeout_s:g} s"
        else:
            return
        self._abort()
        self._let_go()
        raise NotDrainedError(
            f"{self._title} {how} and left as it was; what was not settled comes again"
        )
