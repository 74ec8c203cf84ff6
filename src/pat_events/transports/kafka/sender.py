"""The sending side: librdkafka's producer, rebuilt when it dies."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, Producer

from pat_events.errors import (
    BufferFullError,
    ClosedError,
    PatEventsError,
    TransportError,
)
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.collector import TICK_S, Collector
from pat_events.transports.kafka.errors import kafka_errors, typed
from pat_events.transports.kafka.logs import without_userinfo
from pat_events.transports.kafka.rebuilding import RebuildPace, ends_session, is_fatal
from pat_events.transports.kafka.signals import signals_deferred

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from confluent_kafka import KafkaError, Message

    from pat_events.config import Config
    from pat_events.transports.base import Outgoing, OutgoingHeaders

    # A record, its error, its partition and its offset.
    Outcome: TypeAlias = tuple[Outgoing, PatEventsError | None, int, int]

_log = logging.getLogger("pat_events.kafka")

# Every so many records the publishing thread settles what is done. A background thread
# alone would fight it for the interpreter: measured at +30 to +56 % per event.
_POLL_EVERY: Final = 128
# Longest stay inside the client, which may be replaced meanwhile, in seconds.
_FLUSH_S: Final = 0.2
# How long a process that ends waits for what was published without close, in seconds.
_EXIT_S: Final = 5.0
_FORKED: Final = (
    "this producer belongs to the process that made it and does not survive fork(): "
    "make one per process"
)

_SETTLED: Final = object()

_senders: weakref.WeakSet[KafkaSender] = weakref.WeakSet()


class KafkaSender:
    """Keeps every record until it is acknowledged, and sends it again after a fatal error.

    A client counts ``delivery_timeout_s`` from when it got a record: what a rebuild sends again
    has all of it anew.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        # One record or rebuild at a time, so that a rebuild sees each record
        # exactly once. Re-entrant: the handler of a signal or of a log line may publish.
        self._lock = threading.RLock()
        self._outstanding: dict[Outgoing, object] = {}
        # What a rebuild learnt, settled when the lock is released: a callback may take a lock
        # that another thread holds while it publishes.
        self._outcomes: deque[Outcome] = deque()
        self._generation = 0
        self._fatal = False
        self._rebuilding = False
        self._serving: set[int] = set()
        self._pace = RebuildPace(config.delivery_timeout_s)
        # Why nothing is taken any more, and whether nothing is sent any more either.
        self._refusal: str | None = None
        self._ended = False
        self._last_error: str | None = None
        # Records taken, those that were settled since among them.
        self._sent = 0
        self._client = self._new_client()
        self._collector = Collector(self.poll, self._outstanding)
        self._collector.start()
        _senders.add(self)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record; see ``Sender.send``."""
        with self._lock:
            if self._refusal is not None:
                raise ClosedError(self._refusal)
            if self._fatal and not self._rebuild():
                raise BufferFullError(self._full())
            self._outstanding[outgoing] = None
            self._sent += 1
            # Published by a handler from within a rebuild, it is sent there in its turn.
            if not self._rebuilding:
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
            self.poll(0)

    def _produce(self, outgoing: Outgoing, value: bytes | None, headers: OutgoingHeaders) -> None:
        on_delivery: Callable[..., None] = outgoing
        if outgoing.on_delivery is None:
            outgoing.on_delivery = self._on_delivery
        else:
            # An earlier client may still report on it: the generation tells the two apart.
            on_delivery = partial(self._on_delivery, outgoing)
        self._client.produce(
            outgoing.topic,
            value,
            outgoing.key,
            -1,
            on_delivery,
            None,
            outgoing.timestamp_ms,
            headers if isinstance(headers, dict) else list(headers),  # type: ignore[arg-type]
        )

    def _not_taken(self, outgoing: Outgoing, error: BufferError | KafkaException) -> None:
        if isinstance(error, KafkaException) and is_fatal(error.args[0]):
            # It stays outstanding, and the rebuild sends it with all the others.
            self._note_error(self._generation, error.args[0])
            return
        self._withdraw(outgoing)
        if isinstance(error, BufferError):
            raise BufferFullError(self._full()) from None
        raise typed(error.args[0], f"sending to {outgoing.topic}") from error

    def _withdraw(self, outgoing: Outgoing) -> None:
        self._outstanding.pop(outgoing, None)
        self._sent -= 1

    def _full(self) -> str:
        last = f"; last error: {self._last_error}" if self._last_error else ""
        return (
            f"the send buffer is full ({self._config.buffer_events} events or "
            f"{self._config.buffer_bytes} bytes wait for {self._config.bootstrap_servers}{last})"
        )

    def _delivered(
        self, generation: int, outgoing: Outgoing, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            # No thread can begin a rebuild between this comparison and the pop: the interpreter
            # changes threads where a call has ended.
            if generation != self._generation:
                self._delivered_before(outgoing, message)
            # The value kept for it is None: anything else means it is settled already.
            elif self._outstanding.pop(outgoing, _SETTLED) is None:
                outgoing.settle(None, message.partition() or 0, message.offset() or 0)
            return
        with self._lock:
            if generation != self._generation:
                return  # An older client gave it up; the newer one has it.
            if self._fatal or ends_session(error):
                self._fatal = True  # It stays outstanding, and the rebuild sends it again.
                return
        if self._outstanding.pop(outgoing, _SETTLED) is None:
            doing = f"sending to {outgoing.topic} at {self._config.bootstrap_servers}"
            outgoing.settle(typed(error, doing), -1, -1)

    def _delivered_before(self, outgoing: Outgoing, message: Message) -> None:
        """Settle what a replaced client had delivered.

        Not in the middle of a rebuild: of A and B it would have sent A again, and B no more. The
        log would end with A.
        """
        with self._lock:
            if self._outstanding.pop(outgoing, _SETTLED) is not None:
                return
            if self._rebuilding:
                self._outcomes.append(
                    (outgoing, None, message.partition() or 0, message.offset() or 0)
                )
                return
        outgoing.settle(None, message.partition() or 0, message.offset() or 0)

    def poll(self, timeout_s: float) -> None:
        """Settle finished records; see ``Sender.poll``."""
        self._stay_in_process()
        client = self._client
        self._serve(client, client.poll, timeout_s)
        if self._fatal:
            with self._lock:
                # Looked at again: another thread may have rebuilt it while this one waited.
                if self._fatal:
                    self._rebuild()
        if self._outcomes and not self._rebuilding:
            self._serve(client, self._settle_outcomes, 0)

    def _settle_outcomes(self, _: float) -> None:
        while self._outcomes:
            try:
                outgoing, error, partition, offset = self._outcomes.popleft()
            except IndexError:
                return  # Another thread took the last one.
            outgoing.settle(error, partition, offset)

    def _serve(self, client: Producer, call: Callable[[float], object], timeout_s: float) -> None:
        """Let the client run callbacks, unless this thread is in one: it must not be re-entered.

        The client ends the whole process then. A callback that publishes comes here.
        """
        if self.in_callback():
            return
        thread = threading.get_ident()
        try:
            # Around it: the handlers run when no callback does, and may wait.
            with signals_deferred():
                self._serving.add(thread)
                try:
                    call(timeout_s)
                finally:
                    self._serving.discard(thread)
        except KafkaException as error:
            with self._lock:
                # One that was replaced meanwhile is no reason to replace its successor.
                if client is self._client:
                    self._note_error(self._generation, error.args[0])

    def in_callback(self) -> bool:
        """Tell whether this thread is inside a callback; see ``Sender.in_callback``."""
        return threading.get_ident() in self._serving

    def hurry(self) -> None:
        """Make the collector wait inside the client, where an answer wakes it at once."""
        self._stay_in_process()
        self._collector.hurry()

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled; see ``Sender.flush``."""
        self._stay_in_process()
        deadline = time.monotonic() + timeout_s
        # What others publish meanwhile is not waited for, or the wait might never end.
        waiting = list(self._outstanding)
        if self._outcomes:
            self.poll(0)
        while waiting and not self.in_callback() and (left := deadline - time.monotonic()) > 0:
            client, before = self._client, len(waiting)
            self._serve(client, client.flush, min(left, _FLUSH_S))
            self.poll(0)
            waiting = [outgoing for outgoing in waiting if outgoing in self._outstanding]
            if len(waiting) == before:
                # A client that is dead has nothing to wait for, until a rebuild is due.
                time.sleep(TICK_S)
        return waiting

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop; see ``Sender.close``."""
        with self._lock:
            if self._refusal is not None:
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
                if self._outstanding.pop(outgoing, _SETTLED) is None
            ]
        with suppress(KafkaException):
            self._client.purge()
        self._settle_outcomes(0)
        last = f": {self._last_error}" if self._last_error else ""
        for outgoing in given_up:
            outgoing.settle(TransportError(f"not acknowledged before close{last}"), -1, -1)
        self._collector.end()
        return given_up

    @property
    def open(self) -> bool:
        """Whether records are taken."""
        return self._refusal is None

    def abandon_after_fork(self) -> None:
        """Refuse further use in a child process, which has none of the threads."""
        self._refusal = _FORKED
        self._ended = True
        # Another thread may have held it at the fork, and that thread is not here to release it.
        self._lock = threading.RLock()

    def _stay_in_process(self) -> None:
        if self._refusal is _FORKED:
            raise ClosedError(_FORKED)

    def _new_client(self) -> Producer:
        on_error = partial(self._note_error, self._generation)
        #: Delivery callback of this client's records, bound to its generation.
        self._on_delivery = partial(self._delivered, self._generation)
        # What was taken must not fail for lack of room, however full the last client was.
        waiting = list(self._outstanding)
        settings = properties.producer(
            self._config,
            on_error,
            waiting_events=len(waiting),
            waiting_bytes=sum(len(outgoing.value or b"") for outgoing in waiting),
        )
        with kafka_errors("starting a producer"):
            return Producer(settings)

    def _rebuild(self) -> bool:
        """Replace a client that met a fatal error; called with the lock held.

        Tells whether a record can be taken: one that a handler publishes from within the rebuild
        can. What became of records is settled by the next ``poll``. A cluster that refuses every
        producer is asked less and less often, and for ``delivery_timeout_s``: then what waits has
        failed.
        """
        now = time.monotonic()
        if self._rebuilding or self._ended or not self._pace.due(now):
            return self._rebuilding
        self._rebuilding = True
        try:
            self._generation += 1
            # Reports of what did arrive are still worth having: they need not be sent again.
            with suppress(KafkaException):
                self._client.purge()
            self._serve(self._client, self._client.poll, 0)
            if self._pace.begin(now, self._settled()) or not self._outstanding:
                self._replace_client()
            else:
                self._give_up()
        finally:
            self._rebuilding = False
            if self._outcomes:
                self._collector.wake()
        return not self._fatal

    def _settled(self) -> int:
        return self._sent - len(self._outstanding)

    def _give_up(self) -> None:
        for outgoing in list(self._outstanding):
            doing = f"sending to {outgoing.topic} at {self._config.bootstrap_servers}"
            timeout_s = self._config.delivery_timeout_s
            self._fail(
                outgoing,
                TransportError(
                    f"{doing}: no new producer came to work within {timeout_s:g} s "
                    f"({self._last_error})"
                ),
            )

    def _replace_client(self) -> None:
        try:
            self._client = self._new_client()
        except PatEventsError as error:
            self._last_error = str(error)
            return
        _log.warning(
            "rebuilt the producer after a fatal error (%s); sending %d unacknowledged events again",
            self._last_error,
            len(self._outstanding),
        )
        self._fatal = not self._send_again()

    def _send_again(self) -> bool:
        """Send everything outstanding, in its order; tells whether the client took it.

        What the handler of a signal or of a log line publishes meanwhile has only been noted:
        it comes in the next round.
        """
        sent: set[Outgoing] = set()
        while unsent := [it for it in list(self._outstanding) if it not in sent]:
            sent.update(unsent)
            for outgoing in unsent:
                # In this order: what another thread settles meanwhile has let go of its payload.
                value, headers = outgoing.value, outgoing.headers
                if outgoing not in self._outstanding:
                    continue
                try:
                    self._produce(outgoing, value, headers)
                except BufferError:
                    return False  # All of them again, with a client that has room for them.
                except KafkaException as error:
                    cause: KafkaError = error.args[0]
                    if is_fatal(cause):
                        self._note_error(self._generation, cause)
                        return False
                    self._fail(outgoing, typed(cause, f"sending to {outgoing.topic}"))
        return True

    def _fail(self, outgoing: Outgoing, error: PatEventsError) -> None:
        if self._outstanding.pop(outgoing, _SETTLED) is None:
            self._outcomes.append((outgoing, error, -1, -1))

    def _note_error(self, generation: int, error: KafkaError) -> None:
        with self._lock:
            self._last_error = f"{without_userinfo(error.str())} ({error.name()})"
            if is_fatal(error) and generation == self._generation:
                self._fatal = True


def _at_exit() -> None:
    """Wait a little for what a process that ends without ``close`` has published."""
    for sender in list(_senders):
        if sender.open and (lost := sender.flush(_EXIT_S)):
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
