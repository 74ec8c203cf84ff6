"""A dead-letter queue of SQS: what is in it, as somebody sees it who looks, and sends it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pat_events.core.dead_letter import REASON
from pat_events.transports.aws.calls import call
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import MOST_ENTRIES, AwsConfig
from pat_events.transports.aws.errors import Resource, of_batch, of_exception
from pat_events.transports.aws.queue_names import (
    check_queue,
    name_of_arn,
    redrive_of,
    short_name,
    url_of,
)
from pat_events.transports.aws.sqs_receiver import MAX_VISIBILITY_S, SqsReceiver
from pat_events.transports.queue import QueueFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.config import Config
    from pat_events.transports.aws.batching import Answer, Refused
    from pat_events.transports.aws.unwrap import Unwrap
    from pat_events.transports.queue import QueueMessage

#: Most bytes of the messages of one call.
MAX_BYTES: Final = 1_048_576
#: Most messages of one call.
MAX_BATCH: Final = MOST_ENTRIES
_LOOK: Final = (
    "sqs:ReceiveMessage, sqs:ChangeMessageVisibility, sqs:DeleteMessage and sqs:GetQueueAttributes "
    "(and sqs:GetQueueUrl for a queue that is named)"
)
# What a consumer of ours, EventBridge, SNS or Lambda say of what they gave up.
_CAUSES: Final = (REASON, "ERROR_CODE", "ErrorCode")
_VALUES: Final = ("StringValue", "BinaryValue")
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What a queue holds, about.

    Attributes:
        queue: Its name.
        letters: Messages that can be received.
        in_flight: Those that somebody has received, and keeps for a while.
        delayed: Those that come later.
        retention_s: How long a message is kept, in seconds.
        moves_to: Where it moves messages itself after ``max_receives``; None for a queue that does
            not, as a dead-letter queue should be.
        max_receives: See there.
    """

    queue: str
    letters: int
    in_flight: int
    delayed: int
    retention_s: int
    moves_to: str | None
    max_receives: int


@dataclass(frozen=True, slots=True)
class QueueLetter:
    """One message of a dead-letter queue.

    Attributes:
        message: As a consumer would have got it: what was wrapped around the event is taken off.
        source: Name of the queue that gave it up; None where SQS does not say.
        cause: What a consumer of ours, EventBridge, SNS or Lambda said of it; None where a queue
            gave it up.
        deduplication_id: Of a FIFO queue's, what the queue tells duplicates by; else None.
        fields: What sends it as it is, but for that.
        size_bytes: What counts towards the limits of a call.
    """

    message: QueueMessage
    source: str | None
    cause: str | None
    deduplication_id: str | None
    fields: Mapping[str, Any]
    size_bytes: int

    @property
    def message_id(self) -> str:
        """What its queue calls it."""
        return self.message.message_id


class LetterQueue:
    """A queue to look into, and to send its messages to another one.

    Args:
        queue: Its name, URL or ARN.
        config: Where, and how long calls may take.
        unwrap: Takes off what was wrapped around an event.

    Raises:
        ConfigError: this is no name, URL or ARN of a queue; no region is named; or the extra
            ``aws`` is not installed.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """

    def __init__(self, queue: str, config: AwsConfig, unwrap: Unwrap) -> None:
        check_queue(queue)
        self.name = short_name(queue)
        self._unwrap = unwrap
        self._client = Clients("sqs", AwsConfig.given(config, queue)).make()
        self._region: str = self._client.meta.region_name
        self._place = Resource(f"queue {self.name}", self._region, _LOOK, "looking into")
        self.url: str = call(self._place, url_of, queue=queue, client=self._client)
        # What messages were when they were received, by their ids.
        self._received: dict[str, Mapping[str, Any]] = {}

    @property
    def is_fifo(self) -> bool:
        """Whether messages of one group keep their order."""
        return self.name.endswith(".fifo")

    def close(self) -> None:
        """Close its connections; a later call makes another."""
        self._client.close()

    def counts(self) -> QueueCounts:
        """Return what is in it, about; looks at no message.

        Raises:
            TransportError: as for the class.
        """
        answer = call(
            self._place,
            self._client.get_queue_attributes,
            QueueUrl=self.url,
            AttributeNames=[*_COUNTS, "MessageRetentionPeriod", "RedrivePolicy"],
        )
        found = answer.get("Attributes", {})
        redrive = redrive_of(found)
        letters, in_flight, delayed = (int(found.get(name, 0)) for name in _COUNTS)
        return QueueCounts(
            queue=self.name,
            letters=letters,
            in_flight=in_flight,
            delayed=delayed,
            retention_s=int(found.get("MessageRetentionPeriod", 0)),
            moves_to=None if redrive is None else redrive.queue,
            max_receives=0 if redrive is None else redrive.max_receives,
        )

    def features(self, timeout_s: float) -> QueueFeatures:  # noqa: ARG002 - the client's time holds
        """Ask what the queue can do; see ``Queue.features``."""
        found = self.counts()
        return QueueFeatures(
            fifo=self.is_fifo,
            max_receives=None if found.moves_to is None else found.max_receives,
            max_visibility_s=MAX_VISIBILITY_S,
            max_batch=MAX_BATCH,
        )

    def receiver(self, config: Config | None = None) -> SqsReceiver:  # noqa: ARG002 - see unwrap
        """Return a receiver whose messages ``letter`` knows; see ``Queue.receiver``."""
        return SqsReceiver(
            self._client,
            self._client,
            self.url,
            self._place,
            self._unwrap,
            fifo=self.is_fifo,
            kept=self._received,
        )

    def letter(self, message: QueueMessage) -> QueueLetter:
        """Return what can be sent on of a message that was received, once."""
        return _letter(message, self._received.pop(message.message_id), is_fifo=self.is_fifo)

    def send(
        self, letters: Sequence[QueueLetter], ids: Sequence[str | None], queue: str
    ) -> Sequence[Answer] | Refused:
        """Send messages to a queue, in one call; returns what became of each, or of the call.

        Args:
            letters: At most ``MAX_BATCH`` and ``MAX_BYTES``; of a group of a FIFO queue one.
            ids: Their deduplication ids.
            queue: Name of a queue beside this one, or a URL or ARN.
        """
        name = short_name(queue)
        place = Resource(f"queue {name}", self._region, "sqs:SendMessage")
        # A queue and its dead-letter queue are of one account and region.
        beside = f"{self.url.rpartition('/')[0]}/{name}"
        entries = [
            {"Id": str(number), **letter.fields}
            | ({} if dedup is None else {"MessageDeduplicationId": dedup})
            for number, (letter, dedup) in enumerate(zip(letters, ids, strict=True))
        ]
        try:
            url = beside if name == queue else url_of(queue, self._client)
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
        except Exception as error:  # noqa: BLE001 - what is none of boto3's goes on
            return of_exception(place, error)
        return of_batch(place, answer, len(entries))


def _letter(message: QueueMessage, received: Mapping[str, Any], *, is_fifo: bool) -> QueueLetter:
    system = received.get("Attributes", {})
    attributes = {name: _sendable(it) for name, it in received.get("MessageAttributes", {}).items()}
    fields: dict[str, Any] = {"MessageBody": received["Body"]}
    if attributes:
        fields["MessageAttributes"] = attributes
    if "AWSTraceHeader" in system:
        trace = {"DataType": "String", "StringValue": system["AWSTraceHeader"]}
        fields["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
    if "MessageGroupId" in system:
        fields["MessageGroupId"] = system["MessageGroupId"]
    source = system.get("DeadLetterQueueSourceArn")
    causes = (attributes.get(name, {}).get("StringValue") for name in _CAUSES)
    return QueueLetter(
        message=message,
        source=None if source is None else name_of_arn(source),
        cause=next(filter(None, causes), None),
        deduplication_id=system.get("MessageDeduplicationId") if is_fifo else None,
        fields=fields,
        size_bytes=_size(received["Body"], attributes),
    )


def _sendable(attribute: Mapping[str, Any]) -> dict[str, Any]:
    # What comes may have lists beside it, which SQS does not take.
    return {name: attribute[name] for name in ("DataType", *_VALUES) if name in attribute}


def _size(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    size = len(body.encode(errors="surrogatepass"))
    for name, attribute in attributes.items():
        size += len(name.encode()) + len(attribute["DataType"].encode())
        for value in (attribute[it] for it in _VALUES if it in attribute):
            size += len(value if isinstance(value, bytes) else value.encode())
    return size
