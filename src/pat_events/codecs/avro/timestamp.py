"""google.protobuf.Timestamp as an Avro record, exact over all of its range.

Avro's own timestamps lose either the nanoseconds or the years before 1677. The record
has a microsecond timestamp, which every reader understands, and the rest next to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

DEFINITION: Final[dict[str, Any]] = {
    "type": "record",
    "name": "google.protobuf.Timestamp",
    "doc": "A point in time with the range and the precision of google.protobuf.Timestamp.",
    "fields": [
        {
            "name": "micros",
            "type": {"type": "long", "logicalType": "timestamp-micros"},
            "doc": "Since 1970-01-01T00:00:00Z, rounded down.",
        },
        {
            "name": "nanos",
            "type": "int",
            "default": 0,
            "doc": "What rounding took away, 0 to 999 ns.",
        },
    ],
}

_MICROS: Final = 1_000_000
_NANOS: Final = 1_000_000_000
# The range google.protobuf.Timestamp defines: years 1 to 9999.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799


def timestamp_to_avro(timestamp: Timestamp) -> dict[str, int]:
    """Return the record.

    Raises:
        ValueError: outside the years 1 to 9999.
    """
    seconds, nanos = timestamp.seconds, timestamp.nanos
    _check(seconds, nanos)
    return {"micros": seconds * _MICROS + nanos // 1000, "nanos": nanos % 1000}


def timestamp_from_avro(record: dict[str, int]) -> dict[str, int]:
    """Return seconds and nanoseconds.

    Raises:
        ValueError: outside the years 1 to 9999.
    """
    seconds, micros = divmod(record["micros"], _MICROS)
    nanos = micros * 1000 + record["nanos"]
    _check(seconds, nanos)
    return {"seconds": seconds, "nanos": nanos}


def _check(seconds: int, nanos: int) -> None:
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _NANOS):
        raise ValueError(f"{seconds} s {nanos} ns is no time in the years 1 to 9999")
