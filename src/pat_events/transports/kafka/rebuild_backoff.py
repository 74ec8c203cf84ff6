"""When to replace a client that is dead."""

from __future__ import annotations

import math
from typing import Final

from confluent_kafka import KafkaError

# Waits between rebuilds that do not help, in seconds; the first rebuild is at once.
FIRST_S: Final = 0.05
MAX_S: Final = 10.0

# The session of the idempotent producer is over, the event itself is sound: a new client
# sends it again. The event that met the fatal error carries the broker's own code.
_SESSION_OVER: Final = frozenset(
    {
        KafkaError._FATAL,  # noqa: SLF001 - the library's name for it
        KafkaError._PURGE_QUEUE,  # noqa: SLF001
        KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    }
)


def ends_session(error: KafkaError) -> bool:
    """Tell whether an event failed with the client, and not for a reason of its own."""
    return error.fatal() or error.code() in _SESSION_OVER


class RebuildBackoff:
    """A cluster that refuses every producer is asked less and less often.

    A rebuild has helped when a record was settled since the last one. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._settled = -1
        self._wait_s = 0.0
        self._next = -math.inf

    def due(self, now: float) -> bool:
        """Tell whether a rebuild may begin."""
        return now >= self._next

    def begin(self, now: float, settled: int) -> None:
        """Note that a rebuild begins.

        Args:
            now: The time.
            settled: How many records were settled since the sender was made.
        """
        if settled != self._settled or now - self._next > MAX_S:
            self._settled = settled
            self._wait_s = 0.0
        else:
            self._wait_s = min(max(FIRST_S, self._wait_s * 2), MAX_S)
        self._next = now + self._wait_s
