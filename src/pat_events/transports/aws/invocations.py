"""What AWS invokes a Lambda function with, and what is answered. Pure.

Known by their shape are event source mappings of SQS, MSK and self-managed Kafka, which hand over
many records and want to be told which of them failed; and SNS and EventBridge, which hand over one
and try again when the function raises.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pat_events.core import headers as h
from pat_events.core.record import Delivery
from pat_events.core.shown import one_line
from pat_events.core.trace_context import parse_x_ray
from pat_events.errors import UnknownEventError
from pat_events.transports.aws.queue_names import name_of_arn
from pat_events.transports.aws.received import to_message
from pat_events.transports.aws.unwrap import sns_headers
from pat_events.transports.queue import QueueMessage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pat_events.core.lanes import Order
    from pat_events.core.record import Header
    from pat_events.transports.aws.unwrap import Unwrapping

#: What an event of EventBridge has for a topic: on which bus it was it does not say.
EVENT_BRIDGE: Final = "eventbridge"
_KAFKA: Final = ("aws:kafka", "SelfManagedKafka")
_SYSTEMS: Final = {
    "sqs": "aws_sqs",
    "sns": "aws.sns",
    "eventbridge": "aws.eventbridge",
    "kafka": "kafka",
}
_SHOWN_MAX: Final = 200


class Invocation(NamedTuple):
    """What a function was invoked with.

    Attributes:
        source: What messages call it, such as ``"queue emails"``.
        parts: The deliveries. Of Kafka each partition is one of these lists; else there is one.
        order: What is kept in order within a part.
        by: What invoked the function.
    """

    source: str
    parts: list[list[Delivery]]
    order: Order
    by: Literal["sqs", "sns", "eventbridge", "kafka"]

    @property
    def system(self) -> str:
        """What carried the events, as OpenTelemetry names it, or would."""
        return _SYSTEMS[self.by]

    @property
    def shared(self) -> bool:
        """Whether others read the same: what no handler here is for is theirs, and skipped."""
        return self.by == "kafka"

    @property
    def reports(self) -> bool:
        """Whether it is told which failed; else the function has to raise."""
        return self.by in ("sqs", "kafka")

    def answer(self, failed: Collection[Delivery]) -> dict[str, Any] | None:
        """Return what tells AWS that these failed; None where nothing is to be told."""
        if not self.reports:
            return None
        identifiers: Iterable[Any]
        if self.order == "partition":
            firsts = ([each for each in part if each in failed][:1] for part in self.parts)
            identifiers = [
                {"partition": f"{first.topic}-{first.partition}", "offset": first.offset}
                for [first] in filter(None, firsts)
            ]
        else:
            identifiers = [
                each.position.message_id for part in self.parts for each in part if each in failed
            ]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}


def read_invocation(event: object, unwrapping: Unwrapping, x_ray: str | None) -> Invocation:
    """Return what an event of Lambda's hands over.

    Args:
        event: As AWS hands it to the function.
        unwrapping: Takes envelopes off.
        x_ray: The invocation's trace header of X-Ray, for what brings no trace itself.

    Raises:
        UnknownEventError: it is of no source that is known here.
    """
    try:
        found = _read(event, unwrapping)
    except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
        told = one_line(f"{type(error).__name__}: {error}", _SHOWN_MAX)
        raise UnknownEventError(
            f"the function was invoked with a malformed event: {told}"
        ) from error
    if found is None:
        shown = list(event) if isinstance(event, dict) else type(event).__name__
        raise UnknownEventError(
            f"the function was invoked with {one_line(str(shown), _SHOWN_MAX)}: events of SQS, "
            "SNS, EventBridge, MSK and self-managed Kafka are read"
        )
    if x_ray is not None and parse_x_ray(header := x_ray.encode(errors="replace")) is not None:
        for delivery in chain.from_iterable(found.parts):
            _carry(delivery, header)
    return found


def _carry(delivery: Delivery, x_ray: bytes) -> None:
    if h.X_RAY not in delivery.header_values:
        delivery.all_if_repeated = delivery.headers  # As they came.
        delivery.header_values = {**delivery.header_values, h.X_RAY: x_ray}


def _read(event: Any, unwrapping: Unwrapping) -> Invocation | None:  # noqa: ANN401 - of any shape
    if not isinstance(event, dict):
        return None
    if event.get("eventSource") in _KAFKA:
        return _of_kafka(event)
    if "detail-type" in event and "detail" in event:
        return _of_event_bridge(event, unwrapping)
    records = event.get("Records") or [{}]
    if records[0].get("eventSource") == "aws:sqs":
        return _of_sqs(records, unwrapping)
    if records[0].get("EventSource") == "aws:sns":
        return _of_sns(records, unwrapping)
    return None


def _of_sqs(records: list[dict[str, Any]], unwrapping: Unwrapping) -> Invocation:
    queue = name_of_arn(records[0]["eventSourceARN"])
    fifo = queue.endswith(".fifo")
    messages: list[Delivery] = []
    for offset, record in enumerate(records):
        received = {
            "MessageId": record["messageId"],
            "ReceiptHandle": record["receiptHandle"],
            "Body": record["body"],
            "Attributes": record.get("attributes") or {},
            "MessageAttributes": {
                name: _attribute(each)
                for name, each in (record.get("messageAttributes") or {}).items()
            },
        }
        message = to_message(queue, received, unwrapping, fifo=fifo)
        message.offset = offset
        message.attempt = message.receive_count
        messages.append(message)
    return Invocation(f"queue {queue}", [messages], "key" if fifo else "none", "sqs")


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message attribute as ``ReceiveMessage`` has it."""
    binary = attribute.get("binaryValue")
    if binary is not None:
        return {"BinaryValue": base64.b64decode(binary)}
    return {"StringValue": attribute.get("stringValue")}


def _of_sns(records: list[dict[str, Any]], unwrapping: Unwrapping) -> Invocation:
    messages: list[Delivery] = []
    topic = name_of_arn(records[0]["Sns"]["TopicArn"])
    for record in records:
        sns = record["Sns"]
        headers = sns_headers(sns.get("MessageAttributes"))
        value, headers = unwrapping(sns["Message"], headers)
        at_ms = _milliseconds(sns.get("Timestamp"))
        messages.append(_message(topic, sns["MessageId"], value, headers, at_ms, len(messages)))
    return Invocation(f"topic {topic}", [messages], "none", "sns")


def _of_event_bridge(event: dict[str, Any], unwrapping: Unwrapping) -> Invocation:
    unwrapped = unwrapping.unwrap_event(event, [])
    value, headers = unwrapped or (_text(event), [])
    at_ms = _milliseconds(event.get("time"))
    message = _message(EVENT_BRIDGE, str(event["id"]), value, headers, at_ms, 0)
    return Invocation("EventBridge", [[message]], "none", "eventbridge")


def _message(
    topic: str,
    message_id: str,
    value: bytes | None,
    headers: list[Header],
    at_ms: int,
    offset: int,
) -> QueueMessage:
    message = QueueMessage(
        topic,
        None,
        value,
        headers,
        at_ms,
        message_id=message_id,
        receipt="",
        receive_count=1,
        group=None,
        first_received_ms=0,
    )
    message.offset = offset
    return message


def _of_kafka(event: dict[str, Any]) -> Invocation:
    parts: list[list[Delivery]] = [
        [
            Delivery(
                record["topic"],
                record["partition"],
                record["offset"],
                _bytes(record.get("key")),
                _bytes(record.get("value")),
                [
                    (name, _bytes(value))
                    for header in record.get("headers") or ()
                    for name, value in header.items()
                ],
                record.get("timestamp") or 0,
            )
            for record in sorted(records, key=lambda record: record["offset"])
        ]
        for records in event["records"].values()
    ]
    topics = sorted({each.topic for part in parts for each in part})
    return Invocation(f"topic {', '.join(topics)}", parts, "partition", "kafka")


def _bytes(value: str | list[int] | None) -> bytes | None:
    """Decode base64, or the numbers of a header, which are Java's bytes and may be negative."""
    if value is None:
        return None
    if isinstance(value, list):
        return bytes(each & 0xFF for each in value)
    return base64.b64decode(value)


def _text(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode(errors="surrogatepass")


def _milliseconds(text: object) -> int:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return 0
