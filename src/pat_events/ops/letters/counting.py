"""Letters counted by cause and handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.core.shown import one_line

if TYPE_CHECKING:
    from pat_events.ops.letters.letter import Letter

# Ours are a few words; a stranger's letter may hold any text, and each another.
_WORD_MAX: Final = 120
_GROUPS_MAX: Final = 1_000
_OTHERS: Final = ("others", "", "")


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Letters of one cause and handler. Times are milliseconds since 1970; long texts are cut.

    Attributes:
        reason: Why they were given up, as ``attempts-exhausted``; ``untold (Spring)`` where
            another program wrote the letters and does not tell; ``others`` where a topic has more
            than 1,000 causes.
        error_class: Class of the error, or of its root cause in letters of other programs.
        handler: Whose they are.
        letters: How many.
        first_failed_ms: The first of the times at which each of them failed last.
        last_failed_ms: The last of these.
    """

    reason: str
    error_class: str
    handler: str
    letters: int
    first_failed_ms: int
    last_failed_ms: int


class LetterCounts:
    """Counts letters. Takes no more memory for many of them than for many causes."""

    def __init__(self) -> None:
        # By cause: how many, first and last time. Lists are changed in place for each letter.
        self._counts: dict[tuple[str, str, str], list[int]] = {}
        self.letters = 0

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        cause = letter.cause
        error_class = cause.error_class
        if cause.writer and cause.root_cause_class:
            # Spring's own class for whatever a listener raises tells nothing.
            error_class = cause.root_cause_class
        reason = cause.reason or (cause.writer and f"untold ({cause.writer})")
        named = (reason, error_class, cause.handler)
        failed_ms = letter.failed_ms
        self.letters += 1
        counts = self._counts.get(named)
        if counts is None:
            counts = self._count_of(named, failed_ms)
        counts[0] += 1
        if failed_ms < counts[1]:
            counts[1] = failed_ms
        elif failed_ms > counts[2]:
            counts[2] = failed_ms

    def _count_of(self, named: tuple[str, str, str], failed_ms: int) -> list[int]:
        if len(self._counts) >= _GROUPS_MAX:
            named = _OTHERS
        elif max(map(len, named)) > _WORD_MAX:
            reason, error_class, handler = (one_line(it, _WORD_MAX) for it in named)
            named = (reason, error_class, handler)
        return self._counts.setdefault(named, [0, failed_ms, failed_ms])

    def groups(self) -> tuple[LetterGroup, ...]:
        """Return what was counted, the most frequent first."""
        found = [
            LetterGroup(one_line(reason), one_line(error_class), one_line(handler), *counts)
            for (reason, error_class, handler), counts in self._counts.items()
        ]
        return tuple(sorted(found, key=lambda it: (-it.letters, it.reason, it.error_class)))
