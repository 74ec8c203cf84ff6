"""What is known of an event besides its payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pat_events.core import headers as h
from pat_events.core.trace_context import TraceContext, parse, parse_x_ray

if TYPE_CHECKING:
    from pat_events.core.record import Delivery


class Envelope(NamedTuple):
    """CloudEvents attributes of one event, as its headers or a structured value state them.

    ``event_id`` falls back to the position in the log for records whose
    producer set none, so that every event has a name.
    """

    event_id: str
    type: str | None
    source: str | None
    subject: str | None
    time: str | None
    correlation_id: str
    causation_id: str | None
    tenant_id: str | None
    content_type: str | None
    trace: TraceContext | None


def read_envelope(delivery: Delivery) -> Envelope:
    """Read the envelope from a delivery's headers; never raises."""
    values = delivery.header_values
    event_id = h.text(values, h.CE_ID) or str(delivery.position)
    trace = parse(values.get(h.TRACEPARENT), values.get(h.TRACESTATE))
    if trace is None and (x_ray := values.get(h.X_RAY)) is not None:
        trace = parse_x_ray(x_ray)
    return Envelope(
        event_id=event_id,
        type=h.text(values, h.CE_TYPE),
        source=h.text(values, h.CE_SOURCE),
        subject=h.text(values, h.CE_SUBJECT),
        time=h.text(values, h.CE_TIME),
        # The first event of a chain is its own correlation.
        correlation_id=h.text(values, h.CE_CORRELATION_ID) or event_id,
        causation_id=h.text(values, h.CE_CAUSATION_ID),
        tenant_id=h.text(values, h.CE_TENANT_ID),
        content_type=h.text(values, h.CONTENT_TYPE),
        trace=trace,
    )
