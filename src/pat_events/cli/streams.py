"""What comes from standard input or a file, and output that nobody takes. Needs no extra."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read_input(path: Path) -> str:
    """Return the text of a file, or of standard input for ``-``.

    Raises:
        ConfigError: it cannot be read, or is no UTF-8.
    """
    try:
        return standard_input().read() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error}") from error


def standard_input() -> TextIO:
    """Return standard input.

    Raises:
        ConfigError: it is closed.
    """
    # None where it was closed, whatever the stub says.
    given: TextIO | None = sys.stdin
    if given is None:
        raise ConfigError("standard input is closed: name a file, or write to it")
    return given


def unreadable(path: Path, error: OSError) -> ConfigError:
    """Return the error for an input that cannot be read."""
    return ConfigError(f"{path} cannot be read: {error.strerror}")


def discard_output() -> None:
    """Throw away what is still to be written, such as for a reader that has gone.

    What is in the buffer would fail once more while the interpreter ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
