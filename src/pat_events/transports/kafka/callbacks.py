"""Which threads are inside the callbacks of a client."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pat_events.system.signals import signals_deferred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from pat_events.errors import PatEventsError
    from pat_events.transports.sending import Outgoing

    Failure: TypeAlias = tuple[Outgoing, PatEventsError]


class Callbacks:
    """Knows the threads in which callbacks run.

    No client may be called there, which would end the process, and nothing waited for.
    """

    def __init__(self) -> None:
        self._threads: set[int] = set()

    def inside(self) -> bool:
        """Tell whether this thread is inside one."""
        return threading.get_ident() in self._threads

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run callbacks in this thread."""
        thread = threading.get_ident()
        # Around it: the handlers of signals run when no callback does, and may wait.
        with signals_deferred():
            self._threads.add(thread)
            try:
                yield
            finally:
                self._threads.discard(thread)

    def give_up(self, failures: Sequence[Failure]) -> None:
        """Settle records that no client has to report on any more; without a lock held.

        A callback may take a lock that another thread holds while it publishes.
        """
        if failures and self.inside():
            _settle(failures)
        elif failures:
            with self.running():
                _settle(failures)


def _settle(failures: Sequence[Failure]) -> None:
    for outgoing, error in failures:
        outgoing.settle(error, None)
