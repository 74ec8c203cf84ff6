"""What stops a handler's task from outside, and is no fault of the handler's."""

from __future__ import annotations

import asyncio

from pat_events.errors import HoldError
from pat_events.system.signals import ends_the_process


def from_outside(error: BaseException) -> HoldError | None:
    """Return why to hold an event whose task was stopped, or None: its handler has failed.

    A handler that cancels its own task cannot be told from others who do.
    """
    if ends_the_process(error):
        held = HoldError(f"the process was asked to end: {type(error).__name__}")
    elif _was_cancelled(error):
        held = cancelled()
    else:
        return None
    held.__cause__ = error
    return held


def cancelled() -> HoldError:
    """Return why an event is held whose task somebody has cancelled."""
    return HoldError("its task was cancelled from outside, not at its deadline")


def _was_cancelled(error: BaseException) -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # No loop runs, as in a simulation.
        return False
    if task is None or not task.cancelling():
        return False
    # Or what the handler's cleanup made of it.
    each: BaseException | None = error
    seen = set[int]()
    while each is not None and id(each) not in seen:
        if isinstance(each, asyncio.CancelledError):
            return True
        seen.add(id(each))
        each = each.__context__ if each.__cause__ is None else each.__cause__
    return False
