"""What a group says of failures: each kind once, and then how many more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pat_events.core.repeats import Repeats, more_like_it

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_log = logging.getLogger("pat_events.consumer")


class FailureLog:
    """Logs the first failure of a kind, and sums up the others twice a minute.

    An outage fails every event: a line for each would be megabytes that say one thing, and each
    event is in ``GroupStats`` or its dead letter anyway. The others are lines of level DEBUG.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._repeats = Repeats()
        self._last: dict[Hashable, tuple[int, str, tuple[object, ...]]] = {}

    def say(self, level: int, kind: Hashable, text: str, *args: object) -> None:
        """Log this, or count it where its kind was logged already."""
        more = self._repeats.note(kind, self._clock())
        if more is None:
            self._last[kind] = (level, text, args)
            _log.debug(text, *args)
            return
        self._last.pop(kind, None)
        _log.log(level, f"{text}{more_like_it(more)}", *args)

    def sum_up(self, *, all_of_it: bool = False) -> None:
        """Log what was counted where the time for it has come."""
        for kind, count in self._repeats.sum_up(self._clock(), all_of_it=all_of_it):
            level, text, args = self._last.pop(kind)
            _log.log(level, f"{count} more like before, the last: {text}", *args)
