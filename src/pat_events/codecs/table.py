"""Which codec is meant: by its name in the settings, or by a record's media type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.codecs.json import JsonReader
from pat_events.codecs.protobuf import ProtobufCodec
from pat_events.codecs.structured import MEDIA_TYPE, StructuredReader, has_data, unfold
from pat_events.core import headers as h
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.codecs.base import Codec, Reader
    from pat_events.core.record import Delivery


def _avro() -> Codec:
    from pat_events.codecs.avro.codec import AvroCodec  # noqa: PLC0415 -- needs an extra

    return AvroCodec.shared()


# What a record without a content-type header holds.
DEFAULT_MEDIA_TYPE: Final = ProtobufCodec.content_type
_CODECS: Final[dict[str, Callable[[], Codec]]] = {
    DEFAULT_MEDIA_TYPE: ProtobufCodec,
    "application/avro": _avro,
}
_READERS: Final[dict[str, Callable[[], Reader]]] = {
    **_CODECS,
    JsonReader.content_type: JsonReader,
}
#: Media types that are read, of payloads and of the data in a record in structured mode.
READABLE: Final = tuple(_READERS)
#: That of a record in structured mode.
STRUCTURED: Final = MEDIA_TYPE


def codec_by_name(name: str) -> Codec:
    """Return the codec called ``protobuf`` or ``avro``.

    Raises:
        ConfigError: there is no such codec, or what it needs is not installed.
    """
    make = _CODECS.get(f"application/{name}")
    if make is None:
        raise ConfigError(f"there is no codec {name[:100]!r}: choose protobuf or avro")
    return make()


def media_type_after_unfolding(delivery: Delivery) -> str:
    """Unfold a delivery in structured mode, and return the media type of any delivery's value.

    That is ``STRUCTURED`` of one in structured mode, which tells the envelope from now on: this
    changes the delivery, see ``unfold``.

    Raises:
        CodecError: it says that it is structured, and is nothing that can be read.
    """
    if unfold(delivery):
        return STRUCTURED
    return media_type(delivery.header_values.get(h.CONTENT_TYPE))


def media_type_elsewhere(delivery: Delivery) -> str | None:
    """Return the media type of a payload that an unfolded delivery does not have itself.

    None where it does have its data, whatever it refers to besides.
    """
    if has_data(delivery.value or b""):
        return None
    content_type = delivery.header_values.get("ce_datacontenttype")
    return JsonReader.content_type if content_type is None else media_type(content_type)


def media_type(header: bytes | None) -> str:
    """Return the media type of a ``content-type`` header: lower case, parameters aside (RFC 9110).

    An absent header means ``DEFAULT_MEDIA_TYPE``. One that names no type, being empty or not
    ASCII, gives text that no codec has.
    """
    if header is None:
        return DEFAULT_MEDIA_TYPE
    return header.partition(b";")[0].strip().lower().decode("ascii", "replace")


def reader_by_media_type(media_type: str) -> Reader:
    """Return what reads the values that ``media_type_after_unfolding`` told of.

    Raises:
        ConfigError: nothing does, or what it needs is not installed.
    """
    if media_type == STRUCTURED:
        return StructuredReader(_reader_of_data)
    return _reader_of_data(media_type)


def _reader_of_data(media_type: str) -> Reader:
    make = _READERS.get(media_type)
    if make is None:
        raise ConfigError(f"{media_type[:100]!r} cannot be read, these can: {', '.join(READABLE)}")
    return make()
