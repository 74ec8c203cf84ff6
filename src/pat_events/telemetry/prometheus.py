"""Metrics for Prometheus, by its own client library."""

from __future__ import annotations

import os
import weakref
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pat_events.errors import ConfigError
from pat_events.telemetry.metering import ConsumerMeter
from pat_events.telemetry.metrics import METRICS, SECONDS
from pat_events.telemetry.sender_metering import SenderMeter

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

    from pat_events.telemetry.metering import Meter
    from pat_events.telemetry.observer import Happening, Origin

_SINGLE: Final[dict[str, type[CounterMetricFamily | GaugeMetricFamily]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}
_BOUNDS = [*map(str, SECONDS), "+Inf"]


class PrometheusMetrics:
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
        self._meters: dict[Origin, Meter] = {}
        self._error_types: set[str] = set()
        try:
            (REGISTRY if registry is None else registry).register(self)
        except ValueError as error:
            raise ConfigError(
                f"make one PrometheusMetrics for all of a process, or give it a registry: {error}"
            ) from error
        _ALL.add(self)

    def told_by(self, origin: Origin) -> Meter:
        """Return what this consumer or sender tells; one of the same name goes on with it."""
        kind = ConsumerMeter if origin.consumer else SenderMeter
        return self._meters.setdefault(origin, kind(origin, self._error_types))

    def saw(self, what: Happening) -> None:
        """Nothing: who tells has asked for an observer of its own, by ``told_by``."""

    def describe(self) -> list[Metric]:
        """Return all metrics, empty: a registry asks for it, to refuse what comes twice."""
        return list(_Families())

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they are now; a registry asks for it when it is scraped."""
        families = _Families()
        for meter in list(self._meters.values()):
            for metric, labels, value in meter.values():
                families.single[metric].add_metric(labels, value)
            for metric, labels, counts, total in meter.durations():
                buckets = list(zip(_BOUNDS, accumulate(counts), strict=True))
                families.histograms[metric].add_metric(labels, buckets, total)
        yield from families

    def forget(self) -> None:
        """Begin at 0, in the child of a fork: what was counted is the parent's."""
        self._error_types.clear()
        for meter in self._meters.values():
            meter.forget()


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


_ALL: weakref.WeakSet[PrometheusMetrics] = weakref.WeakSet()


def _forget_in_child() -> None:
    for metrics in list(_ALL):
        metrics.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
