"""The threads that make calls, and wait for their answers."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from pat_events.errors import TransportError
from pat_events.transports.aws.batching import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pat_events.transports.aws.batching import Answer, Entry
    from pat_events.transports.aws.bus import Bus

    Answers: TypeAlias = Sequence[Answer] | Refused


class Callers:
    """Makes the calls that it is handed, several at a time.

    Args:
        bus: Where calls go.
        count: How many threads there are.
        answered: Is called with each call and its answer, in one of them.
        around: What each call is made within.
    """

    def __init__(
        self,
        bus: Bus,
        count: int,
        answered: Callable[[list[Entry], Answers], None],
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._around = around
        self._bus = bus
        self._answered = answered
        self._calls: SimpleQueue[list[Entry] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"pat-events-aws-{n}", daemon=True)
            for n in range(count)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def make(self, call: list[Entry]) -> None:
        """Make a call as soon as a thread is free."""
        self._calls.put(call)

    def end(self, timeout_s: float) -> None:
        """Let the threads end, and wait so long for all: calls may be waiting for answers."""
        for _ in self._threads:
            self._calls.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            answers: Answers
            try:
                with self._around():
                    answers = self._bus.call(call)
            except BaseException as error:  # noqa: BLE001 - whatever it is
                # Not foreseen, so not known to help; and the others of the call may be sound.
                failure = TransportError(f"sending to {call[0].name}: {error!r}")
                failure.__cause__ = error
                answers = Refused(failure, may_be_one=True)
            self._answered(call, answers)
