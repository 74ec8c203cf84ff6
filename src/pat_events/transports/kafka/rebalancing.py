"""What a rebalance brings a member, and what it takes from it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_END

from pat_events.errors import HoldError, PatEventsError
from pat_events.transports.kafka.assignment import pairs_of, topic_partitions
from pat_events.transports.kafka.errors import kafka_errors
from pat_events.transports.kafka.readiness import retry_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Consumer, TopicPartition

    from pat_events.transports import log
    from pat_events.transports.kafka.assignment import Assignment
    from pat_events.transports.kafka.positions import Positions
    from pat_events.transports.kafka.read_errors import ReadErrors


class Rebalancing:
    """Has a client take and give up partitions, and tells the member's owner.

    ``on_assign``, ``on_revoke`` and ``on_lost`` are the client's callbacks, within its ``consume``
    or ``close``. No error leaves them; ``poll`` raises it.

    Args:
        assignment: What is assigned.
        positions: Where partitions begin.
        errors: What ``poll`` raises.
        eager: All is taken from everybody and shared out again, instead of what moves alone.

    Attributes:
        listener: The owner.
        is_leaving: Whether the client ends, and answers no question any more.
    """

    listener: log.RebalanceListener

    def __init__(
        self, assignment: Assignment, positions: Positions, errors: ReadErrors, *, eager: bool
    ) -> None:
        self._assignment = assignment
        self._positions = positions
        self._errors = errors
        self._eager = eager
        self.is_leaving = False

    @contextmanager
    def _callback(self) -> Iterator[None]:
        """Have ``poll`` raise what a rebalance callback raises.

        Out of the callback it would go through the client's C code, which makes something of it
        that no ``except`` catches.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may go on reading
            failure = HoldError(f"a rebalance failed: {error!r}; start this member again")
            failure.__cause__ = error
            self._errors.fail(failure)

    def on_assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """These partitions are ours."""
        with self._callback():
            if self.is_leaving:
                # They are revoked at once.
                self._take(client, partitions)
                client.pause(partitions)
                return
            self._assign(client, partitions)

    def _take(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        if self._eager:
            client.assign(partitions)
        else:
            client.incremental_assign(partitions)

    def _assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            with kafka_errors("finding where to begin"):
                found = retry_until_ready(self._positions.find, client, partitions)
        except PatEventsError as error:
            # Not a TransportError, after which reading goes on: these partitions are ours
            # and nobody would read them.
            held = error if isinstance(error, HoldError) else None
            self._errors.fail(held or HoldError(f"{error}; start this member again"))
            for partition in partitions:
                partition.offset = OFFSET_END
            self._take(client, partitions)
            client.pause(partitions)
            return
        self._take(client, [position.where for position in found])
        self._errors.joined()
        self._assignment.add(found)
        self.listener.assigned(pairs_of(partitions))

    def on_revoke(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """These partitions are to be another member's when this returns."""
        with self._callback():
            if ours := [pair for pair in pairs_of(partitions) if pair in self._assignment.marks]:
                self.listener.revoked(ours)
        self._drop(client, partitions)

    def on_lost(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """These partitions are another member's already."""
        with self._callback():
            self.listener.lost(pairs_of(partitions))
        self._drop(client, partitions)

    def _drop(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        pairs = pairs_of(partitions)
        self._assignment.drop(pairs)
        for pair in pairs:
            self._errors.unreadable.forget(pair)
        with self._callback():
            # The client would remember the pause, and read nothing when they are ours again. Before
            # they go, and the paused ones alone: resuming another throws away what was fetched.
            if paused := [pair for pair in pairs if pair in self._assignment.paused]:
                with kafka_errors("resuming"):
                    client.resume(topic_partitions(paused))
                self._assignment.paused.difference_update(paused)
            if self._eager:
                client.unassign()
            else:
                client.incremental_unassign(partitions)

    def revoke_all(self) -> None:
        """Tell the owner that all goes to other members now, without a client that says so."""
        with self._callback():
            if left := list(self._assignment.marks):
                self.listener.revoked(left)
        self._assignment.marks.clear()

    def lose_all(self) -> None:
        """Tell the owner that all was lost with its client, and forget it."""
        if left := list(self._assignment.marks):
            with self._callback():
                self.listener.lost(left)
        for pair in left:
            self._errors.unreadable.forget(pair)
        self._assignment.clear()
