"""Records that are written all or none, by one process at a time."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from pat_events.errors import ClosedError, TransportError, TransportTimeoutError
from pat_events.system.signals import signals_deferred
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.errors import translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from pat_events.config import Config
    from pat_events.core.record import Record
    from pat_events.errors import PatEventsError
    from pat_events.transports.kafka.config import KafkaConfig

_log = logging.getLogger("pat_events.kafka")

# Longest wait for the brokers to write a transaction, or to take one back, in seconds.
_ANSWER_S: Final = 30.0
# After this silence the brokers take back what was begun, in milliseconds: readers wait for that
# where a process was killed and no other takes its place.
_TRANSACTION_MS: Final = 45_000
_ROOM_S: Final = 0.05
# The one behind a transaction that was refused may meet a sequence that the brokers do not expect.
_TRIES: Final = 3
_REPLACED: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - the library's name for it
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)
# Reported of records that go because others failed.
_TAKEN_BACK: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001

# Nobody has taken what is in the buffer: what was begun is taken back, and not tried again.
_NO_ROOM: Final = KafkaError(
    KafkaError._TIMED_OUT,  # noqa: SLF001 - the library's name for it
    "the buffer is full of records that no broker takes",
    retriable=True,
    txn_requires_abort=True,
)


class TransactionalSender:
    """Writes records in transactions; who reads only what is committed sees all of one, or none.

    A new sender shuts out the last one of its name, wherever that runs and however long it was
    frozen: what that had not finished is finished or taken back before the new one is there, and
    nothing it sends is taken any more. One thread owns it.

    Args:
        config: The cluster.
        limits: How large the buffer is.
        name: What the cluster tells senders apart by, as ``transactional.id``.

    Raises:
        ConfigError: the settings are impossible.
        TransportTimeoutError: no coordinator answered in time.
        NotPermittedError: Write on this transactional id is not permitted.
    """

    def __init__(self, config: KafkaConfig, limits: Config, name: str) -> None:
        self._name = name
        self._address = config.bootstrap_servers
        # Why the first record that was refused was.
        self._failure: KafkaError | None = None
        settings = properties.producer(config, limits, self._note) | {
            "transactional.id": name,
            "transaction.timeout.ms": _TRANSACTION_MS,
        }
        doing = f"taking the transactional id {name} at {self._address}"
        with signals_deferred():
            with properties.making_client(config, doing):
                self._client = Producer(settings)
            try:
                self._client.init_transactions(_ANSWER_S)
            except KafkaException as error:
                raise translate(error.args[0], doing) from error

    def send(self, records: Sequence[Record]) -> None:
        """Write all of these, or none.

        No signal strikes while it lasts, some minutes at most.

        Raises:
            ClosedError: another sender of this name has taken over; none was written.
            RecordTooLargeError: one is larger than its topic takes; none was written.
            TransportTimeoutError: no answer in time; all may be written or none.
            TransportError: the cluster refused one; none was written.
        """
        with signals_deferred():
            for left in reversed(range(_TRIES)):
                try:
                    self._send(records)
                except KafkaException as error:
                    failure = self._ended_by(error.args[0], records)
                    # What was taken back for a reason that passes is sent again as a whole.
                    if not left or type(failure) is not TransportError:
                        raise failure from error
                else:
                    return

    def _send(self, records: Sequence[Record]) -> None:
        self._failure = None
        self._client.begin_transaction()
        deadline = time.monotonic() + _ANSWER_S
        for record in records:
            self._produce(record, deadline)
        self._commit()

    def close(self) -> None:
        """Let go of the connections; what was sent is committed or taken back."""
        with signals_deferred():
            del self._client

    def _produce(self, record: Record, deadline: float) -> None:
        while True:
            try:
                self._client.produce(
                    record.topic,
                    record.value,
                    record.key,
                    on_delivery=self._delivered,
                    timestamp=record.timestamp_ms,
                    headers=list(record.headers),
                )
            except BufferError:
                # Records are never given up by the client, so that room may never come.
                if time.monotonic() > deadline:
                    raise KafkaException(_NO_ROOM) from None
                self._client.poll(_ROOM_S)
            else:
                return

    def _commit(self) -> None:
        deadline = time.monotonic() + _ANSWER_S
        while True:
            try:
                self._client.commit_transaction(max(1.0, deadline - time.monotonic()))
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
            else:
                return

    def _ended_by(self, error: KafkaError, records: Sequence[Record]) -> PatEventsError:
        """Take back what was begun, and return what to raise."""
        doing = f"writing to {', '.join(sorted({it.topic for it in records}))} at {self._address}"
        if error.txn_requires_abort():
            try:
                self._client.abort_transaction(_ANSWER_S)
            except KafkaException as failed:
                # Where nothing was begun, as without the right to write, there is no more to it.
                if failed.args[0].code() in _REPLACED:
                    error = failed.args[0]
        if error.code() in _REPLACED:
            return ClosedError(
                f"{doing}: another process has taken the transactional id {self._name}, or this "
                f"one was silent for {_TRANSACTION_MS // 1000} s; nothing more is written here"
            )
        if error.retriable():
            return TransportTimeoutError(
                f"{doing}: no answer in {_ANSWER_S:g} s: the last records are all written, or none"
            )
        # Why a record was refused says more than that one was.
        return translate(self._failure or error, doing)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        # No call of the client in here: it would end the process.
        del message
        if error is not None and error.code() not in _TAKEN_BACK:
            self._failure = self._failure or error

    def _note(self, error: KafkaError) -> None:
        _log.warning("%s: %s (%s)", self._address, error.str(), error.name())
