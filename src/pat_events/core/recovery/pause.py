"""How long to leave alone what has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NEVER: Final = float("-inf")


class Pause:
    """When to ask again after failures; times by the monotonic clock, in seconds.

    Requests that were under way together and fail are one failure. If each counted, one moment's
    trouble of ten of them would be a pause as long as after ten failures in a row.

    Attributes:
        until: When to ask again.
    """

    __slots__ = ("_failed_at", "_failures", "until")

    def __init__(self) -> None:
        self._failures = 0
        self._failed_at = self.until = _NEVER

    def failed(self, asked_at: float, now: float, wait_s: Callable[[int], float]) -> None:
        """Learn that a request has failed.

        Args:
            asked_at: When it was made.
            now: What time it is.
            wait_s: Returns how long to wait after so many failures in a row, in seconds.
        """
        if asked_at > self._failed_at:
            self._failures += 1
            self._failed_at = now
            self.until = now + wait_s(self._failures)

    def answered(self) -> None:
        """Learn that one has not."""
        self._failures = 0
