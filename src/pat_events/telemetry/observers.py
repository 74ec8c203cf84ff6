"""Who is told what happened: the observers of one consumer, or of one sender."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING

from pat_events.core.checks import wrong_type
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.telemetry.observer import GivenObserver, Happening, Observer, Origin

_log = logging.getLogger("pat_events.telemetry")


def checked_observers(observers: Iterable[GivenObserver]) -> tuple[GivenObserver, ...]:
    """Return these observers.

    Raises:
        ConfigError: it is not several, or one of them is none.
    """
    try:
        several = tuple(observers)
    except TypeError:
        raise wrong_type("observers", observers, "several, as in observers=[observer]") from None
    for each in several:
        name = "told_by" if hasattr(each, "told_by") else "saw"
        called = getattr(each, name, None)
        # Of a class it is there as well, and cannot be called.
        if isinstance(each, type) or not callable(called):
            raise wrong_type("one of observers", each, "an object with a method saw(what)")
        if inspect.iscoroutinefunction(called):
            raise ConfigError(f"{name} of {each!r} is 'async def', which nobody awaits: use 'def'")
    return several


class Observers:
    """Tells each of several; one that raises is logged the first time, and keeps nobody back.

    Args:
        observers: Are told, each in this order.
        origin: Who tells.

    Attributes:
        wants_jobs: One of them wants ``JobsEnded``.
        wants_levels: One of them wants ``Levels`` and ``BufferLevel``.
        wants_operations: One of them wants ``OperationEnded``.
    """

    def __init__(self, observers: Iterable[GivenObserver], origin: Origin) -> None:
        self._observers: tuple[Observer, ...] = tuple(
            each.told_by(origin) if hasattr(each, "told_by") else each for each in observers
        )
        self.wants_jobs = any(getattr(each, "wants_jobs", False) for each in self._observers)
        self.wants_levels = any(getattr(each, "wants_levels", False) for each in self._observers)
        self.wants_operations = any(
            getattr(each, "wants_operations", False) for each in self._observers
        )
        self._failed = set[int]()

    def saw(self, what: Happening) -> None:
        """This happened."""
        for observer in self._observers:
            try:
                observer.saw(what)
            except KeyboardInterrupt:  # A signal's, whoever was at work when it came.
                raise
            # SystemExit and what pytest fails with, too: within a rebalance callback they would
            # leave the client waiting for an answer.
            except BaseException:  # noqa: BLE001 - what is told has happened, and goes on
                if id(observer) not in self._failed:
                    self._failed.add(id(observer))
                    _log.exception("an observer failed, and is told on: %r", observer)
