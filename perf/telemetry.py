"""CPU time of an event with metrics or traces: a measurement for each, in a process of its own.

CPU time and not the clock's: what else the machine does matters less, and a few per cent show.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased

from pat_events import ConsumerGroup, Context, Handlers, Producer
from pat_events.events import EmailReceived
from pat_events.telemetry import PrometheusMetrics, Tracing
from perf.consuming import PATIENCE_S
from perf.load import config, events, transport

SAMPLERS: Final = {"traces_1": ParentBased(TraceIdRatioBased(0.01)), "traces_100": ALWAYS_ON}
FLUSH_S: Final = 60.0


class _Nowhere(SpanExporter):
    """Takes spans and keeps none."""

    def export(self, _: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _told(telemetry: str) -> dict[str, Any]:
    """Return the arguments of a producer or a group: ``off``, ``metrics`` or a sampler's."""
    if telemetry == "off":
        return {}
    if telemetry == "metrics":
        return {"observers": [PrometheusMetrics()]}
    provider = TracerProvider(sampler=SAMPLERS[telemetry])
    provider.add_span_processor(BatchSpanProcessor(_Nowhere()))
    return {"tracing": Tracing(provider)}


def publish_told(
    bootstrap_servers: str, catalog: str, count: int, telemetry: str
) -> dict[str, float]:
    """Publish, and wait until all is acknowledged."""
    batch = list(events(count))
    there = transport(bootstrap_servers)
    with Producer(config(catalog), transport=there, **_told(telemetry)) as producer:
        producer.publish(EmailReceived(email_id="warm")).result(FLUSH_S)
        began = time.process_time()
        for event in batch:
            producer.publish(event)
        producer.flush(FLUSH_S)
        return {"cpu_us": (time.process_time() - began) / count * 1e6, "errors": 0}


def consume_told(
    bootstrap_servers: str, catalog: str, group: str, count: int, telemetry: str
) -> dict[str, float]:
    """Handle what is there with a trivial handler, in a new group."""
    handlers = Handlers()
    handled = 0
    done = threading.Event()

    @handlers.on(EmailReceived)
    def handle(event: EmailReceived, ctx: Context) -> None:
        nonlocal handled
        handled += 1
        if handled == count:
            done.set()

    there = transport(bootstrap_servers)
    told = _told(telemetry)
    began = time.process_time()
    with ConsumerGroup(group, handlers, config=config(catalog), transport=there, **told) as running:
        done.wait(PATIENCE_S)
        deadline = time.monotonic() + PATIENCE_S
        while running.stats().handled < count and time.monotonic() < deadline:
            time.sleep(0.005)
        cpu_s = time.process_time() - began
    # A topic that was filled by ``publish_told`` has one more.
    return {"cpu_us": cpu_s / count * 1e6, "errors": max(0, count - running.stats().handled)}
