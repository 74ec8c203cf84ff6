"""Events as Avro, for consumers that do not speak Protobuf. Needs the extra ``avro``."""

from __future__ import annotations

import copy
import io
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.avro_indices import without_negative_indices
from pat_events.codecs.avro_twin import Twins
from pat_events.core.shown import one_line
from pat_events.errors import CodecError, ConfigError

try:
    import fastavro
    from fastavro.schema import SchemaParseException, UnknownType
except ImportError as missing:
    raise ConfigError(
        "Avro needs a package that is not installed: pip install 'pat-events[avro]'"
    ) from missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from pat_events.codecs.avro_twin import AvroTwin
    from pat_events.codecs.base import M

# What fastavro and the constructors of messages raise for bytes that make no sense.
_FOREIGN: Final = (EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError)
# Of what they have to say: it may repeat the payload.
_SHOWN_MAX: Final = 300
# Fewest bytes a value takes; a type that is not here takes none but in what it contains.
_LEAST_BYTES: Final = {
    "null": 0,
    "boolean": 1,
    "int": 1,
    "long": 1,
    "float": 4,
    "double": 8,
    "bytes": 1,
    "string": 1,
    "enum": 1,
    "map": 1,
    "array": 1,
}


class AvroCodec:
    """Bare Avro payloads, written with the event's own record schema.

    A payload does not say which version of the schema wrote it: change the schema only
    where a registry's framing tells readers, or when all readers change first.

    Args:
        schema: Avro schema (JSON) that defines the record of every event.
        origin: Name of its file, for messages.

    Raises:
        ConfigError: no valid schema, or one whose payloads could exhaust a reader.
    """

    content_type: Final = "application/avro"
    encode_errors: Final[tuple[type[Exception], ...]] = (CodecError,)
    decode_errors: Final[tuple[type[Exception], ...]] = (CodecError,)

    def __init__(self, schema: str, origin: str) -> None:
        self._origin = origin
        self._definitions = _definitions(schema, origin)
        self._twins = Twins(self._definitions)
        self._bound: dict[type[Message], tuple[AvroTwin, Any]] = {}
        self._read_with: dict[str, Any] = {}

    @classmethod
    @cache
    def packaged(cls) -> AvroCodec:
        """Return the codec for the packaged schemas/events.avsc, the same one each time."""
        file = resources.files("pat_events") / "schemas" / "events.avsc"
        return cls(file.read_text("utf-8"), str(file))

    def encoder(self, message_class: type[M]) -> Callable[[M], bytes]:
        """Return the function that makes payloads of one type.

        Fields unknown to this version of the event are left out. It raises ``CodecError`` for a
        timestamp outside the years 1 to 9999.

        Raises:
            ConfigError: the schema does not have this event, or not all of it.
        """
        twin, schema = self._bound.get(message_class) or self._bind(message_class)
        name, to_avro = twin.name, twin.to_avro

        def encode(event: M) -> bytes:
            payload = io.BytesIO()
            try:
                fastavro.schemaless_writer(payload, schema, to_avro(event))
            except ValueError as error:
                raise CodecError(f"{name}: {one_line(str(error), _SHOWN_MAX)}") from error
            return payload.getvalue()

        return encode

    def decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        """Return the function that reads payloads of one type; it raises ``CodecError``.

        Raises:
            ConfigError: the schema does not have this event, or not all of it.
        """
        twin, schema = self._bound.get(message_class) or self._bind(message_class)
        name, from_avro = twin.name, twin.from_avro
        if name not in self._read_with:
            self._read_with[name] = without_negative_indices(copy.deepcopy(schema), set())
        schema = self._read_with[name]

        def decode(payload: bytes) -> M:
            stream = io.BytesIO(payload)
            try:
                record = fastavro.schemaless_reader(stream, schema, None, return_named_type=True)
                event = message_class(**from_avro(record))  # type: ignore[arg-type]
            except _FOREIGN as error:
                reason = one_line(str(error), _SHOWN_MAX)
                raise CodecError(f"{name}: {type(error).__name__}: {reason}") from error
            if stream.tell() != len(payload):
                raise CodecError(f"{name}: {len(payload) - stream.tell()} bytes left over")
            return event

        return decode

    def _bind(self, message_class: type[Message]) -> tuple[AvroTwin, Any]:
        try:
            twin = self._twins.of(message_class.DESCRIPTOR)  # type: ignore[arg-type]
        except ConfigError as error:
            raise ConfigError(f"{self._origin}: {error}") from error
        schema = fastavro.parse_schema(_whole(twin.name, self._definitions, set()))
        self._bound[message_class] = bound = (twin, schema)
        return bound


def _definitions(text: str, origin: str) -> dict[str, Any]:
    """Return every named type of a schema, after the guards, by its full name."""
    definitions: dict[str, Any] = {}
    try:
        # Logical types would have fastavro make datetimes, which lose nanoseconds.
        plain = json.loads(text, object_hook=_without_logical_type)
        fastavro.parse_schema(plain, definitions)
        least: dict[str, int] = {}
        for name in definitions:
            _least_bytes(name, definitions, (), least)
    except (SchemaParseException, UnknownType, ValueError, KeyError, RecursionError) as error:
        raise ConfigError(f"{origin}: not usable as an Avro schema: {error}") from error
    return definitions


def _without_logical_type(table: dict[str, Any]) -> dict[str, Any]:
    table.pop("logicalType", None)
    return table


def _least_bytes(
    schema: Any,  # noqa: ANN401 -- Avro types are text, lists and tables
    definitions: dict[str, Any],
    inside: tuple[str, ...],
    least: dict[str, int],
) -> int:
    """Return the fewest bytes of a value, having refused what a few bytes could blow up.

    A recursive schema lets 5 KB of payload overflow the C stack of fastavro's reader,
    and an array of items that take no bytes lets 6 bytes become millions of items.
    """
    if isinstance(schema, list):
        return 1 + min(_least_bytes(branch, definitions, inside, least) for branch in schema)
    if isinstance(schema, str) and schema in definitions:
        if schema in inside:
            raise ValueError(f"{schema} contains itself, which no payload bounds")
        if schema not in least:
            inside = (*inside, schema)
            least[schema] = _least_bytes(definitions[schema], definitions, inside, least)
        return least[schema]
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind in {"record", "error"}:
        fields = schema["fields"]
        return sum(_least_bytes(field["type"], definitions, inside, least) for field in fields)
    if kind == "array" and not _least_bytes(schema["items"], definitions, inside, least):
        raise ValueError(f"an array in {inside[-1]} has items that take no bytes")
    if kind == "map":
        _least_bytes(schema["values"], definitions, inside, least)
    return int(schema["size"]) if kind == "fixed" else _LEAST_BYTES[kind]


def _whole(schema: Any, definitions: dict[str, Any], defined: set[str]) -> Any:  # noqa: ANN401
    """Return a schema that stands alone: each named type defined where it first occurs."""
    if isinstance(schema, list):
        return [_whole(branch, definitions, defined) for branch in schema]
    name = schema if isinstance(schema, str) else schema.get("name")
    if name in defined or (name is schema and name not in definitions):
        return name
    if name is not None:
        defined.add(name)
        schema = definitions[name]
    # fastavro's marks would make it take a part of the schema for all of it.
    table = {key: value for key, value in schema.items() if not key.startswith("__")}
    for part in ("items", "values"):
        if part in table:
            table[part] = _whole(table[part], definitions, defined)
    if "fields" in table:
        table["fields"] = [
            {**field, "type": _whole(field["type"], definitions, defined)}
            for field in table["fields"]
        ]
    return table
