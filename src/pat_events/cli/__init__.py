"""The command ``pat-events``: every subcommand is a thin call into ``pat_events.ops``."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from pat_events.cli.exit_codes import FAILED, INTERRUPTED
from pat_events.cli.streams import discard_output

if TYPE_CHECKING:
    from types import FrameType

_EXTRA: Final = frozenset({"typer", "rich", "click"})
# What writing to a file or a terminal fails with, besides a pipe that nobody reads.
_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def main() -> None:
    """Run the command line; the entry point of the console script."""
    signal.signal(signal.SIGTERM, _terminate)
    _prepare_streams()
    try:
        from pat_events.cli.app import app  # noqa: PLC0415 -- needs an extra
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.exit("the command line needs more packages: pip install 'pat-events[cli]'")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    # Commands are imported later, but what this undoes in a child has to be done before.
    import pat_events.consumer.process.signals  # noqa: F401, PLC0415

    os.register_at_fork(after_in_child=_end_in_child)
    try:
        # Also as 'python -m pat_events.cli': the shell's completion calls it by this name.
        app(prog_name="pat-events")
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _give_up_output(error)


def _prepare_streams() -> None:
    """Write whatever has to be shown, whatever the terminal can show; JSON comes as UTF-8."""
    if sys.stdout is None:
        sys.exit("pat-events: standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")


def _give_up_output(error: OSError) -> NoReturn:
    discard_output()
    sys.stderr.write(f"pat-events: the output cannot be written: {error.strerror}\n")
    sys.exit(FAILED)


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    # Blocks are left gracefully, so that nothing stays behind on a broker.
    raise SystemExit(128 + number)


def _end_in_child() -> None:
    # Whoever forks, as handlers do, may catch SystemExit.
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
