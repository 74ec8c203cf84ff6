"""Metrics for CloudWatch, as log lines in its embedded metric format."""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.core.checks import require_positive
from pat_events.telemetry import metrics as m
from pat_events.telemetry.metering import ConsumerMeter
from pat_events.telemetry.meters import Meters
from pat_events.telemetry.observer import InvocationEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO, TypeAlias

    from pat_events.telemetry.metering import Meter
    from pat_events.telemetry.metrics import Metric
    from pat_events.telemetry.observer import Happening, Origin

    Dimensions: TypeAlias = tuple[tuple[str, str], ...]
    Rows: TypeAlias = dict[Dimensions, dict[str, float]]

_log = logging.getLogger("pat_events.telemetry")

#: Where the metrics are in CloudWatch.
NAMESPACE: Final = "PatEvents"
# Set where Lambda runs this process: it stands still between invocations.
_IN_LAMBDA: Final = "AWS_LAMBDA_FUNCTION_NAME"


class Shown(NamedTuple):
    """A metric as CloudWatch has it.

    Attributes:
        name: Its name there.
        unit: Its unit there.
        largest: Of several partitions the largest value is shown; else their sum.
    """

    name: str
    unit: str = "Count"
    largest: bool = False


#: What is shown. Each is paid for by group and topic: it is what an alarm needs, no more.
SHOWN: Final[dict[Metric, Shown]] = {
    m.LAG: Shown(m.LAG.name, largest=True),
    m.AGE: Shown(m.AGE.name, "Seconds", largest=True),
    m.PROCESS: Shown(m.PROCESS.name, "Seconds"),
    **{metric: Shown(metric.name) for metric in (m.HELD, m.WAITING)},
    **{
        metric: Shown(f"{metric.name}_total")
        for metric in (
            m.CONSUMED,
            m.HANDLED,
            m.RETRIES,
            m.HOLDS,
            m.GIVEN_UP,
            m.DEAD_LETTERED,
            m.RETURNED,
            m.COMMIT_FAILURES,
            m.SENT,
        )
    },
}
# Dimension by label; other labels are not told apart.
_DIMENSIONS: Final = {
    "group": "group",
    "messaging_consumer_group_name": "group",
    "topic": "topic",
    "messaging_destination_name": "topic",
}
# Of what has no group: of senders.
_OF_SENDER: Final = {"messaging_system": "system", "error_type": "error_type"}
_UNITS: Final = {shown.name: shown.unit for shown in SHOWN.values()}


class EmbeddedMetrics(Meters):
    """Prints what consumers and senders do for CloudWatch, which makes metrics of such log lines.

    One for all of a process, as ``PrometheusMetrics``: ``lambda_handler(..., observers=[metrics])``
    or ``ConsumerGroup(..., observers=[metrics])``. On Lambda it prints at the end of each
    invocation; elsewhere a thread of its own does, every ``every_s``, and once more when the
    process ends. Counts are those since the last time.

    Args:
        namespace: Where CloudWatch keeps them.
        every_s: How often it prints outside of Lambda, in seconds.
        out: Where to; standard output when None.

    Raises:
        ConfigError: ``every_s`` is none.
    """

    def __init__(
        self,
        namespace: str = NAMESPACE,
        *,
        every_s: float = 60.0,
        out: TextIO | None = None,
    ) -> None:
        require_positive("every_s", every_s)
        super().__init__()
        self._namespace, self._every_s, self._out = namespace, every_s, out
        # Counters and sums as they were printed last.
        self._told: dict[tuple[Meter, Metric, tuple[str, ...]], tuple[float, float]] = {}
        # Re-entrant: a signal's handler may end the process, and so print, in here.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._has_failed = False
        _ALL.add(self)  # To be printed last.

    def told_by(self, origin: Origin) -> Meter:
        """Return what this consumer or sender tells; one of the same name goes on with it."""
        if self._thread is None and _IN_LAMBDA not in os.environ:
            self._thread = threading.Thread(
                target=_print_on, args=(weakref.ref(self), self._every_s), daemon=True
            )
            self._thread.name = "pat-events-cloudwatch"
            self._thread.start()
        return super().told_by(origin)

    def _new(self, origin: Origin) -> Meter:
        if origin.consumer:
            return _ConsumerMeter(origin, self._error_types, self.print)
        return super()._new(origin)

    def print(self) -> None:
        """Print what there is; on standard output that cannot be written, it is lost."""
        with self._lock:
            lines = [self._line(dimensions, row) for dimensions, row in self._rows().items()]
            out = sys.stdout if self._out is None else self._out
            try:
                if lines and out is not None:
                    out.write("".join(lines))
                    out.flush()
            except (OSError, ValueError):  # ValueError: it is closed.
                if not self._has_failed:
                    self._has_failed = True
                    _log.exception("metrics could not be printed, and are lost until they can")

    def _line(self, dimensions: Dimensions, row: dict[str, float]) -> str:
        names = [name for name, _ in dimensions]
        described = {
            "Namespace": self._namespace,
            # All of a group, and each of its topics; a sender likewise.
            "Dimensions": [names[:count] for count in range(1, len(names) + 1)],
            "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in row],
        }
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]}
        return json.dumps({"_aws": about, **dict(dimensions), **row}) + "\n"

    def _rows(self) -> Rows:
        rows: Rows = {}
        for meter in self.meters():
            for metric, labels, now in meter.values():
                shown, value = SHOWN.get(metric), now
                if metric.kind == "counter":
                    value, _ = self._since((meter, metric, labels), (now, 0.0))
                if shown is None or (metric.kind == "counter" and not value):
                    continue
                row = rows.setdefault(_dimensions(metric, labels), {})
                known = row.get(shown.name, 0.0)
                row[shown.name] = max(known, value) if shown.largest else known + value
            self._add_durations(meter, rows)
        return rows

    def _add_durations(self, meter: Meter, rows: Rows) -> None:
        """Add means: the format has no histograms."""
        found: dict[Dimensions, tuple[str, float, float]] = {}
        for metric, labels, counts, total in meter.durations():
            shown = SHOWN.get(metric)
            if shown is not None:
                count, seconds = self._since((meter, metric, labels), (sum(counts), total))
                dimensions = _dimensions(metric, labels)
                _, known, known_s = found.get(dimensions, ("", 0.0, 0.0))
                found[dimensions] = shown.name, known + count, known_s + seconds
        for dimensions, (name, count, seconds) in found.items():
            if count:
                rows.setdefault(dimensions, {})[name] = seconds / count

    def _since(
        self, key: tuple[Meter, Metric, tuple[str, ...]], now: tuple[float, float]
    ) -> tuple[float, float]:
        before = self._told.get(key, (0.0, 0.0))
        self._told[key] = now
        return now[0] - before[0], now[1] - before[1]

    def forget(self) -> None:
        """Begin at 0, in the child of a fork: what was counted is the parent's."""
        self._lock = threading.RLock()
        self._thread = None
        self._told.clear()
        super().forget()


class _ConsumerMeter(ConsumerMeter):
    """Also tells when an invocation of a function has ended."""

    def __init__(self, origin: Origin, error_types: set[str], ended: Callable[[], None]) -> None:
        super().__init__(origin, error_types)
        self._ended = ended

    def saw(self, what: Happening) -> None:
        """Count it, or have all printed."""
        if isinstance(what, InvocationEnded):
            self._ended()
        else:
            super().saw(what)


def _dimensions(metric: Metric, labels: Iterable[str]) -> Dimensions:
    return tuple(_named(metric, labels, _DIMENSIONS)) or tuple(_named(metric, labels, _OF_SENDER))


def _named(
    metric: Metric, labels: Iterable[str], names: dict[str, str]
) -> Iterator[tuple[str, str]]:
    for label, value in zip(metric.labels, labels, strict=True):
        if label in names and value:  # CloudWatch refuses one without a value.
            yield names[label], value


def _print_on(metrics: weakref.ref[EmbeddedMetrics], every_s: float) -> None:
    """Print now and then, as long as somebody has it."""
    while True:
        time.sleep(every_s)
        alive = metrics()
        if alive is None:
            return
        alive.print()
        del alive


_ALL: weakref.WeakSet[EmbeddedMetrics] = weakref.WeakSet()


def _print_last() -> None:
    for each in list(_ALL):
        each.print()


atexit.register(_print_last)
