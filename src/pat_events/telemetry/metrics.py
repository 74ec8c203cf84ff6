"""What is counted and measured of consumers and senders, by the names that it has in Prometheus.

Those of OpenTelemetry's messaging conventions (1.44) where there is one, else ``pat_events_``.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

#: Upper bounds of the conventions' histograms, in seconds.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: Its name in Prometheus; of a counter without ``_total``.
        kind: What it is.
        help: What it tells, and in which unit.
        labels: What it is told by. Nothing here has as many values as there are events or keys.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...]


_SYSTEM: Final = ("messaging_operation_name", "messaging_system")
_READ: Final = (*_SYSTEM, "messaging_consumer_group_name", "messaging_destination_name")
_OF_PARTITION: Final = ("group", "topic", "partition")
_OF_HANDLER: Final = ("group", "topic", "handler")

SENT: Final = Metric(
    "messaging_client_sent_messages",
    "counter",
    "Events that were sent: acknowledged, or refused or given up with an error_type.",
    (*_SYSTEM, "error_type"),
)
CONSUMED: Final = Metric(
    "messaging_client_consumed_messages",
    "counter",
    "Events that were received, those that no handler here is for included.",
    (*_READ, "messaging_destination_partition_id"),
)
PROCESS: Final = Metric(
    "messaging_process_duration_seconds",
    "histogram",
    "How long handlers took, by event: the time of a job, shared by its events.",
    (*_READ, "error_type", "handler"),
)
LAG: Final = Metric(
    "pat_events_consumer_lag_messages",
    "gauge",
    "Offsets from the lowest event that is not settled to the end of its partition.",
    _OF_PARTITION,
)
AGE: Final = Metric(
    "pat_events_consumer_oldest_unprocessed_age_seconds",
    "gauge",
    "Age of the oldest event that is not settled, to a poll; 0 where there is none.",
    _OF_PARTITION,
)
IN_FLIGHT: Final = Metric(
    "pat_events_consumer_in_flight_messages",
    "gauge",
    "Events that were taken and are not settled.",
    _OF_PARTITION,
)
IN_FLIGHT_BYTES: Final = Metric(
    "pat_events_consumer_in_flight_bytes",
    "gauge",
    "Payload bytes of the events in flight.",
    _OF_PARTITION,
)
LANES: Final = Metric(
    "pat_events_consumer_lanes",
    "gauge",
    "Keys with events in flight: how many handlers can be at work at a time.",
    _OF_PARTITION,
)
PAUSED: Final = Metric(
    "pat_events_consumer_paused",
    "gauge",
    "1 while a partition is not read, as too much of it is not settled.",
    _OF_PARTITION,
)
HELD: Final = Metric(
    "pat_events_consumer_held_messages",
    "gauge",
    "Events, or keys of them, that an outage holds.",
    ("group",),
)
WAITING: Final = Metric(
    "pat_events_consumer_waiting_for_retry_messages",
    "gauge",
    "Events, or keys of them, that wait for another attempt.",
    ("group",),
)
HANDLED: Final = Metric(
    "pat_events_consumer_handled", "counter", "Events that handlers are done with.", ("group",)
)
SKIPPED: Final = Metric(
    "pat_events_consumer_skipped",
    "counter",
    "Events that no handler here is for.",
    ("group", "topic"),
)
RETURNED: Final = Metric(
    "pat_events_consumer_returned",
    "counter",
    "Events that went back undone, with their partition or to their queue, and come again.",
    ("group",),
)
RETRIES: Final = Metric(
    "pat_events_consumer_retries", "counter", "Attempts that failed and are repeated.", _OF_HANDLER
)
HOLDS: Final = Metric(
    "pat_events_consumer_holds",
    "counter",
    "How often an outage held an event; without handler where its dead letter was not written.",
    _OF_HANDLER,
)
GIVEN_UP: Final = Metric(
    "pat_events_consumer_given_up",
    "counter",
    "Events that were given up, for a dead letter or for the queue's own redrive.",
    (*_OF_HANDLER, "reason"),
)
DEAD_LETTERED: Final = Metric(
    "pat_events_consumer_dead_lettered",
    "counter",
    "Events whose dead letter was written.",
    (*_OF_HANDLER, "reason"),
)
REBALANCES: Final = Metric(
    "pat_events_consumer_rebalances",
    "counter",
    "How often partitions were assigned, revoked or lost.",
    ("group", "event"),
)
ASSIGNED: Final = Metric(
    "pat_events_consumer_assigned_partitions",
    "gauge",
    "Partitions that are this process's.",
    ("group",),
)
COMMITS: Final = Metric("pat_events_consumer_commits", "counter", "Commits.", ("group",))
COMMIT_FAILURES: Final = Metric(
    "pat_events_consumer_commit_failures",
    "counter",
    "Commits that failed; a later one repeats them.",
    ("group", "error_type"),
)
LAST_COMMIT: Final = Metric(
    "pat_events_consumer_last_commit_timestamp_seconds",
    "gauge",
    "When a group committed last, in seconds since 1970; it does where something moved.",
    ("group",),
)
SENT_AGAIN: Final = Metric(
    "pat_events_sender_sent_again",
    "counter",
    "Events that were sent again, with the same ids, as the first time had no answer.",
    ("system",),
)

#: Every metric, in the order of documents and dashboards.
METRICS: Final = (
    SENT,
    CONSUMED,
    PROCESS,
    LAG,
    AGE,
    IN_FLIGHT,
    IN_FLIGHT_BYTES,
    LANES,
    PAUSED,
    HELD,
    WAITING,
    HANDLED,
    SKIPPED,
    RETURNED,
    RETRIES,
    HOLDS,
    GIVEN_UP,
    DEAD_LETTERED,
    REBALANCES,
    ASSIGNED,
    COMMITS,
    COMMIT_FAILURES,
    LAST_COMMIT,
    SENT_AGAIN,
)
