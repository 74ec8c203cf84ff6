"""What sending fails with, and why, as far as that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.errors import (
    BufferFullError,
    RecordTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.transports import buffer_errors
from pat_events.transports.kafka.errors import translate
from pat_events.transports.kafka.ledger import SILENT_S
from pat_events.transports.kafka.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import KafkaError

    from pat_events.config import Config
    from pat_events.errors import PatEventsError
    from pat_events.transports.kafka.callbacks import Failure
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.ledger import Ledger
    from pat_events.transports.sending import Outgoing


class SendErrors:
    """Makes the errors of one sender, and keeps what its clients said.

    Args:
        config: The cluster.
        limits: How much is taken, and when it is given up.
        ledger: Whether anything got through.
        clock: Monotonic seconds.
    """

    def __init__(
        self, config: KafkaConfig, limits: Config, ledger: Ledger, clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._limits = limits
        self._trouble = Trouble()
        self._ledger = ledger
        self._clock = clock

    def note(self, error: KafkaError) -> None:
        """Note what a client said."""
        self._trouble.note(error, self._clock())

    def note_cause(self, text: str) -> None:
        """Note why there is no client, or no new one."""
        self._trouble.note_cause(text, self._clock())

    def why(self, waited_s: float | None = None) -> str:
        """Return what is known of why nothing got through in the last ``waited_s`` seconds.

        Those of ``delivery_timeout_s`` when None.
        """
        if waited_s is None:
            waited_s = self._limits.delivery_timeout_s
        # What was said shortly before holds as well: the client does not repeat itself for a while.
        began = self._clock() - waited_s - SILENT_S
        return self._trouble.since(began, has_worked=self._ledger.settled > 0)

    def full(self) -> BufferFullError:
        """Return what to raise where there is no room now."""
        limits = self._limits
        state = f"{self._config.bootstrap_servers}; {self.why()}"
        return buffer_errors.full(limits.buffer_events, limits.buffer_bytes, state)

    def refuse_what_never_fits(self, outgoing: Outgoing) -> None:
        """Raise for a record that no buffer has room for."""
        size = len(outgoing.value or b"")
        if size > self._limits.buffer_bytes:
            raise buffer_errors.larger_than_the_buffer(
                size, outgoing.topic, self._limits.buffer_bytes
            )

    def refused(self, outgoing: Outgoing, error: KafkaError) -> PatEventsError:
        """Return why the client, or a broker, refused a record."""
        doing = f"sending to {outgoing.topic} at {self._config.bootstrap_servers}"
        failure = translate(error, doing)
        if not isinstance(failure, RecordTooLargeError):
            return failure
        return RecordTooLargeError(
            f"{failure}: the record has {len(outgoing.value or b'')} bytes, its batch up to "
            f"{self._config.batch_bytes} (batch_bytes), and the topic's max.message.bytes or "
            "the client's message.max.bytes is less"
        )

    def overdue(self, records: Sequence[Outgoing], waited_s: float) -> list[Failure]:
        """Return each of the records whose time is over, with the error that says so."""
        address, why = self._config.bootstrap_servers, self.why(waited_s)
        return [
            (
                outgoing,
                TransportTimeoutError(
                    f"sending to {outgoing.topic} at {address}: not acknowledged within "
                    f"{waited_s:.1f} s, and may still be delivered; {why}"
                ),
            )
            for outgoing in records
        ]

    def closed(self, records: Sequence[Outgoing]) -> list[Failure]:
        """Return each of the records that closing gives up, with the error that says so."""
        text = f"not acknowledged before close; {self.why()}"
        return [(outgoing, TransportError(text)) for outgoing in records]
