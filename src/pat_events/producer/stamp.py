"""What every event of one type is stamped with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core import headers as h

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from pat_events.catalog.binding import Binding
    from pat_events.codecs.base import Codec
    from pat_events.config import Config

# ce_id, ce_time, ce_correlationid and, where spans are made, traceparent: names and values.
_FIXED_HEADER_BYTES: Final = 5 + 36 + 7 + 30 + 16 + 36 + 11 + 55


class Stamp:
    """What is the same for every event of one type."""

    __slots__ = (
        "_binding",
        "_content_type",
        "encode",
        "event_type",
        "fixed_bytes",
        "headers",
        "key_of",
        "source",
        "topic",
    )

    def __init__(
        self, binding: Binding, source: str, content_type: str, encode: Callable[[Any], bytes]
    ) -> None:
        self.event_type = event_type = binding.event_type
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


class Stamps:
    """The stamps of all events of a catalogue.

    Made at once, so that what the codec cannot carry is known before an event is.

    Args:
        config: Which catalogue, and the source of its events; that of each when None.
        codec: Writes them.

    Raises:
        CatalogError: the catalogue cannot be read, or its Python module does not bear it out.
        ConfigError: the codec cannot carry one of them.
    """

    def __init__(self, config: Config, codec: Codec) -> None:
        self._types = types = EventTypes(load_catalog(config.catalog))
        self._codec = codec
        self._source = config.source
        self.by_class: dict[type[Message], Stamp] = {
            binding.message_class: self._stamp(binding) for binding in types.by_full_name.values()
        }

    def of(self, event_class: type[Message]) -> Stamp:
        """Return the stamp of an event's class; ``by_class`` is the short way.

        Raises:
            UnknownEventError: the catalogue does not have it.
        """
        return self._stamp(self._types.of(event_class))

    def _stamp(self, binding: Binding) -> Stamp:
        source = self._source or binding.event_type.source
        encode = self._codec.encoder(binding.message_class)
        return Stamp(binding, source, self._codec.content_type, encode)
