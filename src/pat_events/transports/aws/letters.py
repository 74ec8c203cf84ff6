"""A dead letter of ours as a message of SQS, and back. Pure.

A dead letter has more headers than a message has attributes, and its value may be anything: it is
no event of the catalogue any more. So the body is the whole record::

    {"headers": [["ce_id", "0199…"], ["pat-dlq-reason", "attempts-exhausted"], …], "value": "…"}

A header or a value that is no text is ``null`` with its base64 behind it: ``["x", null, "/w=="]``
and ``"value_base64"``. Who receives such a message has the record as it was, with its cause: see
``core.dead_letter``. The attributes are for filters and for people: ``content-type``, which tells
it from others, the reason, and id, type and source of the event where its headers have them.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.json import parse_json
from pat_events.core import headers as h
from pat_events.core.dead_letter import REASON, origin_of
from pat_events.errors import CodecError, RecordTooLargeError
from pat_events.transports.aws.envelope import REFUSED, json_text
from pat_events.transports.aws.message_fields import fifo_id, string_attribute

if TYPE_CHECKING:
    from pat_events.core.record import Header, Headers
    from pat_events.transports.sending import Outgoing, OutgoingHeaders

#: Content type of such a message.
MEDIA_TYPE: Final = "application/vnd.pat-events.dead-letter+json"
_ATTRIBUTES: Final = (h.CE_ID, h.CE_TYPE, h.CE_SOURCE, REASON)


def is_letter(headers: OutgoingHeaders) -> bool:
    """Tell whether these are a dead letter's."""
    # What is published has a dict, and cannot have such a header.
    return not isinstance(headers, dict) and any(name == REASON for name, _ in headers)


def letter_fields(
    record: Outgoing, *, is_fifo: bool, limit: tuple[str, int]
) -> tuple[dict[str, Any], int]:
    """Return what a call says of a dead letter, and the bytes that count towards the limit.

    Of a FIFO queue its group is its key, or where it came from; its place there is what tells it
    from others, so that one that is written twice arrives once.

    Args:
        record: The letter.
        is_fifo: Whether the queue is FIFO.
        limit: Name of the bus, and the bytes it takes.

    Raises:
        RecordTooLargeError: it is larger than that.
    """
    values = dict(record.headers)
    body = _body(record)
    attributes = {h.CONTENT_TYPE: string_attribute(MEDIA_TYPE)}
    for name in _ATTRIBUTES:
        text = (values.get(name) or b"").decode(errors="replace")
        if text and not REFUSED.search(text):
            attributes[name] = string_attribute(text)
    fields: dict[str, Any] = {"MessageBody": body, "MessageAttributes": attributes}
    if is_fifo:
        origin = str(origin_of(values) or record.topic)
        group = (record.key or b"").decode(errors="replace") or origin.partition("/")[0]
        fields["MessageGroupId"] = fifo_id(group)
        fields["MessageDeduplicationId"] = fifo_id(origin)
    size = len(body.encode()) + sum(
        len(name) + sum(len(text.encode()) for text in it.values())
        for name, it in attributes.items()
    )
    bus, most = limit
    if size > most:
        raise RecordTooLargeError(f"a dead letter takes {size} bytes, {bus} takes {most}")
    return fields, size


def _body(record: Outgoing) -> str:
    body: dict[str, Any] = {"headers": [_header(*header) for header in _pairs(record.headers)]}
    if record.value is not None:
        text = _text(record.value)
        if text is None:
            body["value_base64"] = base64.b64encode(record.value).decode()
        else:
            body["value"] = text
    return json_text(body)


def _pairs(headers: OutgoingHeaders) -> Headers:
    return list(headers.items()) if isinstance(headers, dict) else headers


def _header(name: str, value: bytes | None) -> list[str | None]:
    text = None if value is None else _text(value)
    if value is None or text is not None:
        return [name, text]
    return [name, None, base64.b64encode(value).decode()]


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def read_letter(body: bytes) -> tuple[bytes | None, list[Header]] | None:
    """Return value and headers of the record in such a body; None if it is none."""
    try:
        letter: Any = parse_json(body)
        value: bytes | None = None
        if "value_base64" in letter:
            value = base64.b64decode(letter["value_base64"], validate=True)
        elif "value" in letter:
            value = letter["value"].encode()
        headers: list[Header] = [_read_header(*header) for header in letter["headers"]]
    except (CodecError, TypeError, KeyError, AttributeError, ValueError, binascii.Error):
        return None
    return value, headers


def _read_header(name: str, text: str | None, encoded: str | None = None) -> Header:
    name.encode()  # Half a character, which JSON can name, can be no header's.
    if encoded is not None:
        return name, base64.b64decode(encoded, validate=True)
    return name, None if text is None else text.encode()
