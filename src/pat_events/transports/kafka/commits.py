"""Committing positions, and what becomes of commits that nobody waits for."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from pat_events.core.repeats import Repeats, more_like_it
from pat_events.transports.kafka.errors import kafka_errors, translate

if TYPE_CHECKING:
    from confluent_kafka import Consumer, TopicPartition

_log = logging.getLogger("pat_events.kafka")
# Of all consumers: while a coordinator is away each commit of each fails.
_repeats = Repeats()

# A commit that a rebalance overtook: expected, and the next owner reads again.
_OVERTAKEN: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
        KafkaError._NO_OFFSET,  # noqa: SLF001
    }
)


def commit(client: Consumer, positions: list[TopicPartition], *, wait: bool) -> None:
    """Commit positions; with ``wait`` the call returns when the broker has answered.

    Raises:
        TransportError: one was not committed, of those that are waited for.
    """
    with kafka_errors("committing"):
        if not wait:
            client.commit(offsets=positions, asynchronous=True)
            return
        for position in client.commit(offsets=positions, asynchronous=False) or ():
            if position.error is not None:
                where = f"{position.topic}/{position.partition}"
                raise translate(position.error, f"committing {where}")


def log_failed(error: KafkaError | None, positions: list[TopicPartition]) -> None:
    """Log why a commit failed that nobody waits for; the client's callback for all of them."""
    # The client names an error of the whole only where no partition was committed.
    error = error or next((p.error for p in positions if p.error is not None), None)
    if error is None:
        return
    if error.code() in _OVERTAKEN:
        _log.info("a rebalance overtook a commit: %s", error.name())
    else:
        more = _repeats.note(error.code(), time.monotonic())
        if more is not None:
            _log.warning(
                "a commit failed, a later one repeats it: %s%s", error.str(), more_like_it(more)
            )
