"""What SQS and SNS take beside the body: message attributes, and the ids of FIFO. Pure."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.table import STRUCTURED
from pat_events.core import headers as h
from pat_events.core.claim import TOO_LARGE_ADVICE
from pat_events.core.shown import one_line
from pat_events.errors import RecordTooLargeError, SchemaError
from pat_events.transports.aws.envelope import REFUSED, header_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.transports.aws.envelope import Wrapped

#: Most message attributes that SQS and SNS take.
MOST_ATTRIBUTES: Final = 10
_ATTRIBUTES: Final = (h.CE_ID, h.CE_TYPE, h.CE_SOURCE, h.CE_TENANT_ID, h.TRACEPARENT, h.TRACESTATE)
_FIFO_ID: Final = re.compile("[!-~]{1,128}")
_ATTRIBUTE_NAME: Final = re.compile(r"(?!(?i:aws|amazon)\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_ATTRIBUTE_NAME_MAX: Final = 256
_SHOWN_MAX: Final = 100


def message_attributes(wrapped: Wrapped) -> tuple[dict[str, Mapping[str, Any]], int]:
    """Return the attributes of a message for SQS or SNS, and the bytes they take.

    Raises:
        SchemaError: there are more than ten, or the bus cannot carry one.
    """
    values = wrapped.headers
    found: dict[str, Mapping[str, Any]] = {h.CONTENT_TYPE: string_attribute(STRUCTURED)}
    size = len(h.CONTENT_TYPE) + len(STRUCTURED) + len("String")
    for name in _ATTRIBUTES:
        if value := values.get(name):
            found[name] = string_attribute(_carried(name, value))
            size += len(name) + len(value) + len("String")
    for name, value in wrapped.extra.items():
        _check_attribute(name, value)
        found[name] = {"DataType": "Binary", "BinaryValue": value}
        size += len(name) + len(value) + len("Binary")
    if len(found) > MOST_ATTRIBUTES:
        raise SchemaError(
            f"{wrapped.event_type.name} has {len(found)} message attributes with its "
            f"{len(wrapped.extra)} headers, the bus takes {MOST_ATTRIBUTES}: put more into the "
            "event"
        )
    return found, size


def message_fields(
    body_name: str, body: str, wrapped: Wrapped, *, is_fifo: bool, limit: tuple[str, int]
) -> tuple[dict[str, Any], int]:
    """Return what a call says of a message, and the bytes that count towards the limit.

    Args:
        body_name: What the bus calls the body.
        body: What is sent.
        wrapped: The event in it.
        is_fifo: Whether queue or topic are FIFO.
        limit: Name of the bus, and the bytes it takes.

    Raises:
        SchemaError: the bus cannot carry it.
        RecordTooLargeError: it is larger than the bus takes.
    """
    attributes, size = message_attributes(wrapped)
    fields: dict[str, Any] = {body_name: body, "MessageAttributes": attributes}
    if is_fifo:
        fields |= fifo_fields(wrapped)
    size += len(body.encode())
    bus, most = limit
    if size > most:
        raise RecordTooLargeError(
            f"{wrapped.event_type.name} takes {size} bytes as a message, {bus} takes "
            f"{most}: {TOO_LARGE_ADVICE}"
        )
    return fields, size


def fifo_id(text: str) -> str:
    """Return a text as group or deduplication id: itself, or its hash where it cannot be one."""
    return text if _FIFO_ID.fullmatch(text) else sha256(text.encode()).hexdigest()


def fifo_fields(wrapped: Wrapped) -> dict[str, str]:
    """Return group and deduplication id of a message.

    Raises:
        SchemaError: the record has no key, or no id.
    """
    if not wrapped.subject:
        raise SchemaError(
            f"{wrapped.event_type.name} has no key, and a FIFO bus keeps order by key: fill in "
            f"{wrapped.event_type.key}"
        )
    event_id = wrapped.attributes.get("id")
    if not event_id:
        raise SchemaError(
            f"{wrapped.event_type.name} has no ce_id, and a FIFO bus drops what repeats an id: "
            "give the record one"
        )
    return {
        "MessageGroupId": fifo_id(wrapped.subject),
        "MessageDeduplicationId": fifo_id(event_id),
    }


def string_attribute(value: str) -> Mapping[str, str]:
    """Return a text as a message attribute."""
    return {"DataType": "String", "StringValue": value}


def _carried(name: str, value: bytes) -> str:
    text = header_text(name, value)
    if refused := REFUSED.search(text):
        raise SchemaError(
            f"header {name} has the character {refused[0]!a}, which no message attribute "
            "can have: leave it out"
        )
    return text


def _check_attribute(name: str, value: bytes) -> None:
    if len(name) > _ATTRIBUTE_NAME_MAX or not _ATTRIBUTE_NAME.fullmatch(name):
        raise SchemaError(
            f"header {one_line(name, _SHOWN_MAX)!r} cannot be a message attribute: use letters, "
            "digits, '_', '-' and single dots, and no name of AWS's"
        )
    if not value:
        raise SchemaError(f"header {name!r} is empty, which no message attribute can be")
