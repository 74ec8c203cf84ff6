"""How many letters for which cause, and of which hour."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pat_events.core.shown import one_line

if TYPE_CHECKING:
    from pat_events.ops.letters.letter import Letter

# What is counted apart; a stranger's letters may each have a cause of their own.
_MOST: Final = 1_000
_OTHERS: Final = "others"
_TEXT_MAX: Final = 100


class Histogram:
    """Counts letters, in bounded memory.

    Attributes:
        causes: By cause (the reason, and the class of the error where it tells more) and handler.
        hours: By the hour of the last failure, as UTC's ``2026-11-27T22``.
    """

    def __init__(self) -> None:
        self.causes: Counter[tuple[str, str]] = Counter()
        self.hours: Counter[str] = Counter()

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        cause = letter.cause
        shown = [cause.reason or "unknown", cause.error_class.rpartition(".")[2]]
        named = one_line(" ".join(filter(None, shown)), _TEXT_MAX)
        key = named, one_line(cause.handler, _TEXT_MAX)
        if key not in self.causes and len(self.causes) >= _MOST:
            key = _OTHERS, ""
        self.causes[key] += 1
        hour = f"{datetime.fromtimestamp(letter.failed_ms / 1000, UTC):%Y-%m-%dT%H}"
        if hour not in self.hours and len(self.hours) >= _MOST:
            hour = _OTHERS
        self.hours[hour] += 1
