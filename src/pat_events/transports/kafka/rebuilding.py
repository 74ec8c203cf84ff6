"""The thread that replaces a dead client."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from pat_events.transports.kafka.rebuild_backoff import RebuildBackoff

if TYPE_CHECKING:
    from collections.abc import Callable


class Rebuilding:
    """Replaces clients, one at a time and in a thread of its own.

    Making one may hang with whoever hands out tokens, and acknowledgements must not.

    Args:
        replace: Makes a client in place of the dead one.
    """

    def __init__(self, replace: Callable[[], None]) -> None:
        self._replace = replace
        self._backoff = RebuildBackoff()
        #: Whether a client is being replaced.
        self.goes_on = False

    def begin(self, now: float, settled: int) -> None:
        """Have the client replaced, unless that goes on or comes too soon. Called by one thread.

        Args:
            now: Monotonic seconds.
            settled: How many records clients have reported on: whether the last one has helped.
        """
        if self.goes_on or not self._backoff.due(now):
            return
        self._backoff.begin(now, settled)
        self.goes_on = True
        try:
            Thread(target=self._run, name="pat-events-rebuild", daemon=True).start()
        except RuntimeError:  # There are too many threads.
            self.goes_on = False
            raise

    def _run(self) -> None:
        try:
            self._replace()
        finally:
            self.goes_on = False
