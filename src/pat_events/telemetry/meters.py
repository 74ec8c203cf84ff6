"""All the meters of a process: one for each consumer, and for the senders of each system."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from pat_events.telemetry.metering import ConsumerMeter
from pat_events.telemetry.sender_metering import SenderMeter

if TYPE_CHECKING:
    from pat_events.telemetry.metering import Meter
    from pat_events.telemetry.observer import Origin


class Meters:
    """Has a meter for each who tells; a subclass shows them, and is one for all of a process.

    In the child of a fork they begin at 0: what was counted is the parent's.
    """

    def __init__(self) -> None:
        self._meters: dict[Origin, Meter] = {}
        # Names of errors, of all meters: there are not more of them than one bound.
        self._error_types: set[str] = set()
        _ALL.add(self)

    def told_by(self, origin: Origin) -> Meter:
        """Return what this consumer or sender tells; one of the same name goes on with it."""
        meter = self._meters.get(origin)
        if meter is None:
            # Another thread may make one as well: the first of the two stays.
            meter = self._meters.setdefault(origin, self._new(origin))
        return meter

    def _new(self, origin: Origin) -> Meter:
        kind = ConsumerMeter if origin.consumer else SenderMeter
        return kind(origin, self._error_types)

    def meters(self) -> list[Meter]:
        """Return those there are."""
        return list(self._meters.values())

    def forget(self) -> None:
        """Begin at 0, in the child of a fork, where no other thread is."""
        self._error_types.clear()
        for meter in self._meters.values():
            meter.forget()


_ALL: weakref.WeakSet[Meters] = weakref.WeakSet()


def _forget_in_child() -> None:
    for meters in list(_ALL):
        meters.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
