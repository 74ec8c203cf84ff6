"""Become a part: ``launch.py LOCK SIGNAL PARENT COMMAND...``, run as a script of its own.

LOCK is a file that stays locked, and holds the process id, for as long as the process lives
(empty: none). SIGNAL is what the kernel sends the process when its parent dies (0: it outlives
its parent). All of it survives the exec, so the command needs to know nothing about it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys

PR_SET_PDEATHSIG = 1


def _lock(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())  # first: who finds the lock held reads it
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes no keyword


def _die_with(parent: int, signal_number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(f"the starting process {parent} is gone")


def main() -> None:
    """Lock, tie, exec."""
    lock, signal_number, parent, *command = sys.argv[1:]
    if lock:
        _lock(lock)
    if int(signal_number):
        _die_with(int(parent), int(signal_number))
    os.execvp(command[0], command)  # noqa: S606 - becoming the given command is the purpose


if __name__ == "__main__":
    main()
