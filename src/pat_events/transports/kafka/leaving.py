"""What comes before a client that is a group's member may be closed."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from pat_events.transports.kafka.readiness import not_ready

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Consumer, KafkaError, TopicPartition

# Longest wait for the group's coordinator before the last commit, in seconds.
_COORDINATOR_ANSWER_S: Final = 5.0
# Longest wait for the client to tell that partitions are revoked, in seconds: it puts that off
# while others take their time to join.
_GIVE_BACK_S: Final = 5.0
# Longest wait for a client to end whose coordinator is silent, in seconds.
_SILENT_CLOSE_S: Final = 1.0
# A queue in which nothing came for so long is empty, in seconds.
_TICK_S: Final = 0.01


def unanswered(client: Consumer, partitions: Sequence[TopicPartition]) -> KafkaError | None:
    """Return why the last commit cannot be waited for, None where it can.

    For a coordinator that is gone the client would wait 45 s, and for one that is frozen
    without a limit. A question has a limit, and has to come before the client begins to end.
    """
    if not partitions:
        return None
    try:
        client.committed(list(partitions[:1]), timeout=_COORDINATOR_ANSWER_S)
    except KafkaException as error:
        if not_ready(error):
            return error.args[0]  # type: ignore[no-any-return]
    return None


def give_back(client: Consumer, *, is_static: bool) -> None:
    """Have everything revoked, or at least answered, while the client still lives.

    An assignment that waits to be polled, as one does amid a rebalance, is fatal to ``close``:
    a client that ends takes the answer to it for the one to the revocation, leaves the group
    before the last commit, and may never return from ``incremental_unassign``.
    """
    try:
        # What was fetched would lie before the revocation in the client's queue.
        client.pause(client.assignment())
        # A static member would give up what is kept for it over a restart.
        if not is_static:
            client.unsubscribe()
    except KafkaException:
        return  # It met a fatal error: nothing more is assigned to it.
    deadline = time.monotonic() + _GIVE_BACK_S
    while time.monotonic() < deadline:
        # What is read here was not handed over: the next owner begins with it.
        read = client.consume(1, _TICK_S)
        if not read and (is_static or not client.assignment()):
            return


def close_unanswered(client: Consumer) -> None:
    """Close a client whose coordinator is silent, in a thread that is waited for a moment only.

    It would wait for the answer to each commit that is on its way: 60 s.
    """
    ending = threading.Thread(
        target=_close_quietly, args=(client,), name="pat-events-close", daemon=True
    )
    ending.start()
    ending.join(_SILENT_CLOSE_S)


def _close_quietly(client: Consumer) -> None:
    with suppress(KafkaException, RuntimeError):
        client.close()
