"""Spans that OpenTelemetry's SDK recorded, and whether they are one connected trace."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from pat_events.transports.memory import MemoryTransport
from tests.support import planted


class _Looking(InMemorySpanExporter):
    """Looks for what was planted."""

    def export(self, spans):
        for span in spans:
            planted.look(f"span {span.name}", span.to_json())
        return super().export(spans)


class Spans:
    """A provider that keeps what it was given."""

    def __init__(self, sampler=ALWAYS_ON, ids=None):
        self.exporter = _Looking()
        self.provider = TracerProvider(sampler=sampler, id_generator=ids)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def all(self):
        return self.exporter.get_finished_spans()

    @property
    def names(self):
        return [span.name for span in self.all]

    def named(self, name):
        return [span for span in self.all if span.name == name]

    def one(self, name):
        (span,) = self.named(name)
        return span


class KafkaLike(MemoryTransport):
    """Memory under Kafka's name, which some attributes are of."""

    system = "kafka"


def connected(edges):
    """Whether spans hang together: of each its id, and those of its parent and of its links."""
    near = {span: set() for span, _ in edges}
    for span, others in edges:
        for other in others:
            near[span].add(other)
            near.setdefault(other, set()).add(span)
    seen, todo = set(), [edges[0][0]]
    while todo:
        span = todo.pop()
        if span not in seen:
            seen.add(span)
            todo += near[span]
    return seen == {span for span, _ in edges}


def edges_of(spans):
    """What ``connected`` wants, of the SDK's spans."""
    return [
        (
            span.context.span_id,
            [*([] if span.parent is None else [span.parent.span_id])]
            + [link.context.span_id for link in span.links],
        )
        for span in spans
    ]
