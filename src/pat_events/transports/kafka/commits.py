"""Committing positions, and what becomes of commits that nobody waits for."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from pat_events.core.repeats import Repeats, more_like_it
from pat_events.transports.kafka.errors import kafka_errors, translate
from pat_events.transports.log import CommitAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from confluent_kafka import Consumer, TopicPartition

    _Positions: TypeAlias = frozenset[tuple[str, int, int]]

_log = logging.getLogger("pat_events.kafka")
# Of all consumers: while a coordinator is away each commit of each fails.
_repeats = Repeats()

# Of so many, answers are awaited, and kept until they are asked for.
_MOST_ASKED: Final = 100
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


def commit(client: Consumer, positions: list[TopicPartition]) -> None:
    """Commit positions, and return when the broker has answered.

    Raises:
        TransportError: one was not committed.
    """
    with kafka_errors("committing"):
        for position in client.commit(offsets=positions, asynchronous=False) or ():
            if position.error is not None:
                where = f"{position.topic}/{position.partition}"
                raise translate(position.error, f"committing {where}")


class Commits:
    """Commits that nobody waits for, until they are answered. One thread owns it."""

    def __init__(self) -> None:
        # When each was asked for, the latest last, in monotonic seconds.
        self._asked: dict[_Positions, float] = {}
        self._answers: list[CommitAnswer] = []

    def ask(self, client: Consumer, positions: list[TopicPartition]) -> None:
        """Commit positions without waiting."""
        with kafka_errors("committing"):
            client.commit(offsets=positions, asynchronous=True)
        # Where nobody answers there are no more than the latest.
        while len(self._asked) >= _MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[_pairs(positions)] = time.monotonic()

    def answered(self, error: KafkaError | None, positions: list[TopicPartition]) -> None:
        """Note what came of one, and log why it failed; the client's callback, within a poll."""
        # The client names an error of the whole only where no partition was committed.
        error = error or next((p.error for p in positions if p.error is not None), None)
        now = time.monotonic()
        asked_at = self._asked.pop(_pairs(positions), None)
        if error is not None and error.code() in _OVERTAKEN:
            _log.info("a rebalance overtook a commit: %s", error.name())
            return
        if error is not None:
            _log_failed(error, now)
        # Of another one, such as the last before leaving, whoever waited for it knows.
        if asked_at is not None and len(self._answers) < _MOST_ASKED:
            offsets = {(it.topic, it.partition): it.offset for it in positions}
            failure = None if error is None else translate(error, "committing")
            self._answers.append(CommitAnswer(offsets, now - asked_at, failure))

    def answers(self) -> Sequence[CommitAnswer]:
        """Return what was answered since the last time."""
        answers, self._answers = self._answers, []
        return answers


def _pairs(positions: list[TopicPartition]) -> _Positions:
    return frozenset((it.topic, it.partition, it.offset) for it in positions)


def _log_failed(error: KafkaError, now: float) -> None:
    more = _repeats.note(error.code(), now)
    if more is not None:
        _log.warning(
            "a commit failed, a later one repeats it: %s%s", error.str(), more_like_it(more)
        )
