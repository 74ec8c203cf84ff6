"""What is told of a process at work, and to whom: observers, and the values they are told.

Give an ``Observer`` to ``ConsumerGroup(observers=...)`` or ``Producer(observers=...)``;
``PrometheusMetrics`` and ``EmbeddedMetrics``, for CloudWatch, are some. ``Tracing`` makes spans.
``HealthServer`` answers probes, and Prometheus. ``JsonFormatter`` makes lines of JSON of logs.
"""

from typing import TYPE_CHECKING

from pat_events.telemetry.clients import (
    Acknowledged,
    BufferLevel,
    BufferWaited,
    NotDelivered,
    OperationEnded,
    QueueChanged,
    SentAgain,
    Throttled,
)
from pat_events.telemetry.health import Health
from pat_events.telemetry.logs import JsonFormatter
from pat_events.telemetry.observer import (
    BreakerChanged,
    DeadLettered,
    DeadLetterLimitChanged,
    Delivered,
    Duplicates,
    EndedJob,
    GivenBack,
    GivenObserver,
    GivenUp,
    Handled,
    Happening,
    Held,
    InvocationEnded,
    JobsEnded,
    Observer,
    ObserverFactory,
    Origin,
    Retried,
)
from pat_events.telemetry.partitions import (
    Assigned,
    CommitFailed,
    Committed,
    Levels,
    Lost,
    PartitionLevel,
    Paused,
    Resumed,
    Revoked,
)

if TYPE_CHECKING:
    from pat_events.telemetry.cloudwatch import EmbeddedMetrics
    from pat_events.telemetry.prometheus import PrometheusMetrics
    from pat_events.telemetry.server import HealthServer
    from pat_events.telemetry.tracing import Tracing

__all__ = [
    "Acknowledged",
    "Assigned",
    "BreakerChanged",
    "BufferLevel",
    "BufferWaited",
    "CommitFailed",
    "Committed",
    "DeadLetterLimitChanged",
    "DeadLettered",
    "Delivered",
    "Duplicates",
    "EmbeddedMetrics",
    "EndedJob",
    "GivenBack",
    "GivenObserver",
    "GivenUp",
    "Handled",
    "Happening",
    "Health",
    "HealthServer",
    "Held",
    "InvocationEnded",
    "JobsEnded",
    "JsonFormatter",
    "Levels",
    "Lost",
    "NotDelivered",
    "Observer",
    "ObserverFactory",
    "OperationEnded",
    "Origin",
    "PartitionLevel",
    "Paused",
    "PrometheusMetrics",
    "QueueChanged",
    "Resumed",
    "Retried",
    "Revoked",
    "SentAgain",
    "Throttled",
    "Tracing",
]

if not TYPE_CHECKING:
    from pat_events.lazy import lazy_names

    # They need extras, or a library that takes long to load.
    _HOMES = {
        "EmbeddedMetrics": "cloudwatch",
        "HealthServer": "server",
        "PrometheusMetrics": "prometheus",
        "Tracing": "tracing",
    }
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
