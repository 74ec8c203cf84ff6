"""All dead letters of a queue of SQS back at once, by SQS itself."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from pat_events.core.checks import require_at_least_1
from pat_events.errors import ConfigError
from pat_events.ops.letters.redriving import check_target
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.queue_moves import QueueMoves

if TYPE_CHECKING:
    from pat_events.transports.aws.queue_moves import Move

_PER_S_MAX: Final = 500


def start(
    queue: str, *, to: str | None = None, per_s: int | None = None, aws: AwsConfig | None = None
) -> None:
    """Have SQS move all messages of a dead-letter queue to the queues that gave them up.

    Args:
        queue: Name or URL of the dead-letter queue.
        to: Name of the queue that gets them instead, of the same account and region.
        per_s: Most messages a second, 1 to 500; SQS's choice when None.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: a task is under way, this is no dead-letter queue of another queue, or no such
            queue or rate is possible.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    check_target(queue, to)
    if per_s is not None:
        require_at_least_1("per_s", per_s)
        if per_s > _PER_S_MAX:
            raise ConfigError(f"per_s is {per_s}: SQS moves at most {_PER_S_MAX} a second")
    with closing(QueueMoves(queue, AwsConfig.given(aws))) as moves:
        moves.start(to, per_s)


def latest(queue: str, *, aws: AwsConfig | None = None) -> Move:
    """Return how far the last task of a queue has come; it goes on whether or not somebody looks.

    Raises:
        ConfigError: there was none.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    with closing(QueueMoves(queue, AwsConfig.given(aws))) as moves:
        move = moves.latest()
        if move is None:
            raise ConfigError(f"SQS has moved no messages of {moves.name} yet")
        return move


def cancel(queue: str, *, aws: AwsConfig | None = None) -> int:
    """End the task that is under way; returns how many messages it has moved, about.

    Raises:
        ConfigError: none is under way.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    with closing(QueueMoves(queue, AwsConfig.given(aws))) as moves:
        return moves.cancel()
