"""Which records have waited too long, known without asking the clock for each of them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from operator import itemgetter
from typing import Final

# How far apart two looks at the clock are that tell records apart, in seconds.
GRAIN_S: Final = 0.1


class Expiry:
    """Remembers how many records had been taken by when. Times are monotonic seconds.

    Args:
        timeout_s: How long a record may wait; it is told up to ``GRAIN_S`` later.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._marks: deque[tuple[float, int]] = deque()
        #: The time of the records up to this number is over.
        self.over = 0
        #: All of them had been taken by then.
        self.taken_by = math.inf

    def taken_at(self, number: float, now: float) -> float:
        """Return by when a record had been taken, ``GRAIN_S`` late at most."""
        # Sorted by both.
        at = bisect_left(self._marks, number, key=itemgetter(1))
        return self._marks[at][0] if at < len(self._marks) else now

    def look(self, now: float, taken: int) -> bool:
        """Note how many records were taken until now; tells whether the time of more is over."""
        marks = self._marks
        if not marks or (taken != marks[-1][1] and now - marks[-1][0] >= GRAIN_S):
            marks.append((now, taken))
        before = self.over
        while marks and now - marks[0][0] >= self._timeout_s:
            self.taken_by, self.over = marks.popleft()
        return self.over > before
