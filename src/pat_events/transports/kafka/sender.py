"""The sending side: librdkafka's producer, rebuilt when it dies."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Final

import confluent_kafka
from confluent_kafka import KafkaException, cimpl

from pat_events.errors import (
    BufferFullError,
    ClosedError,
    PatEventsError,
    RecordTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.ack_poller import TICK_S, AckPoller
from pat_events.transports.kafka.certificates import Certificates
from pat_events.transports.kafka.errors import is_fatal, kafka_errors, translate
from pat_events.transports.kafka.expiry import Expiry
from pat_events.transports.kafka.instrumented import produce_by_name
from pat_events.transports.kafka.rebuild_backoff import RebuildBackoff, ends_session
from pat_events.transports.kafka.renewal import Renewal
from pat_events.transports.kafka.signals import signals_deferred
from pat_events.transports.kafka.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from confluent_kafka import KafkaError, Message, Producer

    from pat_events.config import Config
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.sending import Outgoing, OutgoingHeaders

    Failure: TypeAlias = tuple[Outgoing, PatEventsError]

_log = logging.getLogger("pat_events.kafka")

# Every so many records the publishing thread settles what is done. A background thread
# alone would fight it for the interpreter: measured at +30 to +56 % per event.
_POLL_EVERY: Final = 128
# Longest stay inside the client, which may be replaced meanwhile, in seconds.
_FLUSH_S: Final = 0.2
_ROOM_S: Final = 0.05
# A client that has told nothing for so long still has events that were given up, in seconds. It is
# what librdkafka lets a broker take for an answer: nothing that was sent is on its way any more.
_SILENT_S: Final = 30.0
# How long a client that is replaced while it works may finish what it has, in seconds.
_FINISH_S: Final = 5.0
# How long a process that ends waits for what was published without close, in seconds.
_EXIT_S: Final = 5.0
_FORKED: Final = (
    "this producer belongs to the process that made it and does not survive fork(): "
    "make one per process"
)

_senders: weakref.WeakSet[KafkaSender] = weakref.WeakSet()


class KafkaSender:
    """Keeps every record until it is acknowledged or its time is over.

    After a fatal error a new client gets all of them again. The collector's thread gives records
    up; ``delivery_timeout_s`` counts from ``send``, whatever happens to clients.
    """

    def __init__(self, config: KafkaConfig, limits: Config) -> None:
        self._config = config
        self._limits = limits
        # One record, or one round of sending all again, at a time: each record reaches a client
        # exactly once. Re-entrant: the handler of a signal or of a log line may publish.
        self._lock = threading.RLock()
        # What is neither acknowledged nor given up, in its order, with its number.
        self._outstanding: dict[Outgoing, int] = {}
        # What was given up and may still be delivered by the client at hand.
        self._expired: set[Outgoing] = set()
        self._generation = 0
        # The client is dead, or to be replaced: what is sent meanwhile is kept for the next one.
        self._fatal = False
        # It is to be replaced for its certificate alone, and may work.
        self._outdated = False
        self._rebuilding = False
        # Bytes that wait for the next client; None before somebody asked.
        self._kept_bytes: int | None = None
        self._serving: set[int] = set()
        self._backoff = RebuildBackoff()
        self._expiry = Expiry(limits.delivery_timeout_s)
        self._trouble = Trouble()
        self._renewal = Renewal(config)
        self._certificates = Certificates(config, self._note_cause)
        # Why nothing is taken any more, and whether nothing is sent any more either.
        self._refusal: str | None = None
        self._ended = False
        # Records taken, and those among them that no client reports to have settled.
        self._sent = self._unreported = 0
        # What was reported when something was reported last, and when that was.
        self._heard = (-1, 0.0)
        self._use(self._new_client())
        self._collector = AckPoller(self._tend, self._outstanding)
        self._collector.start()
        _senders.add(self)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record; see ``Sender.send``."""
        with self._lock:
            if self._refusal is not None:
                raise ClosedError(self._refusal)
            if self._fatal:
                self._refuse_beyond_room(outgoing)
            self._sent += 1
            self._outstanding[outgoing] = self._sent
            if not self._fatal:
                try:
                    self._produce(outgoing, outgoing.value, outgoing.headers)
                except (BufferError, KafkaException) as error:
                    self._not_taken(outgoing, error)
                except BaseException:
                    self._withdraw(outgoing)
                    raise
        if self._collector.idle:
            self._collector.wake()
        if not self._sent % _POLL_EVERY:
            self._poll(0)

    def _produce(self, outgoing: Outgoing, value: bytes | None, headers: OutgoingHeaders) -> None:
        on_delivery: Callable[..., None] = outgoing
        if outgoing.slot is None:
            outgoing.slot = self._on_delivery
        else:
            # An earlier client may still report on it: the generation tells the two apart.
            on_delivery = partial(self._on_delivery, outgoing)
        self._client_produce(
            outgoing.topic,
            value,
            outgoing.key,
            -1,
            on_delivery,
            None,
            outgoing.timestamp_ms,
            headers if isinstance(headers, dict) else list(headers),
        )

    def _not_taken(self, outgoing: Outgoing, error: BufferError | KafkaException) -> None:
        if isinstance(error, KafkaException) and is_fatal(error.args[0]):
            # It stays outstanding, and the rebuild sends it with all the others.
            self._note_error(self._generation, error.args[0])
            return
        self._withdraw(outgoing)
        if isinstance(error, BufferError):
            self._refuse_what_never_fits(outgoing)
            raise self._full() from None
        raise self._failure(outgoing, error.args[0]) from error

    def _withdraw(self, outgoing: Outgoing) -> None:
        self._outstanding.pop(outgoing, None)
        # Its number is not given again: the time of the next record would be this one's.
        self._unreported += 1

    def _refuse_beyond_room(self, outgoing: Outgoing) -> None:
        """Keep to the limits of the buffer while there is no client that does."""
        self._refuse_what_never_fits(outgoing)
        if self._kept_bytes is None:
            self._kept_bytes = sum(len(it.value or b"") for it in list(self._outstanding))
        size = len(outgoing.value or b"")
        if (
            len(self._outstanding) >= self._limits.buffer_events
            or self._kept_bytes + size > self._limits.buffer_bytes
        ):
            raise self._full()
        self._kept_bytes += size

    def _refuse_what_never_fits(self, outgoing: Outgoing) -> None:
        size = len(outgoing.value or b"")
        if size > self._limits.buffer_bytes:
            raise RecordTooLargeError(
                f"a record of {size} bytes for {outgoing.topic} is larger than the whole send "
                f"buffer ({self._limits.buffer_bytes} bytes, buffer_bytes): it can never be sent"
            )

    def _full(self) -> BufferFullError:
        return BufferFullError(
            f"the send buffer is full ({self._limits.buffer_events} events or "
            f"{self._limits.buffer_bytes} bytes wait for {self._config.bootstrap_servers}; "
            f"{self._why(self._limits.delivery_timeout_s)})"
        )

    def _why(self, waited_s: float) -> str:
        # What was said shortly before holds as well: the client does not repeat itself for a while.
        began = time.monotonic() - waited_s - _SILENT_S
        return self._trouble.since(began, has_worked=self._settled() > 0)

    def _failure(self, outgoing: Outgoing, error: KafkaError) -> PatEventsError:
        doing = f"sending to {outgoing.topic} at {self._config.bootstrap_servers}"
        failure = translate(error, doing)
        if not isinstance(failure, RecordTooLargeError):
            return failure
        return RecordTooLargeError(
            f"{failure}: the record has {len(outgoing.value or b'')} bytes, its batch up to "
            f"{self._config.batch_bytes} (batch_bytes), and the topic's max.message.bytes or "
            "the client's message.max.bytes is less"
        )

    def _delivered(
        self, generation: int, outgoing: Outgoing, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            # No thread can begin a rebuild between this comparison and the pop: the interpreter
            # changes threads where a call has ended.
            if generation != self._generation:
                self._delivered_before(outgoing, message)
            elif self._outstanding.pop(outgoing, None) is not None:
                # As _settle_at, which would be a call more for every event.
                at, offset = message.partition(), message.offset()
                outgoing.settle(None, (-1 if at is None else at, -1 if offset is None else offset))
            else:
                self._late(outgoing)
            return
        with self._lock:
            if generation != self._generation:
                return  # An older client gave it up; the newer one has it.
            if self._fatal or ends_session(error):
                self._fatal = True  # It stays outstanding, and the rebuild sends it again.
                return
        if self._outstanding.pop(outgoing, None) is not None:
            outgoing.settle(self._failure(outgoing, error), None)
        else:
            self._late(outgoing)

    def _delivered_before(self, outgoing: Outgoing, message: Message) -> None:
        """Settle what a replaced client had delivered.

        Not while all is sent again, which the lock keeps away: of A and B it would have sent A
        again, and B no more. The log would end with A.
        """
        with self._lock:
            if self._outstanding.pop(outgoing, None) is None:
                return
        _settle_at(outgoing, message)

    def _late(self, outgoing: Outgoing) -> None:
        """Note a report on what had been given up: its client is at work."""
        if outgoing in self._expired:
            self._expired.discard(outgoing)
            self._unreported -= 1

    def wait_for_room(self, timeout_s: float) -> None:
        """Wait until a record is settled; see ``Sender.wait_for_room``."""
        self._poll(min(timeout_s, _ROOM_S))

    def _poll(self, timeout_s: float) -> None:
        self._refuse_after_fork()
        client = self._client
        self._serve(client, client.poll, timeout_s)

    def _serve(self, client: Producer, call: Callable[[float], object], timeout_s: float) -> None:
        """Let the client run callbacks, unless this thread is in one: it must not be re-entered.

        The client ends the whole process then. A callback that publishes comes here.
        """
        if self._in_callback():
            return
        try:
            with self._running_callbacks():
                call(timeout_s)
        except KafkaException as error:
            with self._lock:
                # One that was replaced meanwhile is no reason to replace its successor.
                if client is self._client:
                    self._note_error(self._generation, error.args[0])

    @contextmanager
    def _running_callbacks(self) -> Iterator[None]:
        thread = threading.get_ident()
        # Around it: the handlers of signals run when no callback does, and may wait.
        with signals_deferred():
            self._serving.add(thread)
            try:
                yield
            finally:
                self._serving.discard(thread)

    def _give_up(self, failures: Sequence[Failure]) -> None:
        """Settle records that no client has to report on any more; without the lock held.

        A callback may take a lock that another thread holds while it publishes.
        """
        if failures and self._in_callback():
            _settle_all(failures)
        elif failures:
            with self._running_callbacks():
                _settle_all(failures)

    def may_wait(self) -> bool:
        """Tell whether this thread is outside of callbacks; see ``Sender.may_wait``."""
        return not self._in_callback()

    def _in_callback(self) -> bool:
        return threading.get_ident() in self._serving

    def expedite(self) -> None:
        """Make the collector wait inside the client, where an answer wakes it at once."""
        self._refuse_after_fork()
        self._collector.expedite()

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled; see ``Sender.flush``."""
        self._refuse_after_fork()
        deadline = time.monotonic() + timeout_s
        # What others publish meanwhile is not waited for, or the wait might never end.
        waiting = list(self._outstanding)
        while waiting and not self._in_callback() and (left := deadline - time.monotonic()) > 0:
            client, before = self._client, len(waiting)
            self._serve(client, client.flush, min(left, _FLUSH_S))
            waiting = [outgoing for outgoing in waiting if outgoing in self._outstanding]
            if len(waiting) == before:
                # A client that is dead has nothing to wait for, until there is a new one.
                time.sleep(TICK_S)
        return waiting

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop; see ``Sender.close``."""
        with self._lock:
            # Looked at and not the refusal: what a signal has interrupted is taken up again.
            if self._ended:
                return []
            # First, so that what was taken is among what is waited for.
            self._refusal = "the producer was closed: make a new one"
        self.flush(timeout_s)
        with self._lock:
            self._ended = True
            # What the purge reports is of an older generation then, and no reason to rebuild.
            self._generation += 1
            # One by one: the collector may be settling some of them right now.
            given_up = [
                outgoing
                for outgoing in list(self._outstanding)
                if self._outstanding.pop(outgoing, None) is not None
            ]
        with suppress(KafkaException):
            self._client.purge()
        if given_up:
            error = f"not acknowledged before close; {self._why(self._limits.delivery_timeout_s)}"
            self._give_up([(outgoing, TransportError(error)) for outgoing in given_up])
        self._collector.end()
        return given_up

    @property
    def ended(self) -> bool:
        """Whether nothing is sent any more."""
        return self._ended

    def abandon_after_fork(self) -> None:
        """Refuse further use in a child process, which has none of the threads."""
        self._refusal = _FORKED
        self._ended = True
        # Another thread may have held it at the fork, and that thread is not here to release it.
        self._lock = threading.RLock()

    def _refuse_after_fork(self) -> None:
        if self._refusal is _FORKED:
            raise ClosedError(_FORKED)

    def _new_client(self) -> Producer:
        """Make a client; it takes 10 s where it waits for a token that does not come."""
        # What was taken must not fail for lack of room, however full the last client was.
        waiting = list(self._outstanding)
        settings = properties.producer(
            replace(self._config),  # Made again it reads its file, where that has changed.
            self._limits,
            partial(self._note_error, self._generation),
            waiting_events=len(waiting),
            waiting_bytes=sum(len(outgoing.value or b"") for outgoing in waiting),
        )
        with kafka_errors("starting a producer"):
            # Looked up now: what instruments the client replaces the class.
            return confluent_kafka.Producer(settings)

    def _use(self, client: Producer) -> None:
        self._client = client
        self._client_produce = _produce_of(client)
        #: Delivery callback of this client's records, bound to its generation.
        self._on_delivery = partial(self._delivered, self._generation)

    def _tend(self, timeout_s: float) -> None:
        """Settle, give up and replace what has to be; the collector's turn."""
        self._poll(timeout_s)
        if self._renewal.is_wanted:
            self._renewal.look(self._client)
        now = time.monotonic()
        if self._expiry.look(now, self._sent) and self._oldest() <= self._expiry.over:
            self._expire(now)
        if self._expired:
            self._free_silent_client(now)
        if not self._rebuilding and self._certificates.renewed():
            with self._lock:
                self._fatal = self._outdated = True
        # Without anything that waits there is no hurry, and nobody to hear what is wrong.
        if self._fatal and (self._outstanding or self._outdated):
            self._begin_rebuild(now)

    def _oldest(self) -> float:
        """Return the number of the oldest, 0 where it was settled just now."""
        # Not copied first, like everywhere else: no call comes between the two steps of it.
        for outgoing in self._outstanding:
            return self._outstanding.get(outgoing, 0)
        return math.inf

    def _expire(self, now: float) -> None:
        waited_s = now - self._expiry.taken_by
        over = []
        with self._lock:  # A rebuild either sends it again, or never saw it.
            for outgoing, number in list(self._outstanding.items()):
                if number > self._expiry.over:
                    break
                # First, or a report that comes in between would be waited for in vain.
                self._expired.add(outgoing)
                self._unreported += 1
                if self._outstanding.pop(outgoing, None) is None:
                    self._late(outgoing)
                else:
                    over.append(outgoing)
        address = self._config.bootstrap_servers
        why = self._why(waited_s)
        self._give_up(
            [
                (
                    outgoing,
                    TransportTimeoutError(
                        f"sending to {outgoing.topic} at {address}: not acknowledged within "
                        f"{waited_s:.1f} s, and may still be delivered; {why}"
                    ),
                )
                for outgoing in over
            ]
        )

    def _free_silent_client(self, now: float) -> None:
        """Replace a client that keeps what was given up, and tells nothing.

        Its buffer would stay full with it for as long as the outage lasts. One that is slow is let
        alone: it works off what it has, in order.
        """
        reported = self._settled()
        if reported != self._heard[0] or self._fatal:
            self._heard = (reported, now)
        elif now - self._heard[1] >= _SILENT_S:
            with self._lock:
                self._fatal = True

    def _settled(self) -> int:
        """Return how many records clients have reported on."""
        return self._sent - self._unreported - len(self._outstanding)

    def _begin_rebuild(self, now: float) -> None:
        """Have a dead client replaced, by a thread of its own.

        Making one may hang with whoever hands out tokens, and acknowledgements must not. A cluster
        that refuses every producer is asked less and less often.
        """
        with self._lock:
            if self._rebuilding or self._ended or not self._backoff.due(now):
                return
            self._backoff.begin(now, self._settled())
            self._rebuilding = True
        try:
            Thread(target=self._rebuild, name="pat-events-rebuild", daemon=True).start()
        except RuntimeError:  # There are too many threads.
            self._rebuilding = False
            raise

    def _rebuild(self) -> None:
        try:
            self._replace_client()
        finally:
            self._rebuilding = False

    def _replace_client(self) -> None:
        """Make a client, without the lock held, and send everything again."""
        if self._outdated:
            # What is on its way would be in the log twice.
            self._serve(self._client, self._client.flush, _FINISH_S)
        with self._lock:
            self._generation += 1
            dead = self._client
        # Reports of what did arrive are still worth having: they need not be sent again.
        with suppress(KafkaException):
            dead.purge()
        self._serve(dead, dead.poll, 0)
        try:
            client = self._new_client()
        except PatEventsError as error:
            self._note_cause(str(error))
            return
        with self._lock:
            if self.ended:  # Closed meanwhile.
                return
            self._use(client)
            self._kept_bytes = None
            self._expired.clear()
            self._heard = (-1, 0.0)
            again = len(self._outstanding)
            outdated, self._outdated = self._outdated, False
            refused: list[Failure] = []
            self._send_again(refused)
        _log.warning(
            "replaced the producer (%s); sent %d unacknowledged events again",
            "TLS was renewed" if outdated else self._why(self._limits.delivery_timeout_s),
            again,
        )
        self._give_up(refused)

    def _send_again(self, refused: list[Failure]) -> None:
        """Send everything outstanding, in its order; the client is alive if it took that.

        What is published meanwhile in this thread, by a finalizer, comes in the next round.
        """
        done = 0
        while done != self._sent:
            first, done = done, self._sent
            for outgoing, number in list(self._outstanding.items()):
                # In this order: what another thread settles meanwhile has let go of its payload.
                value, headers = outgoing.value, outgoing.headers
                if not first < number <= done or outgoing not in self._outstanding:
                    continue
                try:
                    self._produce(outgoing, value, headers)
                except BufferError:
                    return  # All of them again, with a client that has room for them.
                except KafkaException as error:
                    cause: KafkaError = error.args[0]
                    if is_fatal(cause):
                        self._note_error(self._generation, cause)
                        return
                    if self._outstanding.pop(outgoing, None) is not None:
                        refused.append((outgoing, self._failure(outgoing, cause)))
        self._fatal = False

    def _note_cause(self, text: str) -> None:
        self._trouble.note_cause(text, time.monotonic())

    def _note_error(self, generation: int, error: KafkaError) -> None:
        with self._lock:
            self._trouble.note(error, time.monotonic())
            if generation == self._generation:
                self._renewal.note(error)
                if is_fatal(error):
                    self._fatal = True


def _produce_of(client: Producer) -> Callable[..., None]:
    """Return how to call ``produce`` with all of its arguments by position: 0.3 us less a call."""
    return client.produce if type(client) is cimpl.Producer else produce_by_name(client)


def _settle_at(outgoing: Outgoing, message: Message) -> None:
    partition, offset = message.partition(), message.offset()
    # The client knows none of what it sent again and the broker had already.
    place = (-1 if partition is None else partition, -1 if offset is None else offset)
    outgoing.settle(None, place)


def _settle_all(failures: Sequence[Failure]) -> None:
    for outgoing, error in failures:
        outgoing.settle(error, None)


def _at_exit() -> None:
    """Wait a little for what a process that ends without ``close`` has published."""
    for sender in list(_senders):
        if not sender.ended and (lost := sender.flush(_EXIT_S)):
            _log.error(
                "%d events may be lost: the process ended without Producer.close() before they "
                "were acknowledged (what a consumer group's handlers published comes again)",
                len(lost),
            )


def _after_fork_in_child() -> None:
    for sender in list(_senders):
        sender.abandon_after_fork()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
