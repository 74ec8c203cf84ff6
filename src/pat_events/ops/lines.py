"""Lines of a pipe, as they come."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Final

from pat_events.errors import ConfigError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 65_536
# No event is nearly as large, and a pipe without ends of lines must not fill the memory.
_LINE_MAX: Final = 16 * 1024 * 1024


def lines_as_they_come(source: int) -> Iterator[bytes | None]:
    """Yield the lines of an open file, a pipe or a terminal, without their ends.

    None comes where the next line is yet to come: whoever then asks on waits for it.

    Args:
        source: File descriptor; nobody else may read from it.

    Raises:
        SchemaError: a line is longer than 16 MiB; says which.
        ConfigError: it cannot be read.
    """
    arrivals = select.poll()
    arrivals.register(source, select.POLLIN)
    rest, number = b"", 0
    while True:
        if not arrivals.poll(0):
            yield None
            arrivals.poll()
        try:
            chunk = os.read(source, _CHUNK)
        except OSError as error:
            raise ConfigError(f"the input cannot be read on: {error.strerror}") from error
        if not chunk:
            break
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        number += len(whole)
        if len(rest) > _LINE_MAX:
            raise SchemaError(f"line {number + 1} is longer than {_LINE_MAX} bytes")
    if rest:
        yield rest
