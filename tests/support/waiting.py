"""Waiting for what happens elsewhere, with a deadline."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# For a busy machine; nothing that works waits for it.
DEADLINE_S: Final = 30.0


def until(
    done: Callable[[], object], timeout_s: float = DEADLINE_S, every_s: float = 0.002
) -> None:
    """Ask until it is true; the deadline is the only bound."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(every_s)


def poll_until(
    done: Callable[[], object],
    *members,
    timeout_s: float = DEADLINE_S,
    ignore: tuple[type[Exception], ...] | type[Exception] = (),
) -> None:
    """Poll all members in turn until it is true, whatever they raise of ``ignore``."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, [(it.owned, len(it.got)) for it in members]
        for member in members:
            with suppress(ignore):
                member.poll()
