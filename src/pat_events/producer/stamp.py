"""What every event of one type is stamped with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pat_events.core import headers as h

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.catalog.binding import Binding

# ce_id, ce_time and ce_correlationid: names and values.
_FIXED_HEADER_BYTES: Final = 5 + 36 + 7 + 30 + 16 + 36


class Stamp:
    """What is the same for every event of one type."""

    __slots__ = (
        "_binding",
        "_content_type",
        "encode",
        "fixed_bytes",
        "headers",
        "key_of",
        "source",
        "topic",
    )

    def __init__(
        self, binding: Binding, source: str, content_type: str, encode: Callable[[Any], bytes]
    ) -> None:
        event_type = binding.event_type
        self._binding = binding
        self._content_type = content_type
        self.encode = encode
        self.topic = event_type.topic
        self.key_of = binding.key_of
        self.source = source
        self.headers: dict[str, bytes | None] = {
            h.CE_SPECVERSION: b"1.0",
            h.CE_TYPE: event_type.full_name.encode(),
            h.CE_SOURCE: source.encode(),
            h.CONTENT_TYPE: content_type.encode(),
        }
        self.fixed_bytes = h.size_bytes(self.headers.items()) + _FIXED_HEADER_BYTES

    def with_source(self, source: str) -> Stamp:
        """Return the same for an event that names its own source."""
        return Stamp(self._binding, source, self._content_type, self.encode)
