"""Questions to the coordinators of groups, for ``apart`` to ask: it says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from confluent_kafka import KafkaError

from pat_events.errors import TransportError, TransportUnavailableError
from pat_events.transports.kafka.answers import ANSWER_S, answer, permitted_by, refusals
from pat_events.transports.kafka.membership import Membership, membership_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka.admin import AdminClient

    from pat_events.errors import PatEventsError

Memberships: TypeAlias = dict[str, Membership | TransportError]


def memberships(client: AdminClient, groups: Sequence[str]) -> Memberships:
    """Return who is in each of these groups, or why that cannot be told.

    Raises:
        TransportUnavailableError: the cluster did not answer.
    """
    found: Memberships = {}
    futures = client.describe_consumer_groups(list(groups), request_timeout=ANSWER_S)
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
    [future] = client.describe_consumer_groups(
        [group], include_authorized_operations=True, request_timeout=ANSWER_S
    ).values()
    return permitted_by(future, f"group {group}")


def delete(client: AdminClient, groups: Sequence[str]) -> list[PatEventsError]:
    """Delete groups with their positions; returns the refusals."""
    futures = client.delete_consumer_groups(list(groups), request_timeout=ANSWER_S)
    return refusals(futures, "deleting", KafkaError.GROUP_ID_NOT_FOUND)
