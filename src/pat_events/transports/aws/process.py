"""What becomes of senders when their process ends, or forks."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pat_events.transports.sending import Outgoing

_log = logging.getLogger("pat_events.aws")

# How long a process that ends waits for what was published without close, in seconds.
_EXIT_S: Final = 5.0


class _Sender(Protocol):
    @property
    def ended(self) -> bool: ...

    def flush(self, timeout_s: float) -> list[Outgoing]: ...

    def abandon_after_fork(self) -> None: ...


_senders: weakref.WeakSet[_Sender] = weakref.WeakSet()


def watch(sender: _Sender) -> None:
    """Flush a sender when its process ends, and tell it when it is in a forked child."""
    _senders.add(sender)


def _at_exit() -> None:
    """Wait a little for what a process that ends without ``close`` has published."""
    for sender in list(_senders):
        if not sender.ended and (lost := sender.flush(_EXIT_S)):
            _log.error(
                "%d events may be lost: the process ended without Producer.close() before they "
                "were acknowledged (what a consumer group's handlers published comes again)",
                len(lost),
            )


def _after_fork_in_child() -> None:
    for sender in list(_senders):
        sender.abandon_after_fork()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
