"""Publish events that an operator wrote."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pat_events.core.envelope import Envelope
from pat_events.errors import PatEventsError, RecordTooLargeError, SchemaError
from pat_events.producer.back_pressure import BackPressure
from pat_events.producer.producer import Producer
from pat_events.system.clock import CLOCK
from pat_events.transports.opening import open_sender

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pat_events.config import Config
    from pat_events.ops.written_events import WrittenEvent
    from pat_events.producer.ack import Ack
    from pat_events.transports.sending import Outgoing, SendingTransport

# Events on their way at a time: fewer than the buffer holds unless set otherwise.
_WAITING_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Extras:
    """What is written beside each event, on top of what its metadata says.

    ``correlation_id`` is the cause's id where there is a cause and neither names another: the
    first event of a chain is its own correlation.
    """

    headers: Mapping[str, bytes] = field(default_factory=dict)
    tenant_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None

    def cause(self, tenant_id: str | None) -> Envelope | None:
        """Return the event these ones answer, as far as it is known; of that tenant."""
        if not self.causation_id:
            return None
        return Envelope(
            event_id=self.causation_id,
            type=None,
            source=None,
            subject=None,
            time=None,
            correlation_id=self.causation_id,
            causation_id=None,
            tenant_id=tenant_id,
            content_type=None,
            trace=None,
        )


class Outbox:
    """Prepares events, which tells what would be refused, and sends what was prepared.

    Args:
        config: How events are written.
        transport: Where to send them; it is not asked before ``send``.
        extras: What is written beside each of them.
    """

    def __init__(
        self, config: Config, transport: SendingTransport, extras: Extras | None = None
    ) -> None:
        self._config = config
        self._transport = transport
        self._extras = extras or Extras()
        self._cause = self._extras.cause(config.tenant_id)
        self._sender = _Deferred()
        self._producer = Producer(config, transport=transport, sender=self._sender)

    def prepare(self, written: WrittenEvent) -> Ack:
        """Return the handle of an event that is encoded, and sent by ``send``.

        Raises:
            SchemaError: the event lacks its key, or a field cannot be encoded; names the place.
            RecordTooLargeError: it is over ``config.largest_event_bytes``; names the place.
            ConfigError: a header of the extras is refused.
        """
        extras = self._extras
        try:
            return self._producer.publish(
                written.event,
                caused_by=self._cause,
                correlation_id=extras.correlation_id,
                tenant_id=extras.tenant_id,
                headers=extras.headers,
            )
        except (SchemaError, RecordTooLargeError) as error:
            raise type(error)(f"{written.place}: {error}") from error

    def send(self, prepared: Iterable[Ack | None]) -> Iterator[Ack]:
        """Send what was prepared and yield it once it is acknowledged, in the same order.

        What follows a refused event is not sent; of those that were on their way by then some may
        be. Whoever gets an error, or a signal that raises one, has been told of every event that
        arrived, and can send the others.

        Args:
            prepared: The handles, as they come; None where the next one is yet to come and those
                before it are to be waited for.

        Raises:
            PatEventsError: the first that ``prepared``, the transport or ``Ack.result`` raised.
        """
        self._sender.open(self._transport, self._config)
        with self._producer:
            waiting: deque[Ack] = deque()
            failures: list[BaseException] = []
            try:
                for ack in prepared:
                    if ack is not None:
                        self._sender.send_on(ack)
                        waiting.append(ack)
                    yield from _arrived(waiting, failures, 0 if ack is None else _WAITING_MAX)
                    if failures:
                        break
            except (PatEventsError, KeyboardInterrupt, SystemExit) as error:
                failures.append(error)
            yield from _arrived(waiting, failures, 0)
            if failures:
                raise failures[0]


def _arrived(waiting: deque[Ack], failures: list[BaseException], leave: int) -> Iterator[Ack]:
    """Yield what has arrived, and wait until no more than ``leave`` are on their way."""
    while waiting and (len(waiting) > leave or waiting[0].done()):
        try:
            waiting[0].result()
        except PatEventsError as error:
            failures.append(error)
            waiting.popleft()
        else:
            yield waiting.popleft()


class _Deferred:
    """Takes every record and leaves it to ``send_on``; the rest is the sender's that ``open`` made.

    So what ``Producer.publish`` returns is the handle of a record that is not on its way yet.
    """

    def open(self, transport: SendingTransport, config: Config) -> None:
        self._sender = open_sender(transport, config)
        self._pressure = BackPressure(self._sender, config.publish_timeout_s, CLOCK.monotonic)

    def send(self, outgoing: Outgoing) -> None:
        pass

    def send_on(self, outgoing: Outgoing) -> None:
        self._pressure.take(outgoing)

    def wait_for_room(self, timeout_s: float) -> None:
        self._sender.wait_for_room(timeout_s)

    def may_wait(self) -> bool:
        return self._sender.may_wait()

    def expedite(self) -> None:
        self._sender.expedite()

    def flush(self, timeout_s: float) -> list[Outgoing]:
        return self._sender.flush(timeout_s)

    def close(self, timeout_s: float) -> list[Outgoing]:
        return self._sender.close(timeout_s)
