"""The thread that settles acknowledgements while the publishing thread does other things."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

_log = logging.getLogger("pat_events.kafka")

# While nobody waits for an acknowledgement they are collected this often, in seconds.
TICK_S: Final = 0.005
WAITED_FOR_S: Final = 0.05
_IDLE_S: Final = 1.0


class Collector:
    """Polls while something is outstanding, and sleeps while nothing is.

    Args:
        poll: Settles what is done; its argument is how long it may wait for the first.
        outstanding: What is not settled.
    """

    def __init__(self, poll: Callable[[float], None], outstanding: Sized) -> None:
        self._poll = poll
        self._outstanding = outstanding
        #: Whether it has to be woken when something is sent.
        self.idle = False
        self._hurry = False
        self._ended = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pat-events-acks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Poll now."""
        self._wake.set()

    def hurry(self) -> None:
        """Wait inside the client next time, where an answer ends the wait at once."""
        self._hurry = True
        if self.idle:
            self._wake.set()

    def end(self) -> None:
        """Stop for good; waits a moment for the thread, unless it is this one."""
        self._ended = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_IDLE_S)

    def _run(self) -> None:
        while not self._ended:
            try:
                self._collect_once()
            except BaseException:  # noqa: BLE001 - whatever it is
                # Without this thread nobody would hear of an acknowledgement any more.
                _log.exception("collecting acknowledgements failed and goes on")

    def _collect_once(self) -> None:
        if not self._outstanding:
            self.idle = True
            if not self._outstanding and not self._ended:
                self._wake.wait(_IDLE_S)
            self.idle = False
            self._wake.clear()
            self._poll(0)
        elif self._hurry:
            self._hurry = False
            self._poll(WAITED_FOR_S)
        else:
            self._wake.wait(TICK_S)
            # Set late, by one who saw the collector idle, it would end every wait at once.
            self._wake.clear()
            self._poll(0)
