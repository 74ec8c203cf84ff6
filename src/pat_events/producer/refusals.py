"""Why an event is not taken, said so that its author can mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pat_events.core import headers as h
from pat_events.errors import ConfigError, RecordTooLargeError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from pat_events.catalog.model import EventType


def no_key(event_type: EventType) -> SchemaError:
    """Return the error for an event without its key."""
    return SchemaError(
        f"{event_type.name}.{event_type.key} is empty: it is the key that keeps the events of "
        "one entity in order"
    )


def not_text(event: Message, error: UnicodeEncodeError) -> SchemaError:
    """Return the error for a field or an argument that UTF-8 cannot encode."""
    return SchemaError(f"{type(event).__name__}: {error.object!r} is no text: {error.reason}")


def not_encodable(event: Any, error: Exception) -> SchemaError:  # noqa: ANN401 - of any catalogue
    """Return the error for an event that its codec cannot carry."""
    return SchemaError(f"{_named(event)}: {error}")


def too_many_headers(event: Any, count: int, size_bytes: int) -> RecordTooLargeError:  # noqa: ANN401
    """Return the error for more headers than consumers read."""
    return RecordTooLargeError(
        f"{_named(event)} has {count} headers of {size_bytes} bytes, consumers read "
        f"{h.MAX_HEADERS} of {h.MAX_HEADER_BYTES}: put more into the event"
    )


def too_large(event: Any, size_bytes: int, limit_bytes: int) -> RecordTooLargeError:  # noqa: ANN401
    """Return the error for an event over ``Config.max_event_bytes``."""
    return RecordTooLargeError(
        f"{_named(event)} takes {size_bytes} bytes, the limit is {limit_bytes} (max_event_bytes): "
        "keep large bodies in S3 and send their key"
    )


def _named(event: Any) -> str:  # noqa: ANN401 - as above: with the metadata that all have
    return f"{type(event).__name__} {event.metadata.event_id}"


def check_headers(headers: Mapping[str, bytes]) -> None:
    """Check the headers that a caller adds.

    Raises:
        ConfigError: one has a name of the envelope's or no proper name, or is not bytes.
    """
    for name, value in headers.items():
        # Anything else ends the process inside the client, or is cut there.
        if not _is_text(name):
            raise ConfigError(f"header name {name!r} is refused: use text that UTF-8 can encode")
        if name in h.RESERVED or name.startswith(h.RESERVED_PREFIXES):
            raise ConfigError(f"header {name!r} belongs to the envelope: choose another name")
        if not isinstance(value, bytes):
            raise ConfigError(
                f"header {name!r} is of type {type(value).__name__}: use bytes, such as "
                "text.encode()"
            )


def _is_text(name: object) -> bool:
    try:
        return isinstance(name, str) and name.encode() != b"" and "\0" not in name
    except UnicodeEncodeError:
        return False
