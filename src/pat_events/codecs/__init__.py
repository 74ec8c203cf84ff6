"""Events to bytes and back."""

from __future__ import annotations

from importlib import resources

# Not the module: importing pat_events.codecs.json binds the name `json` in here.
from json import loads
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Final

from pat_events.codecs.base import Codec
from pat_events.codecs.event_types import Binding, EventTypes
from pat_events.codecs.protobuf import ProtobufCodec
from pat_events.core.catalog_file import parse_catalog
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    import os

    from pat_events.core.catalog import Catalog

__all__ = [
    "DEFAULT_MEDIA_TYPE",
    "Binding",
    "Codec",
    "EventTypes",
    "ProtobufCodec",
    "codec_by_media_type",
    "codec_by_name",
    "load_catalog",
    "media_type",
]

# What a record without a content-type header holds.
DEFAULT_MEDIA_TYPE: Final = ProtobufCodec.content_type

# Some 25,000 events: far more than any catalogue has.
_CATALOG_MAX_BYTES: Final = 4 * 2**20


def load_catalog(path: Path | str | None = None) -> Catalog:
    """Read a catalogue file; the packaged one when ``path`` is None.

    Raises:
        CatalogError: names each line that is wrong.
        ConfigError: the file cannot be read, or is no regular one of at most 4 MiB.
    """
    packaged = resources.files("pat_events") / "schemas"
    json_schema = loads((packaged / "catalog.schema.json").read_text("utf-8"))
    file = packaged / "catalog.yaml" if path is None else Path(path)
    try:
        if isinstance(file, Path):
            _require_small_file(file.stat(), file)
        text = file.read_text("utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
        raise ConfigError(f"the catalogue {file} cannot be read: {error}") from error
    return parse_catalog(text, str(file), json_schema)


def _require_small_file(stat: os.stat_result, path: Path) -> None:
    # Reading a FIFO waits for whoever writes to it, and a device may never end.
    if not S_ISREG(stat.st_mode):
        raise ConfigError(f"the catalogue {path} is no regular file")
    if stat.st_size > _CATALOG_MAX_BYTES:
        raise ConfigError(f"the catalogue {path} has {stat.st_size} bytes: it is something else")


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
