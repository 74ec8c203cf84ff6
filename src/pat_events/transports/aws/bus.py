"""What a sender needs of a bus: how records are wrapped, and how a call is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.transports.aws.batching import Answer, Entry, Refused
    from pat_events.transports.sending import Outgoing


class Bus(Protocol):
    """One of AWS's buses. Every method may be called from any thread."""

    @property
    def address(self) -> str:
        """Where records go, as errors name it."""

    @property
    def system(self) -> str:
        """What carries the records, as OpenTelemetry names it, such as ``aws_sqs``."""

    @property
    def max_bytes(self) -> int:
        """Most bytes that it takes in one call."""

    def wrap(self, outgoing: Outgoing) -> Entry:
        """Return a record as the bus takes it.

        Raises:
            RecordTooLargeError: the bus would refuse it for its size.
            UnknownEventError: the catalogue does not have its type.
            SchemaError: the bus cannot carry it: it lacks a key where that is needed, or its text
                has what the bus refuses.
            ConfigError: it has no destination.
        """

    def call(self, entries: Sequence[Entry]) -> Sequence[Answer] | Refused:
        """Send entries of one destination, and wait for the answer.

        Returns what became of each, or of the call where it failed as a whole.
        """

    def close(self) -> None:
        """Let go of connections; one that waits for an answer goes when it has it."""
