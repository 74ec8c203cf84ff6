"""librdkafka's own log, in ``logging`` and without its floods.

A client that cannot reach a broker logs the same line many times a second. The first is
shown; those that follow within the window are counted, and the count is shown
with the next one.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from typing import TYPE_CHECKING, Final

from pat_events.core.repeats import WINDOW_S, Repeats, more_like_it
from pat_events.core.shown import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

# As long as a coordinator may take to load, in seconds: tens of milliseconds are usual.
SETTLES_S: Final = 10.0
_SETTLING: Final = re.compile("Coordinator (load in progress|not available)|Not coordinator")
_NUMBERS: Final = re.compile(r"\d+")
# Up to the last @ before the path: a password may have one that nobody escaped.
_USERINFO: Final = re.compile(r"(?<=://)[^/\s\"']+@")


def without_userinfo(text: str) -> str:
    """Return a text without the user names and passwords of the addresses in it."""
    return _USERINFO.sub("***@", text)


class UserinfoFilter(logging.Filter):
    """Shows no password of an address, such as the one tokens are fetched from."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask what is before the host; shows every record."""
        message = record.getMessage()
        masked = without_userinfo(message)
        if masked != message:
            record.msg, record.args = masked, None
        return True


class OneLineFilter(logging.Filter):
    """Shows each message as one line: brokers, tokens and files of others have a say in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Spell out ends of lines and what cannot be seen; shows every record."""
        message = record.getMessage()
        shown = one_line(message)
        if shown != message:
            record.msg, record.args = shown, None
        return True


class SettlingFilter(logging.Filter):
    """Shows as INFO what a healthy start meets: a coordinator on its way.

    Once the client has met the same for ``settles_s`` it is a warning, as it was.
    """

    def __init__(
        self, settles_s: float = SETTLES_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._settles_s = settles_s
        self._clock = clock
        self._began: float | None = None
        self._last = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Lower the level of what is expected; tells whether its logger shows that."""
        if record.levelno != logging.WARNING or not _SETTLING.search(record.getMessage()):
            return True
        now = self._clock()
        if self._began is None or now - self._last > self._settles_s:
            self._began = now
        self._last = now
        if now - self._began < self._settles_s:
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


class RepeatFilter(logging.Filter):
    """Shows a line once per window and counts its repeats.

    Lines are the same when they differ in numbers only (ports, milliseconds, attempts).
    """

    def __init__(
        self, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._clock = clock
        # Re-entrant: the handler of a signal may publish, and so have the client log.
        self._lock = threading.RLock()
        self._repeats = Repeats(window_s)

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to show the record; adds how many like it were not shown."""
        message = record.getMessage()
        line = _NUMBERS.sub("#", message)
        with self._lock:
            more = self._repeats.note(line, self._clock())
        if more:
            record.msg, record.args = f"{message}{more_like_it(more)}", None
        return more is not None

    def renew_lock(self) -> None:
        """Forget who holds the lock: in a forked child that thread does not exist."""
        self._lock = threading.RLock()


# A logger's filter sees nothing of the loggers below it.
logging.getLogger("pat_events.kafka").addFilter(OneLineFilter())
client_log: Final = logging.getLogger("pat_events.kafka.client")
client_log.addFilter(UserinfoFilter())
client_log.addFilter(OneLineFilter())
client_log.addFilter(SettlingFilter())
_repeats: Final = RepeatFilter()
client_log.addFilter(_repeats)
os.register_at_fork(after_in_child=_repeats.renew_lock)
