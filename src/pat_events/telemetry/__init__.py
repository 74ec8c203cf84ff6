"""What is told of a process at work, and to whom: observers, and the values they are told.

Give an ``Observer`` to ``ConsumerGroup(observers=...)`` or ``Producer(observers=...)``.
"""

from pat_events.telemetry.observer import (
    Acknowledged,
    Assigned,
    CommitFailed,
    Committed,
    DeadLettered,
    Delivered,
    EndedJob,
    GivenBack,
    GivenUp,
    Handled,
    Happening,
    Held,
    JobsEnded,
    Levels,
    Lost,
    NotDelivered,
    Observer,
    PartitionLevel,
    Paused,
    Resumed,
    Retried,
    Revoked,
    SentAgain,
)
from pat_events.telemetry.observers import Origin

__all__ = [
    "Acknowledged",
    "Assigned",
    "CommitFailed",
    "Committed",
    "DeadLettered",
    "Delivered",
    "EndedJob",
    "GivenBack",
    "GivenUp",
    "Handled",
    "Happening",
    "Held",
    "JobsEnded",
    "Levels",
    "Lost",
    "NotDelivered",
    "Observer",
    "Origin",
    "PartitionLevel",
    "Paused",
    "Resumed",
    "Retried",
    "Revoked",
    "SentAgain",
]
