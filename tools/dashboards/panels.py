"""What dashboards show: the graphs of each."""

from __future__ import annotations

from typing import Final

from tools.dashboards.rows import Variable, panel, quantile, rate

_C: Final = "pat_events_consumer_"
_S: Final = "pat_events_sender_"
_GROUP: Final = 'group=~"$group"'
_OTEL_GROUP: Final = 'messaging_consumer_group_name=~"$group"'
_PROCESS: Final = "messaging_process_duration_seconds"
_OPERATION: Final = "messaging_client_operation_duration_seconds"
_SENT: Final = "messaging_client_sent_messages_total"
_CONSUMED: Final = "messaging_client_consumed_messages_total"
GROUPS: Final = Variable("group", f"{_C}held_messages", "group")
SYSTEMS: Final = Variable("system", _SENT, "messaging_system")
_OF_SYSTEM: Final = 'messaging_system=~"$system"'

OVERVIEW: Final = (
    panel("Handled", "cps", (rate(f"{_C}handled_total", "group"), "{{group}}")),
    panel(
        "Oldest event", "s", (f"max by (group) ({_C}oldest_unprocessed_age_seconds)", "{{group}}")
    ),
    panel("Lag", "short", (f"sum by (group) ({_C}lag_messages)", "{{group}}")),
    panel("Held", "short", (f"sum by (group) ({_C}held_messages)", "{{group}}")),
    panel(
        "Breakers open, limits exceeded",
        "short",
        (f"sum by (group, breaker) ({_C}breaker_open)", "{{group}} {{breaker}}"),
        (f"sum by (group, handler) ({_C}dead_letter_limit_exceeded)", "{{group}} {{handler}}"),
    ),
    panel("Dead letters", "cps", (rate(f"{_C}dead_lettered_total", "group"), "{{group}}")),
    panel("Retries", "cps", (rate(f"{_C}retries_total", "group"), "{{group}}")),
    panel(
        "Sent", "cps", (rate(_SENT, "messaging_system", 'error_type=""'), "{{messaging_system}}")
    ),
    panel(
        "Not delivered",
        "cps",
        (
            rate(_SENT, "messaging_system, error_type", 'error_type!=""'),
            "{{messaging_system}} {{error_type}}",
        ),
    ),
    panel(
        "Buffers",
        "percentunit",
        (f"{_S}buffered_messages / {_S}buffer_limit_messages", "{{instance}} {{system}} events"),
        (f"{_S}buffered_bytes / {_S}buffer_limit_bytes", "{{instance}} {{system}} bytes"),
    ),
    panel(
        "Send to acknowledgement, p99",
        "s",
        (
            quantile(0.99, _OPERATION, "messaging_system", 'messaging_operation_name="send"'),
            "{{messaging_system}}",
        ),
    ),
    panel(
        "Oldest event not acknowledged",
        "s",
        (
            f"max by (instance, system) ({_S}oldest_unacknowledged_age_seconds)",
            "{{instance}} {{system}}",
        ),
    ),
    panel(
        "Waiting for room",
        "short",
        (
            rate(f"{_S}buffer_wait_seconds_total", "instance, system"),
            "{{instance}} {{system}} publishers",
        ),
        (
            rate(f"{_S}buffer_waits_total", "instance, system"),
            "{{instance}} {{system}} waits a second",
        ),
    ),
    panel(
        "Clients replaced",
        "short",
        (
            f"sum by (instance, system) (increase({_S}clients_replaced_total[$__rate_interval]))",
            "{{instance}} {{system}}",
        ),
    ),
)
GROUP: Final = (
    panel(
        "Received",
        "cps",
        (
            rate(_CONSUMED, "messaging_destination_name", _OTEL_GROUP),
            "{{messaging_destination_name}}",
        ),
    ),
    panel(
        "Lag",
        "short",
        (f"sum by (topic, partition) ({_C}lag_messages{{{_GROUP}}})", "{{topic}}/{{partition}}"),
    ),
    panel(
        "Oldest event",
        "s",
        (
            f"max by (topic, partition) ({_C}oldest_unprocessed_age_seconds{{{_GROUP}}})",
            "{{topic}}/{{partition}}",
        ),
    ),
    panel(
        "Handler, a call of each event",
        "s",
        (quantile(0.5, _PROCESS, "handler", _OTEL_GROUP), "{{handler}} p50"),
        (quantile(0.99, _PROCESS, "handler", _OTEL_GROUP), "{{handler}} p99"),
    ),
    panel(
        "Failed calls",
        "cps",
        (
            rate(f"{_PROCESS}_count", "handler, error_type", f'{_OTEL_GROUP}, error_type!=""'),
            "{{handler}} {{error_type}}",
        ),
    ),
    panel(
        "Retries and holds",
        "cps",
        (rate(f"{_C}retries_total", "handler", _GROUP), "{{handler}} retries"),
        (rate(f"{_C}holds_total", "handler", _GROUP), "{{handler}} holds"),
    ),
    panel(
        "In flight",
        "short",
        (f"sum by (topic) ({_C}in_flight_messages{{{_GROUP}}})", "{{topic}} events"),
        (f"sum by (topic) ({_C}lanes{{{_GROUP}}})", "{{topic}} lanes"),
    ),
    panel(
        "In flight, payload",
        "bytes",
        (f"sum by (topic) ({_C}in_flight_bytes{{{_GROUP}}})", "{{topic}}"),
    ),
    panel(
        "Waiting",
        "short",
        (f"sum by (group) ({_C}waiting_for_retry_messages{{{_GROUP}}})", "{{group}} for a retry"),
        (f"sum by (group) ({_C}held_messages{{{_GROUP}}})", "{{group}} held"),
    ),
    panel("Paused partitions", "short", (f"sum by (topic) ({_C}paused{{{_GROUP}}})", "{{topic}}")),
    panel(
        "Partitions, and rebalances",
        "short",
        (f"sum by (instance) ({_C}assigned_partitions{{{_GROUP}}})", "{{instance}} has"),
        (
            f"sum by (event) (increase({_C}rebalances_total{{{_GROUP}}}[$__rate_interval]))",
            "{{event}}",
        ),
    ),
    panel(
        "Commits",
        "cps",
        (rate(f"{_C}commits_total", "instance", _GROUP), "{{instance}}"),
        (
            rate(f"{_C}commit_failures_total", "instance, error_type", _GROUP),
            "{{instance}} {{error_type}}",
        ),
    ),
    panel(
        "Since the last commit",
        "s",
        (f"time() - {_C}last_commit_timestamp_seconds{{{_GROUP}}}", "{{instance}}"),
    ),
    panel(
        "Poll and commit, p99",
        "s",
        (
            quantile(0.99, _OPERATION, "messaging_operation_name", _OTEL_GROUP),
            "{{messaging_operation_name}}",
        ),
    ),
    panel(
        "Skipped, returned and come again",
        "cps",
        (rate(f"{_C}skipped_total", "topic", _GROUP), "{{topic}} nobody here handles"),
        (rate(f"{_C}returned_total", "group", _GROUP), "{{group}} went back undone"),
        (rate(f"{_C}duplicates_total", "group", _GROUP), "{{group}} came again, handled before"),
    ),
)
DEAD_LETTERS: Final = (
    panel(
        "Dead letters written",
        "cps",
        (
            rate(f"{_C}dead_lettered_total", "group, topic, handler, reason", _GROUP),
            "{{topic}} {{handler}} {{reason}}",
        ),
    ),
    panel(
        "Given up",
        "cps",
        (
            rate(f"{_C}given_up_total", "group, topic, handler, reason", _GROUP),
            "{{topic}} {{handler}} {{reason}}",
        ),
    ),
    panel(
        "Held, as their dead letters cannot be written",
        "cps",
        (rate(f"{_C}holds_total", "topic", f'{_GROUP}, handler=""'), "{{topic}}"),
    ),
    panel(
        "In the range shown",
        "short",
        (
            f"sum by (handler, reason) (increase({_C}dead_lettered_total{{{_GROUP}}}[$__range]))",
            "{{handler}} {{reason}}",
        ),
    ),
    panel(
        "Failed calls by error",
        "cps",
        (
            rate(f"{_PROCESS}_count", "handler, error_type", f'{_OTEL_GROUP}, error_type!=""'),
            "{{handler}} {{error_type}}",
        ),
    ),
)
AWS: Final = (
    panel(
        "Sent",
        "cps",
        (rate(_SENT, "messaging_system", f'{_OF_SYSTEM}, error_type=""'), "{{messaging_system}}"),
    ),
    panel(
        "Not delivered",
        "cps",
        (
            rate(_SENT, "messaging_system, error_type", f'{_OF_SYSTEM}, error_type!=""'),
            "{{messaging_system}} {{error_type}}",
        ),
    ),
    panel(
        "Throttled",
        "cps",
        (rate(f"{_S}throttled_total", "system", 'system=~"$system"'), "{{system}}"),
    ),
    panel(
        "Sent again",
        "cps",
        (rate(f"{_S}sent_again_total", "system", 'system=~"$system"'), "{{system}}"),
    ),
    panel(
        "Operations, p99",
        "s",
        (
            quantile(0.99, _OPERATION, "messaging_system, messaging_operation_name", _OF_SYSTEM),
            "{{messaging_system}} {{messaging_operation_name}}",
        ),
    ),
    panel(
        "Buffered",
        "short",
        (f'sum by (system) ({_S}buffered_messages{{system=~"$system"}})', "{{system}}"),
    ),
    panel(
        "Queues: deleted, kept longer, given back",
        "cps",
        (rate(f"{_C}queue_changes_total", "group, change"), "{{group}} {{change}}"),
    ),
    panel(
        "Queues: what failed",
        "cps",
        (
            rate(f"{_C}queue_change_failures_total", "group, change, error_type"),
            "{{group}} {{change}} {{error_type}}",
        ),
    ),
    panel(
        "Queues: received",
        "cps",
        (
            rate(_CONSUMED, "messaging_destination_name", _OF_SYSTEM),
            "{{messaging_destination_name}}",
        ),
    ),
)
