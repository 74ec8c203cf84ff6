"""What travels: a record on its way out, a delivery on its way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

# A broker may hold a header without a value: None on the way in.
Header: TypeAlias = tuple[str, bytes | None]
Headers: TypeAlias = Sequence[Header]
HeaderValues: TypeAlias = Mapping[str, bytes | None]
TopicPartition: TypeAlias = tuple[str, int]


class Record(NamedTuple):
    """One event as bytes, addressed and ready to be sent by any transport."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Position(NamedTuple):
    """Where a record is: its place in a log, or the id that a queue or bus gave it.

    Attributes:
        topic: Name of the topic, queue or bus.
        partition: Its partition in a log; else -1.
        offset: Its offset in a log. -1 where there is none, or the answer named none.
        message_id: What a queue or bus calls it; empty for a log.
    """

    topic: str
    partition: int = -1
    offset: int = -1
    message_id: str = ""

    def __str__(self) -> str:
        return f"{self.topic}/{self.message_id or f'{self.partition}/{self.offset}'}"


class Delivery:
    """One record as a consumer received it.

    A class with slots and not a named tuple because one is made for every
    record consumed: it is the cheapest to build and the engine keeps fields of its own in it
    (``attempt`` to ``route``).

    Attributes:
        header_values: The headers by name; of equal ones the last, which replaces the others. Of a
            record in structured mode also the attributes in its value, once somebody looked.
        all_if_repeated: All headers in their order where ``header_values`` does not have them, as
            where a name comes twice; else None.
    """

    __slots__ = (
        "all_if_repeated",
        "attempt",
        "first_failed_ms",
        "header_values",
        "holds",
        "key",
        "offset",
        "partition",
        "route",
        "timestamp_ms",
        "topic",
        "value",
    )

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.key = key
        self.value = value
        # A dict of text and bytes is none of the garbage collector's business (in CPython up to
        # 3.13), while a tuple for each header is: they are kept only where a name comes twice.
        self.header_values: HeaderValues = dict(headers)
        self.all_if_repeated = None if len(self.header_values) == len(headers) else headers
        self.timestamp_ms = timestamp_ms
        self.attempt = 1
        self.holds = 0
        # Wall clock of the first failed attempt, 0 while there is none.
        self.first_failed_ms = 0
        # Where the engine sends it: a value of the consumer's, opaque here.
        self.route: Any = None

    @property
    def headers(self) -> Headers:
        """The headers as they came, in their order; mostly a new tuple."""
        if self.all_if_repeated is not None:
            return self.all_if_repeated
        return tuple(self.header_values.items())

    @property
    def position(self) -> Position:
        """Topic, partition and offset."""
        return Position(self.topic, self.partition, self.offset)

    def __repr__(self) -> str:
        return f"Delivery({self.position})"
