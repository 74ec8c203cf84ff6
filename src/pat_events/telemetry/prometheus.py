"""Metrics for Prometheus, by its own client library."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pat_events.errors import ConfigError
from pat_events.telemetry.meters import Meters
from pat_events.telemetry.metrics import METRICS, SECONDS

try:
    from prometheus_client import REGISTRY
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )
except ImportError as error:
    raise ConfigError(
        "metrics for Prometheus need the extra: pip install 'pat-events[prometheus]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry, Metric

_SINGLE: Final[dict[str, type[CounterMetricFamily | GaugeMetricFamily]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}
_BOUNDS = [*map(str, SECONDS), "+Inf"]


class PrometheusMetrics(Meters):
    """Counts what consumers and senders do, for Prometheus to scrape.

    One for all of a process: ``ConsumerGroup(..., observers=[metrics])`` and ``Producer(...,
    observers=[metrics])``. Counting takes plain integers; series are made when they are scraped.
    In the child of a fork it begins at 0.

    Args:
        registry: Where it registers; prometheus_client's own when None.

    Raises:
        ConfigError: the extra ``prometheus`` is not installed; or the registry has these metrics.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__()
        try:
            (REGISTRY if registry is None else registry).register(self)
        except ValueError as error:
            raise ConfigError(
                f"make one PrometheusMetrics for all of a process, or give it a registry: {error}"
            ) from error

    def describe(self) -> list[Metric]:
        """Return all metrics, empty: a registry asks for it, to refuse what comes twice."""
        return list(_Families())

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they are now; a registry asks for it when it is scraped."""
        families = _Families()
        for meter in self.meters():
            for metric, labels, value in meter.values():
                families.single[metric].add_metric(labels, value)
            for metric, labels, counts, total in meter.durations():
                buckets = list(zip(_BOUNDS, accumulate(counts), strict=True))
                families.histograms[metric].add_metric(labels, buckets, total)
        yield from families


class _Families:
    """All metrics, as prometheus_client wants them when it is scraped."""

    def __init__(self) -> None:
        self.single = {
            each: _SINGLE[each.kind](each.name, each.help, labels=each.labels)
            for each in METRICS
            if each.kind in _SINGLE
        }
        self.histograms = {
            each: HistogramMetricFamily(each.name, each.help, labels=each.labels)
            for each in METRICS
            if each.kind == "histogram"
        }

    def __iter__(self) -> Iterator[Metric]:
        yield from self.single.values()
        yield from self.histograms.values()
