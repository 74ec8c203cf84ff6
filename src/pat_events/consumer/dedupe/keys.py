"""By what an event is known to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.core import headers as h

if TYPE_CHECKING:
    from pat_events.core.record import Delivery

_ID: Final = h.CE_ID
_SOURCE: Final = h.CE_SOURCE
# More sources than these are not remembered: they come from outside.
_MAX_SOURCES: Final = 1_000


class Keys:
    """Makes the keys of one group's events: group, source and id, which is unique in its source.

    The group is in braces: a cluster of Redis keeps what is in the same ones together. The length
    of the source keeps apart what would read alike.
    """

    def __init__(self, group: str) -> None:
        self._group = group.encode()
        #: What the keys of a source begin with, as far as it came before.
        self.by_source: dict[bytes | None, bytes] = {}

    def of(self, delivery: Delivery) -> bytes:
        """Return the key of a delivery; by its position where it has no id."""
        values = delivery.header_values
        event_id = values.get(_ID)
        if not event_id:
            return b"{%s} at %s" % (self._group, str(delivery.position).encode())
        source = values.get(_SOURCE)
        prefix = self.by_source.get(source)
        if prefix is None:
            prefix = self._prefix(source)
        return prefix + event_id

    def _prefix(self, source: bytes | None) -> bytes:
        if len(self.by_source) >= _MAX_SOURCES:
            self.by_source.clear()
        text = source or b""
        prefix = self.by_source[source] = b"{%s} %d %s " % (self._group, len(text), text)
        return prefix
