"""Where each part of a catalogue stands in its file, to tell what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from pat_events.core.shown import one_line
from pat_events.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# How to get to a part, such as ("events", "EmailReceived", "key").
KeyPath: TypeAlias = tuple[str | int, ...]

_NAME_MAX: Final = 100
_SHOWN_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class CatalogLines:
    """The name of a catalogue's file, and the line of each of its parts.

    ``lines`` counts from 1, and always has ``()``, the file itself.
    """

    origin: str
    lines: Mapping[KeyPath, int]

    def problem(self, path: KeyPath, reason: str) -> tuple[int, str]:
        """Return a line and what is wrong there.

        What is missing has the line of what it is missing from.
        """
        place = path
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place], f"{dotted(path)}: {reason}" if path else reason

    def error(self, problems: Iterable[tuple[int, str]]) -> CatalogError:
        """Return the error that tells these problems in the order of their lines."""
        return CatalogError(
            self.origin,
            [f"{line}: {one_line(reason, _SHOWN_MAX)}" for line, reason in sorted(problems)],
        )


def dotted(path: KeyPath) -> str:
    """Return a path as text, such as ``events.EmailReceived.key``; long names are cut."""
    text = "".join(
        f"[{part}]" if isinstance(part, int) else f".{one_line(part, _NAME_MAX)}" for part in path
    )
    return text.removeprefix(".")
