"""What one execution environment of Lambda keeps, and when it is of no more use."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from pat_events.consumer.function.loop import EventLoop
from pat_events.consumer.workers.inbox import Inbox
from pat_events.core.shown import one_line
from pat_events.errors import NotDeliveredError, WorkersExhaustedError

if TYPE_CHECKING:
    from pat_events.consumer.setup import Setup
    from pat_events.consumer.workers.pool import ClosableWorkers
    from pat_events.producer.producer import Producer
    from pat_events.transports.sending import SendingTransport

_log = logging.getLogger("pat_events.consumer")

# Calls that may hang before all that hangs is ended with the process: a thread cannot be.
_HANGING_MAX: Final = 32
# The most of the time for the answer that goes to a store of claims, in seconds.
_CLOSE_S: Final = 1.0
# Set where Lambda, or its emulator, runs this process.
_IN_LAMBDA: Final = "AWS_LAMBDA_RUNTIME_API"


class Environment:
    """What one execution environment keeps from one invocation to the next."""

    def __init__(self, setup: Setup, transport: SendingTransport | None) -> None:
        self._setup = setup
        self._transport = transport
        self._producer: Producer | None = None
        self._loop = EventLoop() if setup.is_async else None
        self._workers: tuple[ClosableWorkers, Inbox] | None = None
        # Of earlier invocations, as long as handlers hang in them.
        self._left: list[ClosableWorkers] = []

    def workers(self) -> tuple[ClosableWorkers, Inbox]:
        """Return the workers, and where they leave what is settled.

        Where too many calls hang, this ends the process: the invocation has failed, AWS hands it
        over again, and runs later ones in a new environment.

        Raises:
            WorkersExhaustedError: likewise, where this is not run by Lambda.
        """
        hanging = self._hanging()
        if hanging >= _HANGING_MAX:
            _end_process(hanging)
        if self._workers is None:
            if self._producer is None and self._transport is not None:
                self._producer, _ = self._setup.producer(self._transport)
            loop = None if self._loop is None else self._loop.sound()
            if (found := self._hanging()) > hanging:
                _tell(found)
            inbox = Inbox()
            self._workers = self._setup.workers(self._producer, inbox.put, loop), inbox
        return self._workers

    def replace_workers(self, end: float) -> None:
        """Leave these to what still runs on them; coroutines are cancelled.

        A store of claims hears of it in time for an answer before ``end``, or afterwards.
        """
        if self._workers is None:
            return
        workers, _ = self._workers
        workers.close(min(_CLOSE_S, max(0.0, (end - time.monotonic()) / 2)))
        self._left.append(workers)
        self._workers = None
        if hanging := self._hanging():
            _tell(hanging)

    def _hanging(self) -> int:
        """Return how many calls of earlier invocations have not returned."""
        self._left = [it for it in self._left if it.threads_at_work or it.tasks_at_work]
        hanging = sum(each.threads_at_work for each in self._left)
        # Those of the last ones may be about to end: AWS stops everything after an answer.
        hanging += sum(each.tasks_at_work for each in self._left[:-1])
        if self._workers is not None:
            hanging += self._workers[0].threads_at_work
        if self._loop is not None:
            hanging += self._loop.hanging()
        return hanging

    def flush(self, end: float) -> None:
        """Wait for what failed attempts have published as well: AWS stops everything meanwhile."""
        if self._producer is None:
            return
        try:
            self._producer.flush(max(0.0, (end - time.monotonic()) / 2))
        except NotDeliveredError as error:
            # What events depend on it are reported already.
            _log.warning("%s", one_line(str(error)))


def _tell(hanging: int) -> None:
    _log.warning(
        "%d calls of handlers still hang after their invocation; with %d of them the process is "
        "ended",
        hanging,
        _HANGING_MAX,
    )


def _end_process(hanging: int) -> None:
    told = (
        f"{hanging} calls of handlers never returned; a thread cannot be stopped, so the process "
        "is, and AWS hands over again what it was invoked with: give what they call a time limit"
    )
    if _IN_LAMBDA not in os.environ:
        raise WorkersExhaustedError(told)
    _log.critical("%s", told)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: it would wait for threads that handlers have begun.
    os._exit(1)
