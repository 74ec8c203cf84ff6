"""The thread that settles acknowledgements while the publishing thread does other things."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pat_events.core.repeats import Repeats, more_like_it

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

_log = logging.getLogger("pat_events.kafka")

# While nobody waits for an acknowledgement they are polled for this often, in seconds.
TICK_S: Final = 0.005
WAITED_FOR_S: Final = 0.05
_IDLE_S: Final = 1.0


class AckPoller:
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
        self._expedite = False
        self._ended = False
        self._repeats = Repeats()
        # A bare lock and not an Event: to release it is one step, so that the handler of a signal
        # may wake while its thread is waking. Free: somebody did since the last wait.
        self._asleep = threading.Lock()
        self._asleep.acquire()
        self._thread = threading.Thread(target=self._run, name="pat-events-acks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Poll now."""
        # RuntimeError: somebody did already.
        with suppress(RuntimeError):
            self._asleep.release()

    def expedite(self) -> None:
        """Wait inside the client next time, where an answer ends the wait at once."""
        self._expedite = True
        if self.idle:
            self.wake()

    def end(self) -> None:
        """Stop for good; waits a moment for the thread, unless it is this one."""
        self._ended = True
        self.wake()
        if self._thread is not threading.current_thread():
            self._thread.join(_IDLE_S)

    def _run(self) -> None:
        while not self._ended:
            try:
                self._poll_once()
            except BaseException as error:  # noqa: BLE001 - whatever it is
                # Without this thread nobody would hear of an acknowledgement any more.
                more = self._repeats.note(type(error).__name__, time.monotonic())
                if more is not None:
                    _log.exception(
                        "polling for acknowledgements failed and goes on%s", more_like_it(more)
                    )

    def _poll_once(self) -> None:
        if not self._outstanding:
            self.idle = True
            if not self._outstanding and not self._ended:
                self._asleep.acquire(timeout=_IDLE_S)
            self.idle = False
            self._poll(0)
        elif self._expedite:
            self._expedite = False
            self._poll(WAITED_FOR_S)
        else:
            self._asleep.acquire(timeout=TICK_S)
            self._poll(0)
