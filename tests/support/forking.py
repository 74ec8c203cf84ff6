"""A child of the tests' own process."""

from __future__ import annotations

import gc
import os


def fork() -> int:
    """Fork; what other tests left to the garbage collector is not collected by the child.

    A client of librdkafka's may be among it, and crashes where its threads are not.
    """
    gc.freeze()
    child = os.fork()
    if child:
        gc.unfreeze()
    return child
