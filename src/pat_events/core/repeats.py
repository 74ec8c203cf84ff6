"""Which of many lines of one kind to show: a log is to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

# Length of a window, in seconds.
WINDOW_S: Final = 30.0


def more_like_it(count: int) -> str:
    """Return the end of a line that stands for ``count`` more which were not shown."""
    return f" (and {count} more like it)" if count else ""


class Repeats:
    """Shows the first of each kind in every window, and counts the others.

    Takes no lock: where several threads share one, two may both be shown, or one not be counted.

    Args:
        window_s: Length of a window, in seconds.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        # When the window began, and how many were not shown in it.
        self._seen: dict[Hashable, tuple[float, int]] = {}

    def note(self, kind: Hashable, now: float) -> int | None:
        """Return how many like this one were not shown before it, or None: do not show it either.

        Args:
            kind: What makes lines alike.
            now: The monotonic clock, in seconds.
        """
        began, count = self._seen.get(kind, (None, 0))
        if began is not None and now - began < self._window_s:
            self._seen[kind] = (began, count + 1)
            return None
        # Old kinds go, so that ever new ones cannot fill the memory.
        known = list(self._seen.items())
        self._seen = {k: v for k, v in known if now - v[0] < 10 * self._window_s}
        self._seen[kind] = (now, 0)
        return count

    def sum_up(self, now: float, *, all_of_it: bool = False) -> list[tuple[Hashable, int]]:
        """Return the kinds whose window is over, with how many were not shown; begins the next."""
        over = [
            (kind, count)
            for kind, (began, count) in list(self._seen.items())
            if all_of_it or now - began >= self._window_s
        ]
        for kind, count in over:
            if count:
                self._seen[kind] = (now, 0)
            else:
                del self._seen[kind]
        return [(kind, count) for kind, count in over if count]
