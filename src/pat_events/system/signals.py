"""Signals: what one may have raised, and how they wait while a client runs callbacks."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

# What a service installs handlers for; any of them may raise.
_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
# What the blocks under way have replaced, the innermost last.
_deferred: list[dict[int, Callable[[int, FrameType | None], Any]]] = []


def ends_the_process(error: BaseException) -> bool:
    """Tell whether a signal's handler may have raised it: it does so where the main thread is."""
    return (
        isinstance(error, (KeyboardInterrupt, SystemExit))
        and threading.current_thread() is threading.main_thread()
    )


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Call no handler of a signal before the block has ended.

    Ctrl-C strikes between two steps of Python in the main thread. After a call of the client
    those steps are a callback's: the client loses the report that the callback was given, and
    most often the interrupt as well. A signal waits as long as the block; of several, those
    behind one whose handler raises are dropped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
    try:
        _deferred.append(handlers)
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, frame: waiting.append((number, frame)))
        yield
    finally:
        try:
            _restore(handlers)
        finally:
            del _deferred[-1:]
        for number, frame in waiting:
            # A child that was forked in the block has nothing to do with what its parent got.
            if number in handlers:
                handlers[number](number, frame)


def _restore(handlers: Mapping[int, Callable[[int, FrameType | None], Any]]) -> None:
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    except BaseException:
        # A handler that was restored already has raised. This ends: each round restores one more
        # before it can be struck again.
        _restore(handlers)
        raise


def undefer_in_child() -> None:
    """Put back what a forked child would defer: the block it waits for is its parent's."""
    while _deferred:
        handlers = _deferred.pop()
        _restore(handlers)
        handlers.clear()


os.register_at_fork(after_in_child=undefer_in_child)
