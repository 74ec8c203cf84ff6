"""SQS's own tasks that move all messages of a dead-letter queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ConfigError
from pat_events.transports.aws.calls import call
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.errors import Resource
from pat_events.transports.aws.queue_names import (
    check_queue,
    is_arn,
    name_of_arn,
    short_name,
    url_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


_DONE: Final = "COMPLETED"
_OVER: Final = frozenset({_DONE, "CANCELLED", "FAILED"})


@dataclass(frozen=True, slots=True)
class Move:
    """A task, as far as it has come. Counts are SQS's, and about.

    Attributes:
        queue: Name of the dead-letter queue.
        to: Name of the queue that gets the messages; None for the one that each came from.
        state: RUNNING, CANCELLING, COMPLETED, CANCELLED or FAILED.
        reason: Why it failed; empty where it did not.
        moved: Messages that were moved.
        messages: Messages there were when it began; None where SQS has not told yet.
        started: When it began, UTC; None where SQS does not tell.
    """

    queue: str
    to: str | None
    state: str
    reason: str
    moved: int
    messages: int | None
    started: datetime | None

    @property
    def over(self) -> bool:
        """Whether it moves nothing any more."""
        return self.state in _OVER

    @property
    def completed(self) -> bool:
        """Whether it has moved all there was."""
        return self.state == _DONE


class QueueMoves:
    """The tasks of one dead-letter queue.

    Args:
        queue: Its name, URL or ARN.
        config: Where, and how long calls may take.

    Raises:
        ConfigError: this is no name, URL or ARN of a queue; no region is named; or the extra
            ``aws`` is not installed.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """

    def __init__(self, queue: str, config: AwsConfig) -> None:
        check_queue(queue)
        self.name = short_name(queue)
        self._client = Clients("sqs", AwsConfig.given(config, queue)).make()
        self._region: str = self._client.meta.region_name
        look = self._place("sqs:GetQueueAttributes (and sqs:GetQueueUrl)", "looking at")
        url = call(look, url_of, queue=queue, client=self._client)
        found = call(
            look, self._client.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"]
        )
        self._arn: str = found["Attributes"]["QueueArn"]

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def start(self, to: str | None, per_s: int | None) -> None:
        """Have all messages moved.

        Args:
            to: Name of the queue of the same account and region that gets them; None for the one
                that each came from.
            per_s: Most messages a second; SQS's choice when None.

        Raises:
            ConfigError: a task is under way, or this is no dead-letter queue of another queue.
            TransportError: as for the class.
        """
        latest = self.latest()
        if latest is not None and not latest.over:
            raise ConfigError(
                f"the messages of {self.name} are being moved ({latest.state}): watch it, or "
                "cancel it first"
            )
        fields: dict[str, Any] = {"SourceArn": self._arn}
        if to is not None:
            beside = f"{self._arn.rpartition(':')[0]}:{short_name(to)}"
            fields["DestinationArn"] = to if is_arn(to) else beside
        if per_s is not None:
            fields["MaxNumberOfMessagesPerSecond"] = per_s
        no_letters = ConfigError(
            f"SQS moves no messages of {self.name} in {self._region}: it does so for a queue that "
            "another one names in its redrive policy, one task at a time"
        )
        right = (
            "sqs:StartMessageMoveTask, sqs:ReceiveMessage and sqs:DeleteMessage (and "
            "sqs:SendMessage on the queues that get the messages)"
        )
        known = {"InvalidParameterValue": no_letters}
        place = self._place(right, "moving the messages of")
        call(place, self._client.start_message_move_task, known, **fields)

    def latest(self) -> Move | None:
        """Return the task that was started last; None where there was none.

        Raises:
            TransportError: as for the class.
        """
        found = self._latest()
        return None if found is None else _move(self.name, found)

    def cancel(self) -> int:
        """End the task that is under way; returns how many messages it has moved, about.

        Raises:
            ConfigError: none is under way.
            TransportError: as for the class.
        """
        found = self._latest()
        handle = None if found is None else found.get("TaskHandle")
        nothing = ConfigError(f"no messages of {self.name} in {self._region} are being moved")
        if handle is None:
            raise nothing
        place = self._place("sqs:CancelMessageMoveTask", "cancelling the move of")
        known = {"ResourceNotFoundException": nothing}
        answer = call(place, self._client.cancel_message_move_task, known, TaskHandle=handle)
        return int(answer.get("ApproximateNumberOfMessagesMoved", 0))

    def _latest(self) -> Mapping[str, Any] | None:
        place = self._place("sqs:ListMessageMoveTasks", "asking for moves of")
        answer = call(place, self._client.list_message_move_tasks, SourceArn=self._arn)
        return next(iter(answer.get("Results", ())), None)

    def _place(self, right: str, doing: str) -> Resource:
        return Resource(f"queue {self.name}", self._region, right, doing)


def _move(queue: str, found: Mapping[str, Any]) -> Move:
    to, started_ms = found.get("DestinationArn"), found.get("StartedTimestamp")
    return Move(
        queue=queue,
        to=None if to is None else name_of_arn(to),
        state=found["Status"],
        reason=found.get("FailureReason") or "",
        moved=found.get("ApproximateNumberOfMessagesMoved") or 0,
        messages=found.get("ApproximateNumberOfMessagesToMove"),
        started=None if started_ms is None else datetime.fromtimestamp(started_ms / 1000, UTC),
    )
