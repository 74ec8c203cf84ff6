"""The command ``pat-events``: every subcommand is a thin call into ``pat_events.ops``."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from pat_events.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from types import FrameType

_EXTRA = frozenset({"typer", "rich", "click"})


def main() -> None:
    """Run the command line; the entry point of the console script."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        from pat_events.cli.app import app  # noqa: PLC0415 -- needs an extra
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.exit("the command line needs more packages: pip install 'pat-events[cli]'")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    # After those of the package, whose handlers came later and go first.
    os.register_at_fork(after_in_child=_end_in_child)
    app()


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    # Blocks are left in good order, so that nothing stays behind on a broker.
    raise SystemExit(128 + number)


def _end_in_child() -> None:
    # Whoever forks, as handlers do, may catch SystemExit.
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
