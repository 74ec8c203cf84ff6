"""Records as JSON: the envelope, the event, or why that cannot be read."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from pat_events.codecs.json import to_json
from pat_events.codecs.structured import has_data
from pat_events.codecs.table import (
    STRUCTURED,
    media_type_after_unfolding,
    reader_by_media_type,
)
from pat_events.core import headers as h
from pat_events.core.envelope import read_envelope
from pat_events.core.shown import one_line
from pat_events.errors import CodecError, ConfigError, PatEventsError, UnknownEventError
from pat_events.transports.queue import QueueMessage

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes
    from pat_events.core.record import Delivery


def decode(types: EventTypes | None, delivery: Delivery) -> Message:
    """Return the event of a delivery, in binary or structured mode.

    One in structured mode is unfolded, and tells the envelope from now on.

    Raises:
        UnknownEventError: its type is not in the catalogue, or there are no ``types`` to ask.
        CodecError: there is no payload, no codec for it, or it is not that event.
    """
    media_type = media_type_after_unfolding(delivery)
    if types is None:
        raise UnknownEventError("the event classes of the catalogue are not there")
    full_name = delivery.header_values.get(h.CE_TYPE)
    binding = types.by_full_name.get(full_name or b"")
    if binding is None:
        named = "there is no ce_type header" if full_name is None else f"{full_name[:200]!r}"
        raise UnknownEventError(f"not an event of the catalogue: {named}")
    has_value = has_data(delivery.value or b"") if media_type == STRUCTURED else delivery.value
    if h.CE_DATAREF in delivery.header_values and not has_value:
        place = one_line(h.text(delivery.header_values, h.CE_DATAREF) or "?")
        raise CodecError(f"the payload of {binding.event_type.name} is in {place}")
    if delivery.value is None:
        raise CodecError(f"{binding.event_type.name} has no payload")
    try:
        reader = reader_by_media_type(media_type)
        read = reader.decoder(binding.message_class)
    except ConfigError as error:
        raise CodecError(str(error)) from error
    try:
        return read(delivery.value)
    except reader.decode_errors as error:
        raise CodecError(f"not a {binding.event_type.name}: {error}") from error


def record_as_json(types: EventTypes | None, delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as values JSON can hold; never raises for what the record contains."""
    event: dict[str, Any] = {}
    try:
        event["event"] = to_json(decode(types, delivery))
    except PatEventsError as error:
        event["error"] = str(error)
        event["value_base64"] = base64.b64encode(delivery.value or b"").decode()
    # After ``decode``, which unfolds it.
    envelope = read_envelope(delivery)
    return {
        **_place(delivery),
        "timestamp_ms": delivery.timestamp_ms,
        "key": _text(delivery.key),
        "envelope": {
            name: value for name, value in envelope._asdict().items() if isinstance(value, str)
        },
        "headers": {name: _text(value) for name, value in delivery.headers},
        **event,
    }


def _place(delivery: Delivery) -> dict[str, Any]:
    if isinstance(delivery, QueueMessage):
        return {
            "queue": delivery.topic,
            "message_id": delivery.message_id,
            "receive_count": delivery.receive_count,
            "group": delivery.group,
        }
    return {
        "topic": delivery.topic,
        "partition": delivery.partition,
        "offset": delivery.offset,
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
