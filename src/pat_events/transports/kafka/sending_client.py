"""librdkafka's producer, and the next one when it dies."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from pat_events.errors import PatEventsError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.certificates import Certificates
from pat_events.transports.kafka.errors import is_fatal
from pat_events.transports.kafka.instrumented import produce_of
from pat_events.transports.kafka.rebuild_backoff import ends_session
from pat_events.transports.kafka.rebuilding import Rebuilding
from pat_events.transports.kafka.renewal import Renewal
from pat_events.transports.kafka.resending import send_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message, Producer

    from pat_events.config import Config
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.kafka.callbacks import Callbacks, Failure
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.ledger import Ledger
    from pat_events.transports.kafka.outcomes import Outcomes
    from pat_events.transports.kafka.send_errors import SendErrors
    from pat_events.transports.sending import Outgoing, OutgoingHeaders

_log = logging.getLogger("pat_events.kafka")

# How long a client that is replaced while it works may finish what it has, in seconds.
_FINISH_S: Final = 5.0


class SendingClient:
    """Hands records to a client, and all that are outstanding to the next one after a fatal error.

    Args:
        config: The cluster.
        limits: How much is taken, and when it is given up.
        ledger: What is outstanding; a report takes it out.
        callbacks: Where reports arrive.
        errors: What records fail with; is told what clients say.
        outcomes: Is told what was refused, and sent again.
        make_client: Makes a client of its settings.
        spans: Those that are made of what is sent; the client makes none beside them.
    """

    def __init__(
        self,
        config: KafkaConfig,
        limits: Config,
        ledger: Ledger,
        callbacks: Callbacks,
        errors: SendErrors,
        outcomes: Outcomes,
        make_client: Callable[[dict[str, object]], Producer],
        spans: SenderSpans | None,
    ) -> None:
        self._config = config
        self._limits = limits
        self._ledger = ledger
        self._outstanding = ledger.outstanding
        self._callbacks = callbacks
        self._errors = errors
        self._outcomes = outcomes
        self._make_client, self._spans = make_client, spans
        self._renewal = Renewal(config)
        self._certificates = Certificates(config, ledger.topics, errors.note_cause)
        self._rebuilding = Rebuilding(self._replace)
        #: One record, or one round of sending all again, at a time: each record reaches a client
        #: exactly once. Re-entrant: the handler of a signal or of a log line may publish.
        self.lock = threading.RLock()
        #: Whether the client is dead, or to be replaced: what is sent meanwhile is kept for the
        #: next one.
        self.is_dead = False
        # It is to be replaced for its certificate alone, and may work.
        self._outdated = False
        self.ended = False  #: Whether nothing is sent any more.
        #: Number of the client.
        self.generation = 0
        self._use(self._new())

    def _new(self) -> Producer:
        """Make a client; it takes 10 s where it waits for a token that does not come."""
        # What was taken must not fail for lack of room, however full the last client was.
        waiting = list(self._outstanding)
        settings = properties.producer(
            replace(self._config),  # Made again it reads its file, where that has changed.
            self._limits,
            partial(self._note_error, self.generation),
            waiting_events=len(waiting),
            waiting_bytes=sum(len(outgoing.value or b"") for outgoing in waiting),
        )
        with properties.making_client(self._config, "starting a producer"):
            return self._make_client(settings)

    def _use(self, client: Producer) -> None:
        self._client = client
        self._client_produce = produce_of(client, alone=self._spans is not None)
        #: What this client's reports are passed to, bound to its generation.
        self._on_delivery = partial(self._delivered, self.generation)

    def produce(self, outgoing: Outgoing, value: bytes | None, headers: OutgoingHeaders) -> None:
        """Hand a record to the client; raises what that raises."""
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

    def _delivered(
        self, generation: int, outgoing: Outgoing, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            # No thread can begin a rebuild between this comparison and the pop: the interpreter
            # changes threads where a call has ended.
            if generation != self.generation:
                self._delivered_before(outgoing, message)
            elif self._outstanding.pop(outgoing, None) is not None:
                # As _settle_at, which would be a call more for every event.
                at, offset = message.partition(), message.offset()
                outgoing.settle(None, (-1 if at is None else at, -1 if offset is None else offset))
            else:
                self._ledger.note_late(outgoing)
            return
        with self.lock:
            if generation != self.generation:
                return  # An older client gave it up; the newer one has it.
            if self.is_dead or ends_session(error):
                self.is_dead = True  # It stays outstanding, and the rebuild sends it again.
                return
        if self._outstanding.pop(outgoing, None) is not None:
            outgoing.settle(self._refused(outgoing, error), None)
        else:
            self._ledger.note_late(outgoing)

    def _refused(self, outgoing: Outgoing, error: KafkaError) -> PatEventsError:
        failure = self._errors.refused(outgoing, error)
        self._outcomes.refused(failure)
        return failure

    def _delivered_before(self, outgoing: Outgoing, message: Message) -> None:
        """Settle what a replaced client had delivered.

        Not while all is sent again, which the lock keeps away: of A and B it would have sent A
        again, and B no more. The log would end with A.
        """
        with self.lock:
            if self._outstanding.pop(outgoing, None) is None:
                return
        _settle_at(outgoing, message)

    def poll(self, timeout_s: float) -> None:
        """Let the client report; waits up to ``timeout_s`` for the first report."""
        client = self._client
        self._serve(client, client.poll, timeout_s)

    def flush(self, timeout_s: float) -> None:
        """Let the client report until it has nothing left, ``timeout_s`` at most."""
        client = self._client
        self._serve(client, client.flush, timeout_s)

    def _serve(self, client: Producer, call: Callable[[float], object], timeout_s: float) -> None:
        """Let the client run callbacks, unless this thread is in one: it must not be re-entered.

        The client ends the whole process then. A callback that publishes comes here.
        """
        if self._callbacks.inside():
            return
        try:
            with self._callbacks.running():
                call(timeout_s)
        except KafkaException as error:
            with self.lock:
                # One that was replaced meanwhile is no reason to replace its successor.
                if client is self._client:
                    self._note_error(self.generation, error.args[0])

    def note_error(self, error: KafkaError) -> None:
        """Note an error of the client at hand; a fatal one means that it is dead."""
        self._note_error(self.generation, error)

    def _note_error(self, generation: int, error: KafkaError) -> None:
        with self.lock:
            self._errors.note(error)
            if generation == self.generation:
                self._renewal.note(error)
                if is_fatal(error):
                    self.is_dead = True

    def maintain(self, now: float) -> None:
        """Renew the sign-in where it was refused; replace the client where it has to be."""
        if self._renewal.is_wanted:
            self._renewal.look(self._client)
        if not self.is_dead and self._ledger.is_client_silent(now):
            with self.lock:
                self.is_dead = True
        if not self._rebuilding.goes_on and self._certificates.renewed():
            with self.lock:
                self.is_dead = self._outdated = True
        # Without anything that waits there is no hurry, and nobody to hear what is wrong.
        if self.is_dead and (self._outstanding or self._outdated) and not self.ended:
            self._rebuilding.begin(now, self._ledger.settled)

    def _replace(self) -> None:
        """Make a client, without the lock held, and send everything again."""
        if self._outdated:  # What is on its way would be in the log twice.
            self.flush(_FINISH_S)
        with self.lock:
            self.generation += 1
            dead = self._client
        # Reports of what did arrive are still worth having: they need not be sent again.
        with suppress(KafkaException):
            dead.purge()
        self._serve(dead, dead.poll, 0)
        try:
            client = self._new()
        except PatEventsError as error:
            self._errors.note_cause(str(error))
            return
        with self.lock:
            if self.ended:  # Closed meanwhile.
                return
            self._use(client)
            self._ledger.begin_client()
            again = len(self._outstanding)
            outdated, self._outdated = self._outdated, False
            refused: list[Failure] = []
            self._send_again(refused)
        why = "TLS was renewed" if outdated else self._errors.why()
        _log.warning("replaced the producer (%s); sent %d unacknowledged events again", why, again)
        self._outcomes.sent_again(again, why)
        self._callbacks.give_up(refused)

    def _send_again(self, refused: list[Failure]) -> None:
        """Send everything outstanding, with the lock held; the client is alive if it took that.

        What is published meanwhile in this thread, by a finalizer, comes in the next round.
        """

        def refuse(outgoing: Outgoing, error: KafkaError) -> None:
            refused.append((outgoing, self._refused(outgoing, error)))

        done = 0
        try:
            # No call may come between the last comparison and the flag: a finalizer could publish.
            while done != self._ledger.taken:
                first, done = done, self._ledger.taken
                send_again(self._outstanding, first, done, self.produce, refuse)
        except BufferError:
            return  # All of them again, with a client that has room for them.
        except KafkaException as error:
            self.note_error(error.args[0])
            return
        self.is_dead = False

    def end(self) -> None:
        """Send nothing any more; with the lock held."""
        self.ended = True
        # What the purge reports is of an older generation then, and no reason to rebuild.
        self.generation += 1

    def purge(self) -> None:
        """Have the client forget what it has."""
        with suppress(KafkaException):
            self._client.purge()

    def abandon_after_fork(self) -> None:
        """Send nothing any more in a child process, which has none of the threads."""
        self.ended = True
        # Another thread may have held it at the fork, and that thread is not here to release it.
        self.lock = threading.RLock()


def _settle_at(outgoing: Outgoing, message: Message) -> None:
    partition, offset = message.partition(), message.offset()
    # The client knows none of what it sent again and the broker had already.
    place = (-1 if partition is None else partition, -1 if offset is None else offset)
    outgoing.settle(None, place)
