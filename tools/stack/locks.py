"""File locks that the kernel frees when their holder dies, however it dies.

A held lock is the proof that a process lives: unlike a process id it is never used again by
a stranger.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tools.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO


def hold(path: Path) -> IO[str]:
    """Lock the file; the lock ends when the answer is closed or the process dies.

    Raises:
        BlockingIOError: Another process holds it.
    """
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    if not path.exists():
        return False
    try:
        hold(path).close()
    except BlockingIOError:
        return True
    return False


@contextmanager
def locked(path: Path, *, wait_s: float) -> Iterator[None]:
    """Run the block alone.

    Raises:
        StackError: Another process kept the lock for longer than ``wait_s`` seconds.
    """
    patient = Retrying(
        retry=retry_if_exception_type(BlockingIOError),
        stop=stop_after_delay(wait_s),
        wait=wait_fixed(0.05),
        retry_error_callback=lambda _: None,
    )
    held = patient(hold, path)
    if held is None:
        raise StackError(f"another process has held {path} for {wait_s:.0f} s: look for it, end it")
    with held:
        yield
