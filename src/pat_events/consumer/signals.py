"""SIGTERM and SIGINT, for all the groups that a process runs."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# Changed by the main thread alone, which also runs the handler: no lock to be interrupted in.
_interrupts: dict[object, Callable[[str], None]] = {}
_previous: dict[int, Any] = {}


@contextlib.contextmanager
def interrupted_by_signals(interrupt: Callable[[str], None]) -> Iterator[None]:
    """Call ``interrupt`` with a signal's name while the block runs; in the main thread only.

    Every block under way is told. What was done about signals before is done again when
    the last one has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _interrupts:
        _previous.update({number: signal.signal(number, _on_signal) for number in _SIGNALS})
    block = object()
    _interrupts[block] = interrupt
    try:
        yield
    finally:
        del _interrupts[block]
        if not _interrupts:
            for number, handler in _previous.items():
                signal.signal(number, handler)
            _previous.clear()


def _on_signal(number: int, _: FrameType | None) -> None:
    for interrupt in list(_interrupts.values()):
        interrupt(signal.Signals(number).name)
