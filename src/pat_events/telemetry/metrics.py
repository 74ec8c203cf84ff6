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
_OF_SENDER: Final = ("system",)

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
OPERATION: Final = Metric(
    "messaging_client_operation_duration_seconds",
    "histogram",
    "How long a send took to its acknowledgement, of some events; a receive and a settle of a "
    "queue; a poll that brought events, of some, and a commit: waits are included.",
    (*_SYSTEM, "messaging_consumer_group_name", "error_type"),
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
    "Events, or keys of them, that are held.",
    ("group",),
)
WAITING: Final = Metric(
    "pat_events_consumer_waiting_for_retry_messages",
    "gauge",
    "Events, or keys of them, that wait for another attempt.",
    ("group",),
)
BREAKER_OPEN: Final = Metric(
    "pat_events_consumer_breaker_open",
    "gauge",
    "1 while a breaker is open and its handlers are not called; absent before the first time.",
    ("group", "breaker"),
)
DEAD_LETTER_LIMIT_EXCEEDED: Final = Metric(
    "pat_events_consumer_dead_letter_limit_exceeded",
    "gauge",
    "1 while a handler is not called as it gave up too many events; absent before the first time.",
    ("group", "handler"),
)
HANDLED: Final = Metric(
    "pat_events_consumer_handled", "counter", "Events that handlers are done with.", ("group",)
)
DUPLICATES: Final = Metric(
    "pat_events_consumer_duplicates",
    "counter",
    "Events among those that were handled before, and so were skipped.",
    ("group",),
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
    "How often an event was held; without handler where its dead letter was not written.",
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
CHANGES: Final = Metric(
    "pat_events_consumer_queue_changes",
    "counter",
    "Messages of a queue that were deleted, kept longer (extend) or given back.",
    ("group", "change"),
)
CHANGE_FAILURES: Final = Metric(
    "pat_events_consumer_queue_change_failures",
    "counter",
    "Messages of a queue for which that failed; deletes and extends are repeated.",
    ("group", "change", "error_type"),
)
SENT_AGAIN: Final = Metric(
    "pat_events_sender_sent_again",
    "counter",
    "Events that were sent again, with the same ids: no answer came, or it asked for that.",
    _OF_SENDER,
)
BUFFERED: Final = Metric(
    "pat_events_sender_buffered_messages",
    "gauge",
    "Events that were published and are neither acknowledged nor given up.",
    _OF_SENDER,
)
BUFFERED_BYTES: Final = Metric(
    "pat_events_sender_buffered_bytes", "gauge", "Payload bytes of those.", _OF_SENDER
)
BUFFER_LIMIT: Final = Metric(
    "pat_events_sender_buffer_limit_messages",
    "gauge",
    "Events that have room in the buffer: buffer_events.",
    _OF_SENDER,
)
BUFFER_LIMIT_BYTES: Final = Metric(
    "pat_events_sender_buffer_limit_bytes",
    "gauge",
    "Payload bytes that have room in the buffer: buffer_bytes.",
    _OF_SENDER,
)
UNACKNOWLEDGED_AGE: Final = Metric(
    "pat_events_sender_oldest_unacknowledged_age_seconds",
    "gauge",
    "How long the oldest event in the buffer has waited; 0 where there is none.",
    _OF_SENDER,
)
BUFFER_WAITS: Final = Metric(
    "pat_events_sender_buffer_waits",
    "counter",
    "How often somebody who published waited for room in the buffer.",
    _OF_SENDER,
)
BUFFER_WAIT_SECONDS: Final = Metric(
    "pat_events_sender_buffer_wait_seconds", "counter", "How long they waited.", _OF_SENDER
)
CLIENTS_REPLACED: Final = Metric(
    "pat_events_sender_clients_replaced",
    "counter",
    "How often a new client took the place of one that had died, or whose TLS was renewed.",
    _OF_SENDER,
)
THROTTLED: Final = Metric(
    "pat_events_sender_throttled",
    "counter",
    "Events that AWS did not take for now, as there were too many.",
    _OF_SENDER,
)

#: Every metric, in the order of documents and dashboards.
METRICS: Final = (
    SENT,
    CONSUMED,
    PROCESS,
    OPERATION,
    LAG,
    AGE,
    IN_FLIGHT,
    IN_FLIGHT_BYTES,
    LANES,
    PAUSED,
    HELD,
    WAITING,
    BREAKER_OPEN,
    DEAD_LETTER_LIMIT_EXCEEDED,
    HANDLED,
    DUPLICATES,
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
    CHANGES,
    CHANGE_FAILURES,
    SENT_AGAIN,
    BUFFERED,
    BUFFERED_BYTES,
    BUFFER_LIMIT,
    BUFFER_LIMIT_BYTES,
    UNACKNOWLEDGED_AGE,
    BUFFER_WAITS,
    BUFFER_WAIT_SECONDS,
    CLIENTS_REPLACED,
    THROTTLED,
)
