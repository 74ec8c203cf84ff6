"""What was probably meant by a name that nobody knows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# Names that are listed where none is near.
_LISTED: Final = 10
# Topic names are the longest that are meant.
_LONGEST: Final = 249


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known name that is most like ``name``.

    Args:
        name: What was written.
        known: What it may have been meant to be.
        cutoff: How alike they must be, 0 for anything to 1 for equal.
    """
    # Comparing takes the product of both lengths, and what was written may be of any.
    likely = [each for each in known if len(each) <= _LONGEST]
    return next(iter(difflib.get_close_matches(name[:_LONGEST], likely, 1, cutoff)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, or nothing."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def which_are_there(name: str, known: Iterable[str]) -> str:
    """Return like ``did_you_mean``, or ``"; there are a, b"`` where no known name is near."""
    names = sorted(known)
    if near := did_you_mean(name, names):
        return near
    if not names:
        return "; there is none"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"; there are {', '.join(names[:_LISTED])}{more}"
