"""The time of an event: in its metadata, and as the text of a header."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import SchemaError

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

_NANOS: Final = 1_000_000_000


class EventTimes:
    """Writes times as RFC 3339 in UTC, to the nanosecond."""

    def __init__(self) -> None:
        # The text is the same for every event of a second.
        self._second = (0, "")

    def of(self, metadata: Any, now_ns: int) -> str:  # noqa: ANN401 - of any catalogue's module
        """Return the time that an event's metadata says, which is set to now where it says none.

        Raises:
            SchemaError: it is no time.
        """
        timestamp = metadata.timestamp
        if not metadata.HasField("timestamp"):
            return self.set(timestamp, now_ns)
        try:
            to_the_second = datetime.fromtimestamp(timestamp.seconds, UTC).isoformat()[:19]
        except (ValueError, OverflowError, OSError):
            raise SchemaError(
                f"metadata.timestamp is {timestamp.seconds} s: outside the years 1 to 9999"
            ) from None
        if not 0 <= timestamp.nanos < _NANOS:
            raise SchemaError(
                f"metadata.timestamp has {timestamp.nanos} nanoseconds: use 0 to 999,999,999"
            )
        return f"{to_the_second}.{timestamp.nanos:09d}Z"

    def set(self, timestamp: Timestamp, now_ns: int) -> str:
        """Set a timestamp to now, in nanoseconds since 1970, and return it as text."""
        seconds = timestamp.seconds = now_ns // _NANOS
        nanos = timestamp.nanos = now_ns - seconds * _NANOS
        cached, to_the_second = self._second
        if cached != seconds:
            to_the_second = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
            self._second = (seconds, to_the_second)
        return f"{to_the_second}.{nanos:09d}Z"
