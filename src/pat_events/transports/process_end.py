"""What becomes of senders when their process ends without ``close``, or forks."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import logging

    from pat_events.transports.sending import Outgoing

#: What a sender says that came along with a fork.
FORKED: Final = (
    "this producer belongs to the process that made it and does not survive fork(): "
    "make one per process"
)
# How long a process that ends waits for what was published without close, in seconds.
_EXIT_S: Final = 5.0


class _Sender(Protocol):
    @property
    def ended(self) -> bool: ...

    def flush(self, timeout_s: float) -> list[Outgoing]: ...

    def abandon_after_fork(self) -> None: ...


# Each with where it logs.
_senders: weakref.WeakKeyDictionary[_Sender, logging.Logger] = weakref.WeakKeyDictionary()


def watch(sender: _Sender, log: logging.Logger) -> None:
    """Flush a sender when its process ends, and tell it when it is in a forked child."""
    _senders[sender] = log


def _at_exit() -> None:
    """Wait a little for what a process that ends without ``close`` has published."""
    for sender, log in list(_senders.items()):
        if not sender.ended and (lost := sender.flush(_EXIT_S)):
            log.error(
                "%d events may be lost: the process ended without Producer.close() before they "
                "were acknowledged (what a consumer group's handlers published comes again)",
                len(lost),
            )


def _after_fork_in_child() -> None:
    for sender in list(_senders):
        sender.abandon_after_fork()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
