"""How many letters for which cause, and of which hour."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pat_events.ops.letters.counting import LetterCounts

if TYPE_CHECKING:
    from pat_events.ops.letters.counting import LetterGroup
    from pat_events.ops.letters.letter import Letter

HOUR_MS: Final = 3_600_000
# What is counted apart: six weeks. A stranger's letter may tell any time.
_MOST: Final = 1_000


class Histogram:
    """Counts letters, in bounded memory."""

    def __init__(self) -> None:
        self._causes = LetterCounts()
        self._hours: Counter[int] = Counter()

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        self._causes.add(letter)
        hour = letter.failed_ms // HOUR_MS
        if hour in self._hours or len(self._hours) < _MOST:
            self._hours[hour] += 1

    def causes(self) -> tuple[LetterGroup, ...]:
        """Return how many for each cause and handler, the most frequent first."""
        return self._causes.groups()

    def hours(self) -> dict[int, int]:
        """Return how many failed last in each hour, by its begin in milliseconds since 1970."""
        return {hour * HOUR_MS: count for hour, count in sorted(self._hours.items())}
