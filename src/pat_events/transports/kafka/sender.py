"""The sending side: every record is kept until it is acknowledged or its time is over."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from pat_events.errors import ClosedError
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from pat_events.transports.kafka.ack_poller import TICK_S, AckPoller
from pat_events.transports.kafka.callbacks import Callbacks
from pat_events.transports.kafka.errors import is_fatal
from pat_events.transports.kafka.instrumented import new_producer
from pat_events.transports.kafka.ledger import Ledger
from pat_events.transports.kafka.outcomes import Outcomes
from pat_events.transports.kafka.send_errors import SendErrors
from pat_events.transports.kafka.sending_client import SendingClient
from pat_events.transports.kafka.timed_sends import TimedSends
from pat_events.transports.process_end import FORKED, watch
from pat_events.transports.sender_levels import SenderLevels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import Producer

    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.sending import Outgoing

_log = logging.getLogger("pat_events.kafka")

# Every so many records the publishing thread settles what is done. A background thread
# alone would fight it for the interpreter: measured at +30 to +56 % per event.
_POLL_EVERY: Final = 128
# Longest stay inside the client, which may be replaced meanwhile, in seconds.
_FLUSH_S: Final = 0.2
_ROOM_S: Final = 0.05


class KafkaSender:
    """Keeps every record until it is acknowledged or its time is over.

    After a fatal error a new client gets all of them again. The thread of the ``AckPoller`` gives
    records up; ``delivery_timeout_s`` counts from ``send``, whatever happens to clients.

    Args:
        config: The cluster.
        limits: How much is taken, and when it is given up.
        observers: Are told what becomes of records.
        spans: Those that are made of what it sends.
        make_client: Makes a client of its settings.
        clock: Monotonic seconds.
        sleep: Waits so many of them.
    """

    def __init__(
        self,
        config: KafkaConfig,
        limits: Config,
        *,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
        make_client: Callable[[dict[str, object]], Producer] = new_producer,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._ledger = ledger = Ledger(limits.delivery_timeout_s)
        self._callbacks = callbacks = Callbacks()
        self._errors = errors = SendErrors(config, limits, ledger, clock)
        # Why nothing is taken any more.
        self._refusal: str | None = None
        told = Observers(observers, Origin("kafka"))
        self._outcomes = outcomes = Outcomes(ledger, told)
        self._timed = TimedSends(told, clock)
        self._levels = SenderLevels(told, limits, ledger.level)
        self._client = SendingClient(
            config, limits, ledger, callbacks, errors, outcomes, make_client, spans
        )
        self._poller = AckPoller(self._maintain, ledger.outstanding)
        self._poller.start()
        watch(self, _log)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record; see ``Sender.send``."""
        ledger, client = self._ledger, self._client
        with client.lock:
            if self._refusal is not None:
                raise ClosedError(self._refusal)
            if client.is_dead:
                self._refuse_beyond_room(outgoing)
            ledger.taken = number = ledger.taken + 1
            ledger.outstanding[outgoing] = number
            if not client.is_dead:
                try:
                    client.produce(outgoing, outgoing.value, outgoing.headers)
                except (BufferError, KafkaException) as error:
                    self._not_taken(outgoing, error)
                except BaseException:
                    ledger.withdraw(outgoing)
                    raise
        if self._poller.idle:
            self._timed.begin(outgoing)
            self._poller.wake()
        if not number % _POLL_EVERY:
            self._timed.begin(outgoing)
            self._poll(0)

    def _not_taken(self, outgoing: Outgoing, error: BufferError | KafkaException) -> None:
        if isinstance(error, KafkaException) and is_fatal(error.args[0]):
            # It stays outstanding, and the rebuild sends it with all the others.
            self._client.note_error(error.args[0])
            return
        self._ledger.withdraw(outgoing)
        if isinstance(error, BufferError):
            self._errors.refuse_what_never_fits(outgoing)
            raise self._errors.full() from None
        raise self._errors.refused(outgoing, error.args[0]) from error

    def _refuse_beyond_room(self, outgoing: Outgoing) -> None:
        """Keep to the limits of the buffer while there is no client that does."""
        self._errors.refuse_what_never_fits(outgoing)
        limits = self._limits
        if not self._ledger.keep(outgoing, limits.buffer_events, limits.buffer_bytes):
            raise self._errors.full()

    def wait_for_room(self, timeout_s: float) -> None:
        """Wait until a record is settled; see ``Sender.wait_for_room``."""
        self._poll(min(timeout_s, _ROOM_S))

    def may_wait(self) -> bool:
        """Tell whether this thread is outside of callbacks; see ``Sender.may_wait``."""
        return not self._callbacks.inside()

    def expedite(self) -> None:
        """Make the poller wait inside the client, where an answer wakes it at once."""
        self._refuse_after_fork()
        self._poller.expedite()

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled; see ``Sender.flush``."""
        self._refuse_after_fork()
        deadline = self._clock() + timeout_s
        outstanding = self._ledger.outstanding
        # What others publish meanwhile is not waited for, or the wait might never end.
        waiting = list(outstanding)
        while waiting and self.may_wait() and (left := deadline - self._clock()) > 0:
            before = len(waiting)
            self._client.flush(min(left, _FLUSH_S))
            waiting = [outgoing for outgoing in waiting if outgoing in outstanding]
            if len(waiting) == before:
                # A client that is dead has nothing to wait for, until there is a new one.
                self._sleep(TICK_S)
        return waiting

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop; see ``Sender.close``."""
        client = self._client
        with client.lock:
            # Looked at and not the refusal: what a signal has interrupted is taken up again.
            if client.ended:
                return []
            # First, so that what was taken is among what is waited for.
            self._refusal = "the producer was closed: make a new one"
        self.flush(timeout_s)
        with client.lock:
            client.end()
            given_up = self._ledger.take_all()
        client.purge()
        failures = self._errors.closed(given_up)
        self._callbacks.give_up(failures)
        self._poller.end()
        self._outcomes.tell()
        self._outcomes.given_up(failures)
        self._levels.end()
        return given_up

    @property
    def ended(self) -> bool:
        """Whether nothing is sent any more."""
        return self._client.ended

    def abandon_after_fork(self) -> None:
        """Refuse further use in a child process, which has none of the threads."""
        self._refusal = FORKED
        self._client.abandon_after_fork()

    def _refuse_after_fork(self) -> None:
        if self._refusal is FORKED:
            raise ClosedError(FORKED)

    def _poll(self, timeout_s: float) -> None:
        self._refuse_after_fork()
        self._client.poll(timeout_s)

    def _maintain(self, timeout_s: float) -> None:
        """Settle, give up and replace what has to be; the poller's turn."""
        self._poll(timeout_s)
        now = self._clock()
        if self._ledger.is_overdue(now):
            with self._client.lock:
                overdue, waited_s = self._ledger.take_overdue(now)
            failures = self._errors.overdue(overdue, waited_s)
            self._callbacks.give_up(failures)
            self._outcomes.given_up(failures)
        self._outcomes.tell()
        self._timed.look(now)
        self._levels.tell(now)
        self._client.maintain(now)
