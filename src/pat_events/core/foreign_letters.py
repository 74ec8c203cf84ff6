"""Causes of dead letters that other programs wrote, read from their headers.

Spring for Apache Kafka (``KafkaHeaders`` and ``DeadLetterPublishingRecoverer``), Kafka Connect
(KIP-298), Kafka Streams (KIP-1034) and the share groups of Kafka's brokers (KIP-1191).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.core import headers as h
from pat_events.core.headers import KIP_1191_PREFIX
from pat_events.core.record import Position
from pat_events.core.stored_cause import StoredCause

if TYPE_CHECKING:
    from pat_events.core.record import HeaderValues

_CONNECT: Final = "__connect.errors."
_STREAMS: Final = "__streams.errors."
# Letters of a listener, and those that came by its retry topics; the group has one name in both.
_SPRING: Final = ("kafka_dlt-", "kafka_")
_SPRING_GROUP: Final = "kafka_dlt-original-consumer-group"
_SPRING_ATTEMPTS: Final = "retry_topic-attempts"
# Bytes of Java's long.
_LONG: Final = 8
_MAX_PARTITION: Final = 2**31 - 1

#: Every letter of another program has a header that begins so.
FOREIGN_PREFIXES: Final = (_CONNECT, _STREAMS, "kafka_dlt-", "kafka_original-", "kafka_exception-")


def foreign_cause(values: HeaderValues) -> StoredCause | None:
    """Return the cause that another program's headers tell, or None where there are none.

    Where several programs gave a record up, one after another, headers do not tell which was the
    last: Spring's count before those of Connect, Streams and share groups.
    """
    for prefix in _SPRING:
        if f"{prefix}original-topic" in values or f"{prefix}exception-fqcn" in values:
            return _of_spring(values, prefix)
    if f"{_CONNECT}topic" in values or f"{_CONNECT}exception.class.name" in values:
        return _of_connect(values)
    if f"{_STREAMS}topic" in values or f"{_STREAMS}exception" in values:
        return _of_streams(values)
    return _of_share_group(values) if f"{KIP_1191_PREFIX}topic" in values else None


def _of_spring(values: HeaderValues, prefix: str) -> StoredCause:
    # Where the key could not be read, the error of the key is the one there is.
    error = prefix if f"{prefix}exception-fqcn" in values else f"{prefix}key-"
    topic = h.text(values, f"{prefix}original-topic")
    partition = _integer(values, f"{prefix}original-partition", _MAX_PARTITION)
    offset = _integer(values, f"{prefix}original-offset")
    return StoredCause(
        origin=_position(topic, partition, offset),
        group=h.text(values, _SPRING_GROUP) or "",
        error_class=h.text(values, f"{error}exception-fqcn") or "",
        root_cause_class=h.text(values, f"{prefix}exception-cause-fqcn") or "",
        message=h.text(values, f"{error}exception-message") or "",
        stacktrace=h.text(values, f"{error}exception-stacktrace") or "",
        attempts=_integer(values, _SPRING_ATTEMPTS) or 0,
        timestamp_ms=_integer(values, f"{prefix}original-timestamp", h.MAX_MS) or 0,
        writer="Spring",
    )


def _of_connect(values: HeaderValues) -> StoredCause:
    connector = h.text(values, f"{_CONNECT}connector.name") or ""
    return StoredCause(
        origin=_origin(values, _CONNECT),
        handler=connector,
        reason=(h.text(values, f"{_CONNECT}stage") or "").lower(),
        error_class=h.text(values, f"{_CONNECT}exception.class.name") or "",
        message=h.text(values, f"{_CONNECT}exception.message") or "",
        stacktrace=h.text(values, f"{_CONNECT}exception.stacktrace") or "",
        writer="Kafka Connect",
    )


def _of_streams(values: HeaderValues) -> StoredCause:
    # What Java's Throwable says of itself: its class, and its message behind a colon.
    error_class = (h.text(values, f"{_STREAMS}exception") or "").partition(":")[0]
    return StoredCause(
        origin=_origin(values, _STREAMS),
        error_class=error_class,
        message=h.text(values, f"{_STREAMS}message") or "",
        stacktrace=h.text(values, f"{_STREAMS}stacktrace") or "",
        writer="Kafka Streams",
    )


def _of_share_group(values: HeaderValues) -> StoredCause:
    return StoredCause(
        origin=_origin(values, KIP_1191_PREFIX),
        group=h.text(values, f"{KIP_1191_PREFIX}group") or "",
        message=h.text(values, f"{KIP_1191_PREFIX}message") or "",
        attempts=h.number(values, f"{KIP_1191_PREFIX}delivery.count") or 0,
        writer="Kafka",
    )


def _origin(values: HeaderValues, prefix: str) -> Position | None:
    return _position(
        h.text(values, f"{prefix}topic"),
        h.number(values, f"{prefix}partition", _MAX_PARTITION),
        h.number(values, f"{prefix}offset"),
    )


def _position(topic: str | None, partition: int | None, offset: int | None) -> Position | None:
    if not topic or partition is None or offset is None:
        return None
    return Position(topic, partition, offset)


def _integer(values: HeaderValues, name: str, most: int = h.MAX_NUMBER) -> int | None:
    """Return a number of Java's as Spring writes it: an int, a long, or a BigInteger's bytes."""
    value = values.get(name)
    if not value or len(value) > _LONG:
        return None
    number = int.from_bytes(value, "big", signed=True)
    return number if 0 <= number <= most else None
