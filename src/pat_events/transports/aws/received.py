"""From what SQS hands out to messages. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pat_events.core import headers as h
from pat_events.transports.queue import QueueMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.transports.aws.unwrap import Unwrap


def to_message(
    queue: str, received: Mapping[str, Any], unwrap: Unwrap, *, fifo: bool
) -> QueueMessage:
    """Return a message of ``ReceiveMessage`` as a consumer has it.

    Message attributes are its headers, and X-Ray's trace one more; of a FIFO queue the group is
    the key.
    """
    system = received.get("Attributes", {})
    attributes = received.get("MessageAttributes", {})
    headers = [(name, _value(attribute)) for name, attribute in attributes.items()]
    value, headers = unwrap(received["Body"], headers)
    if (x_ray := system.get("AWSTraceHeader")) is not None:
        headers.append((h.X_RAY, x_ray.encode(errors="replace")))
    group = system.get("MessageGroupId") if fifo else None
    return QueueMessage(
        queue,
        None if group is None else group.encode(),
        value,
        headers,
        _number(system, "SentTimestamp"),
        message_id=received["MessageId"],
        receipt=received["ReceiptHandle"],
        receive_count=_number(system, "ApproximateReceiveCount") or 1,
        group=group,
        first_received_ms=_number(system, "ApproximateFirstReceiveTimestamp"),
    )


def _value(attribute: Mapping[str, Any]) -> bytes | None:
    if "BinaryValue" in attribute:
        binary: bytes = attribute["BinaryValue"]
        return binary
    text: str | None = attribute.get("StringValue")
    return None if text is None else text.encode(errors="surrogatepass")


def _number(attributes: Mapping[str, str], name: str) -> int:
    shown = attributes.get(name, "")
    return int(shown) if shown.isascii() and shown.isdigit() else 0
