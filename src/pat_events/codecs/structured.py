"""CloudEvents in structured mode: attributes and data in one JSON object. For reading alone.

CloudEvents 1.0.2, JSON format and Kafka binding.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.json import JsonReader, event_of_json, parse_json
from pat_events.core import headers as h
from pat_events.core.shown import one_line
from pat_events.errors import CodecError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.codecs.base import M, Reader
    from pat_events.core.record import Delivery

MEDIA_TYPE: Final = "application/cloudevents+json"
_DATA: Final = frozenset({"data", "data_base64"})
# Of a name or value of a record, as of what another reader has to say.
_SHOWN_MAX: Final = 300


class StructuredReader:
    """Reads the event in a structured record's value, by the content type that it names.

    Args:
        reader_of: Returns the reader of a media type, in lower case and without parameters;
            raises ``ConfigError`` where there is none.
    """

    content_type: Final = MEDIA_TYPE
    decode_errors: Final[tuple[type[Exception], ...]] = (CodecError,)

    def __init__(self, reader_of: Callable[[str], Reader]) -> None:
        self._reader_of = reader_of

    def decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        """Return the function that reads values of one type; it raises ``CodecError``."""

        def decode(payload: bytes) -> M:
            envelope = _envelope(payload)
            content_type = envelope.get("datacontenttype")
            if content_type is None:
                content_type = JsonReader.content_type
            elif not isinstance(content_type, str):
                raise CodecError("datacontenttype is no text")
            kind = content_type.partition(";")[0].strip().lower()
            encoded, data = envelope.get("data_base64"), envelope.get("data")
            if encoded is not None:
                if data is not None:
                    raise CodecError("both data and data_base64 are there")
                return self._read(message_class, kind, _bytes(encoded))
            if data is None:
                raise CodecError("there is no data")
            if kind != JsonReader.content_type:
                shown = one_line(kind, _SHOWN_MAX)
                raise CodecError(f"data of the type {shown!r} has to be in data_base64")
            return event_of_json(message_class, data)

        return decode

    def _read(self, message_class: type[M], kind: str, payload: bytes) -> M:
        try:
            reader = self._reader_of(kind)
            decode = reader.decoder(message_class)
        except ConfigError as error:
            raise CodecError(str(error)) from error
        try:
            return decode(payload)
        except reader.decode_errors as error:
            raise CodecError(one_line(str(error), _SHOWN_MAX)) from error


def unfold(delivery: Delivery) -> bool:
    """Put the attributes of a structured record where a binary one has them; False if it is none.

    Afterwards ``header_values`` tells the envelope of either mode; ``headers`` are as they came.
    A record is structured if its content type says so, or if it has no type in its headers and its
    value is a CloudEvent all the same: version 1 of the Python SDK names the data's content type.

    Raises:
        CodecError: it says that it is structured, and is nothing that can be read.
    """
    values = delivery.header_values
    content_type = (values.get(h.CONTENT_TYPE) or b"").partition(b";")[0].strip().lower()
    if content_type.startswith(b"application/cloudevents"):
        if content_type != MEDIA_TYPE.encode():
            shown = one_line(content_type.decode(errors="replace"), _SHOWN_MAX)
            raise CodecError(f"of structured mode {MEDIA_TYPE} is read, not {shown!r}")
        if delivery.value is None:
            raise CodecError("a record in structured mode has no payload")
        attributes = _attributes(_envelope(delivery.value))
    else:
        if values.get(h.CE_TYPE) is not None or not (delivery.value or b"").startswith(b"{"):
            return False
        try:
            attributes = _attributes(_envelope(delivery.value or b""))
        except CodecError:
            return False
        # What its value is, also for whoever asks again.
        attributes[h.CONTENT_TYPE] = MEDIA_TYPE.encode()
    if h.TRACEPARENT not in values and "ce_traceparent" in attributes:
        attributes[h.TRACEPARENT] = attributes["ce_traceparent"]
        attributes[h.TRACESTATE] = attributes.get("ce_tracestate")
    delivery.all_if_repeated = delivery.headers
    delivery.header_values = {**values, **attributes}
    return True


def is_of_type(delivery: Delivery, full_name: str | None) -> bool:
    """Tell whether a record is of this type of event, in either mode; of any where it is None.

    Afterwards it is unfolded, unless it cannot be read; see ``unfold``.
    """
    with suppress(CodecError):
        unfold(delivery)
    return full_name is None or delivery.header_values.get(h.CE_TYPE) == full_name.encode()


def has_data(payload: bytes) -> bool:
    """Tell whether a CloudEvent has its data with it.

    Raises:
        CodecError: it is none.
    """
    envelope = _envelope(payload)
    return any(envelope.get(name) is not None for name in _DATA)


def _envelope(payload: bytes) -> dict[str, Any]:
    envelope = parse_json(payload)
    if not isinstance(envelope, dict):
        raise CodecError("a CloudEvent is a JSON object")
    if envelope.get("specversion") != "1.0":
        shown = one_line(repr(envelope.get("specversion")), _SHOWN_MAX)
        raise CodecError(f"specversion is {shown}: CloudEvents 1.0 are read")
    return envelope


def _attributes(envelope: dict[str, Any]) -> dict[str, bytes | None]:
    """Return all but the data, by the names that they have as headers."""
    found: dict[str, bytes | None] = {}
    for name, value in envelope.items():
        if name in _DATA or value is None:
            continue
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str | int):
            text = str(value)
        else:
            raise CodecError(f"{one_line(name, _SHOWN_MAX)} is no text, whole number or boolean")
        try:
            found[f"ce_{name}"] = text.encode()
        except UnicodeEncodeError as error:
            raise CodecError(f"{one_line(name, _SHOWN_MAX)}: {error.reason}") from error
    if not found.get(h.CE_TYPE):
        raise CodecError("a CloudEvent has a type, and this one has none")
    size = h.size_bytes(found.items())
    if len(found) > h.MAX_HEADERS or size > h.MAX_HEADER_BYTES:
        raise CodecError(
            f"{len(found)} attributes of {size} bytes; the limits are {h.MAX_HEADERS} and "
            f"{h.MAX_HEADER_BYTES}"
        )
    return found


def _bytes(encoded: object) -> bytes:
    if not isinstance(encoded, str):
        raise CodecError("data_base64 is no text")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CodecError(f"data_base64: {error}") from error
