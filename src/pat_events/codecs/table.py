"""Which codec is meant: by its name in the settings, or by a record's media type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.codecs.protobuf import ProtobufCodec
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pat_events.codecs.base import Codec

# What a record without a content-type header holds.
DEFAULT_MEDIA_TYPE: Final = ProtobufCodec.content_type


def codec_by_name(name: str) -> Codec:
    """Return the codec called ``protobuf`` or ``avro``.

    Raises:
        ConfigError: there is no such codec, or what it needs is not installed.
    """
    return codec_by_media_type(f"application/{name}")


def media_type(header: bytes | None) -> str:
    """Return the media type of a ``content-type`` header: lower case, parameters aside (RFC 9110).

    An absent header means ``DEFAULT_MEDIA_TYPE``. One that names no type, being empty or not
    ASCII, gives text that no codec has.
    """
    if header is None:
        return DEFAULT_MEDIA_TYPE
    return header.partition(b";")[0].strip().lower().decode("ascii", "replace")


def codec_by_media_type(media_type: str) -> Codec:
    """Return the codec for what ``media_type`` returned.

    Raises:
        ConfigError: there is no such codec, or what it needs is not installed.
    """
    if media_type == ProtobufCodec.content_type:
        return ProtobufCodec()
    if media_type == "application/avro":
        from pat_events.codecs.avro import AvroCodec  # noqa: PLC0415 -- needs an extra

        return AvroCodec.packaged()
    raise ConfigError(
        f"there is no codec for {media_type[:100]!r}: "
        "choose application/protobuf or application/avro"
    )
