"""Text from outside, made fit to be shown or logged.

Events, headers and the texts of errors are written by strangers. A newline of theirs would begin
a line of a log that looks like ours, a bidirectional mark would show a line in another order, and
a control character would steer the terminal.
"""

from __future__ import annotations

import json
import re
from typing import Final

# What is ASCII and visible is most of it, and passes without a look at each character.
_SUSPECT: Final = re.compile(r"[^ -~]")
_SUSPECT_IN_LINES: Final = re.compile(r"[^ -~\n\t]")


def one_line(text: str, most: int | None = None) -> str:
    r"""Return ``text`` as one line in which every character is visible.

    Whatever ``str.isprintable`` denies is spelt out as JSON does it, such as ``\n`` or
    ``\u2028``: ends of lines, control and format characters (bidirectional marks, tags), lone
    surrogates, and spaces other than the usual one.

    Args:
        text: Text of any origin.
        most: Characters of it that are shown; what is cut ends in ``...``.
    """
    if most is not None and len(text) > most:
        text = f"{text[:most]}..."
    return text if text.isprintable() else _SUSPECT.sub(_spelt_out, text)


def printable(text: str) -> str:
    """Return ``text`` like ``one_line``, but in the lines it has: newlines and tabs stay."""
    return text if text.isprintable() else _SUSPECT_IN_LINES.sub(_spelt_out, text)


def _spelt_out(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]
