"""Why an event is not taken, said so that its author can mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pat_events.core import headers as h
from pat_events.core.claim import TOO_LARGE_ADVICE
from pat_events.errors import RecordTooLargeError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.catalog.model import EventType
    from pat_events.config import Config
    from pat_events.producer.ack import Ack


def no_key(event_type: EventType) -> SchemaError:
    """Return the error for an event without its key."""
    return SchemaError(
        f"{event_type.name}.{event_type.key} is empty: it is the key that keeps the events of "
        "one entity in order"
    )


def not_encodable(event: Any, error: Exception) -> SchemaError:  # noqa: ANN401 - of any catalogue
    """Return the error for an event that its codec cannot carry."""
    return SchemaError(f"{_named(event)}: {error}")


def check_size(
    event: Any,  # noqa: ANN401 - of any catalogue
    ack: Ack,
    headers: Mapping[str, bytes | None],
    largest_bytes: int,
    config: Config,
) -> None:
    """Refuse an event that takes more than ``Config.largest_event_bytes``, or than consumers read.

    Args:
        event: It.
        ack: What was to be sent; told that it is not.
        headers: Those of ``ack``.
        largest_bytes: That limit.
        config: Whose limit it is.

    Raises:
        RecordTooLargeError: it is.
    """
    header_bytes = h.size_bytes(headers.items())
    size_bytes = len(ack.value or b"") + len(ack.key or b"") + header_bytes
    if header_bytes > h.MAX_HEADER_BYTES or len(headers) > h.MAX_HEADERS:
        error = RecordTooLargeError(
            f"{_named(event)} has {len(headers)} headers of {header_bytes} bytes, consumers read "
            f"{h.MAX_HEADERS} of {h.MAX_HEADER_BYTES}: put more into the event"
        )
    elif size_bytes > largest_bytes:
        error = _too_large(event, size_bytes, config)
    else:
        return
    ack.not_taken(error)
    raise error


def _too_large(event: Any, size_bytes: int, config: Config) -> RecordTooLargeError:  # noqa: ANN401
    name = _named(event)
    if config.claim_check_bucket is None:
        return RecordTooLargeError(
            f"{name} takes {size_bytes} bytes, the limit is {config.max_event_bytes} "
            f"(max_event_bytes): {TOO_LARGE_ADVICE}"
        )
    return RecordTooLargeError(
        f"{name} takes {size_bytes} bytes, the limit is {config.buffer_bytes} (buffer_bytes), also "
        "with a claim check"
    )


def _named(event: Any) -> str:  # noqa: ANN401 - as above: with the metadata that all have
    return f"{type(event).__name__} {event.metadata.event_id}"
