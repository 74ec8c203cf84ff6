"""SIGTERM and SIGINT, for all the groups that a process runs."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

from pat_events.system.signals import undefer_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# What stands where nobody has asked for a signal.
_DEFAULTS: Final = (signal.SIG_DFL, signal.default_int_handler)
# Changed by the main thread alone, which also runs the handler: no lock to be interrupted in.
_interrupts: dict[object, Callable[[str], None]] = {}
_previous: dict[int, Any] = {}


@contextlib.contextmanager
def interrupted_by_signals(
    interrupt: Callable[[str], None], *, take_over: bool = False
) -> Iterator[None]:
    """Call ``interrupt`` with a signal's name while the block runs; in the main thread only.

    Every block under way is told. What was done about signals before is done again when
    the last one has ended, and in forked children.

    Args:
        interrupt: What to call.
        take_over: Replace the handlers of others; else a signal that has one is left to it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    block = object()
    _interrupts[block] = interrupt
    try:
        for number in _SIGNALS:
            _take(number, take_over=take_over)
        yield
    finally:
        _interrupts.pop(block, None)  # A child that was forked in it has forgotten it.
        if not _interrupts:
            _give_back()


def _take(number: int, *, take_over: bool) -> None:
    handler = signal.getsignal(number)
    # What was installed by C code reads as None, and could not be given back.
    if handler is None or handler is _on_signal or not (take_over or handler in _DEFAULTS):
        return
    # In this order: another thread may fork at any time.
    _previous[number] = handler
    signal.signal(number, _on_signal)


def _give_back() -> None:
    for number, handler in _previous.items():
        # Whoever has replaced ours meanwhile keeps theirs.
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, handler)


def _on_signal(number: int, _: FrameType | None) -> None:
    if not _interrupts:
        # Whoever had replaced ours for a while has put it back after the last block ended.
        _give_back()
        signal.raise_signal(number)
    for interrupt in list(_interrupts.values()):
        interrupt(signal.Signals(number).name)


def _after_fork_in_child() -> None:
    # The group stays in the parent: its handlers would only keep a child from being ended.
    _interrupts.clear()
    undefer_in_child()  # What was deferred may be ours.
    _give_back()


os.register_at_fork(after_in_child=_after_fork_in_child)
