"""Questions to the coordinators of groups, for ``in_subprocess`` to ask: it says why."""

from __future__ import annotations

import time
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from confluent_kafka import KafkaError

from pat_events.errors import TransportError, TransportUnavailableError
from pat_events.transports.kafka.answers import ANSWER_S, FUTURE_S, answer, permitted_by, refusals
from pat_events.transports.kafka.membership import Membership, membership_of
from pat_events.transports.kafka.readiness import coordinator_not_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from confluent_kafka.admin import AdminClient

    from pat_events.errors import PatEventsError

Memberships: TypeAlias = dict[str, Membership | TransportError]

# Between two questions, in seconds; and the least that must be left for the last of them.
_PAUSE_S: Final = 0.1
_LEAST_S: Final = 1.0


def memberships(client: AdminClient, groups: Sequence[str]) -> Memberships:
    """Return who is in each of these groups, or why that cannot be told.

    Raises:
        TransportUnavailableError: the cluster did not answer.
    """
    found: Memberships = {}
    futures = _ask(client.describe_consumer_groups, groups)
    for group, future in futures.items():
        try:
            found[group] = membership_of(answer(future, f"asking for the members of group {group}"))
        except TransportUnavailableError:
            raise
        except TransportError as error:
            found[group] = error
    return found


def permitted(client: AdminClient, group: str) -> frozenset[str] | None:
    """Return what this client may do with a group, as Kafka's operation names.

    None where the cluster does not say.
    """
    futures = _ask(client.describe_consumer_groups, [group], include_authorized_operations=True)
    return permitted_by(futures[group], f"group {group}")


def delete(client: AdminClient, groups: Sequence[str]) -> list[PatEventsError]:
    """Delete groups with their positions; returns the refusals."""
    futures = _ask(client.delete_consumer_groups, groups)
    return refusals(futures, "deleting", KafkaError.GROUP_ID_NOT_FOUND)


def _ask(
    question: Callable[..., Mapping[str, Future[Any]]],
    groups: Sequence[str],
    **options: bool,
) -> Mapping[str, Future[Any]]:
    """Ask about groups, and again within ``ANSWER_S`` of those whose coordinator is on its way."""
    deadline = time.monotonic() + ANSWER_S
    futures = dict(question(list(groups), request_timeout=ANSWER_S, **options))
    while True:
        done = wait(futures.values(), FUTURE_S).done
        again = [
            group
            for group, future in futures.items()
            if future in done and coordinator_not_ready(future.exception())
        ]
        left = deadline - time.monotonic() - _PAUSE_S
        if not again or left < _LEAST_S:
            return futures
        time.sleep(_PAUSE_S)
        futures.update(question(again, request_timeout=left, **options))
