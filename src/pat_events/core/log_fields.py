"""What log records about one event tell of it besides their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from pat_events.core.envelope import read_envelope
from pat_events.core.shown import one_line

if TYPE_CHECKING:
    from pat_events.core.record import Delivery

LogFields: TypeAlias = dict[str, str | int]

#: All there are. No payload and no key is among them.
LOG_FIELDS: Final = (
    "event_id",
    "event_type",
    "position",
    "attempt",
    "handler",
    "correlation_id",
    "trace_id",
)


def log_fields(delivery: Delivery, handler: str = "") -> LogFields:
    """Return those of a delivery, for ``extra`` of ``logging``; what is not known is left out.

    ``trace_id`` is that of the trace which the event was published in.
    """
    envelope = read_envelope(delivery)
    found: LogFields = {
        "event_id": one_line(envelope.event_id),
        "position": one_line(str(delivery.position)),
        "attempt": delivery.attempt,
        "correlation_id": one_line(envelope.correlation_id),
    }
    if envelope.type:
        found["event_type"] = one_line(envelope.type)
    if handler:
        found["handler"] = handler
    if envelope.trace is not None:
        found["trace_id"] = envelope.trace.traceparent[3:35].decode()
    return found
