"""A dead letter as it was read from its topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pat_events.core import headers as h
from pat_events.core.dead_letter import read_cause

if TYPE_CHECKING:
    from pat_events.core.record import Delivery
    from pat_events.core.stored_cause import StoredCause


class Letter(NamedTuple):
    """A record of a dead-letter topic, and what it tells of its cause."""

    delivery: Delivery
    cause: StoredCause

    @classmethod
    def of(cls, delivery: Delivery) -> Letter:
        """Return a record as a letter; one that tells no cause has an empty one."""
        return cls(delivery, read_cause(delivery.header_values))

    @property
    def event_id(self) -> str:
        """Id of the event; empty where it tells none."""
        return h.text(self.delivery.header_values, h.CE_ID) or ""

    @property
    def failed_ms(self) -> int:
        """When it failed last, in milliseconds since 1970; the record's own time if untold."""
        return self.cause.last_failed_ms or self.delivery.timestamp_ms

    @property
    def tells_a_cause(self) -> bool:
        """Whether this is a dead letter, and not just a record."""
        cause = self.cause
        return bool(cause.origin or cause.reason or cause.error_class)
