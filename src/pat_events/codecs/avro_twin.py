"""How a Protobuf message corresponds to its Avro record.

=================  ======================================================
Protobuf           Avro
=================  ======================================================
scalar             string, bytes, boolean, int, long, float, double
message            ``["null", <record>]``; absent is null
Timestamp          record: microseconds, and the nanoseconds beyond them
enum               ``[<enum>, "int"]``; the number where no symbol has it
map                map
repeated           array
oneof of messages  field of the oneof's name: ``["null", <record>, ...]``
=================  ======================================================

A record or enum has the message's or enum's own name in the package of its file. Nested
messages get no namespace of their own: Java has no package named like a class next to it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, OneofDescriptor
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.descriptor_pb2 import DescriptorProto

from pat_events.codecs.avro_timestamp import SHAPE, timestamp_from_avro, timestamp_to_avro
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.protobuf.message import Message

Convert: TypeAlias = "Callable[[Any], Any]"
Record: TypeAlias = dict[str, Any]

# Unsigned 32-bit numbers take the next larger type; unsigned 64-bit ones have none.
_SCALARS: Final = {
    Field.TYPE_STRING: "string",
    Field.TYPE_BYTES: "bytes",
    Field.TYPE_BOOL: "boolean",
    Field.TYPE_FLOAT: "float",
    Field.TYPE_DOUBLE: "double",
    Field.TYPE_INT32: "int",
    Field.TYPE_SINT32: "int",
    Field.TYPE_SFIXED32: "int",
    Field.TYPE_UINT32: "long",
    Field.TYPE_FIXED32: "long",
    Field.TYPE_INT64: "long",
    Field.TYPE_SINT64: "long",
    Field.TYPE_SFIXED64: "long",
}
# fastavro takes (branch, value) for a union; without it tries one branch after the other.
_NULL: Final = ("null", None)


class AvroTwin:
    """Both directions between messages of one type and fastavro's form of their records."""

    __slots__ = ("_fixes", "_readers", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._readers: list[tuple[str, Convert]] = []
        self._fixes: list[Callable[[Record], None]] = []

    def to_avro(self, message: Message) -> Record:
        """Return the record of a message.

        Raises:
            ValueError: a timestamp outside the years 1 to 9999.
        """
        return {name: read(message) for name, read in self._readers}

    def from_avro(self, record: Record) -> Record:
        """Turn a record, in place, into what the message's class is constructed from.

        Raises:
            ValueError: a timestamp outside the years 1 to 9999.
        """
        for fix in self._fixes:
            fix(record)
        return record

    def add(self, name: str, read: Convert, fix: Callable[[Record], None] | None) -> None:
        """Add a field: how to read it from a message, and how to undo that in a record."""
        self._readers.append((name, read))
        if fix is not None:
            self._fixes.append(fix)


class _Kind(NamedTuple):
    """One value: its Avro type, and the functions there and back where it is not the same."""

    avro: Any
    to: Convert | None = None
    back: Convert | None = None


class Twins:
    """Finds the twin of each message in a set of Avro definitions, by full name."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._twins: dict[str, AvroTwin] = {}

    def of(self, descriptor: Descriptor) -> AvroTwin:
        """Return the twin of a message type.

        Raises:
            ConfigError: Avro and Protobuf disagree; names each field.
        """
        name = _avro_name(descriptor)
        twin = self._twins.get(name)
        if twin is None:
            twin = self._twins[name] = AvroTwin(name)
            try:
                self._require_record(name, self._fill(twin, descriptor))
            except ConfigError:
                del self._twins[name]
                raise
        return twin

    def _fill(self, twin: AvroTwin, descriptor: Descriptor) -> Record:
        """Add the fields of a message; returns the Avro type that each needs to have."""
        needed: Record = {}
        for member in _members(descriptor):
            if isinstance(member, OneofDescriptor):
                needed[member.name] = self._add_oneof(twin, member)
            elif member.message_type is not None and member.message_type.GetOptions().map_entry:
                needed[member.name] = self._add_map(twin, member, member.message_type)
            elif member.is_repeated:
                needed[member.name] = self._add_array(twin, member)
            else:
                needed[member.name] = self._add_single(twin, member)
        return needed

    def _add_single(self, twin: AvroTwin, field: Field) -> object:
        name, get = field.name, attrgetter(field.name)
        kind = self._kind(field)
        _, to, back = kind
        if not field.has_presence:
            twin.add(name, (lambda m: to(get(m))) if to else get, _fix(name, back))
            return kind.avro
        if isinstance(kind.avro, list):  # an enum is a union of its own
            read = to or get
            twin.add(name, lambda m: read(get(m)) if m.HasField(name) else _NULL, _fix(name, back))
            return ["null", *kind.avro]
        branch, read = kind.avro, to or _same
        twin.add(
            name,
            lambda m: (branch, read(get(m))) if m.HasField(name) else _NULL,
            _fix(name, back and (lambda value: back(value[1]))),
        )
        return ["null", kind.avro]

    def _add_array(self, twin: AvroTwin, field: Field) -> object:
        get = attrgetter(field.name)
        avro, to, back = self._kind(field)
        twin.add(
            field.name,
            (lambda m: [to(value) for value in get(m)]) if to else (lambda m: list(get(m))),
            _fix(field.name, back and (lambda values: [back(value) for value in values])),
        )
        return {"type": "array", "items": avro}

    def _add_map(self, twin: AvroTwin, field: Field, entry: Descriptor) -> object:
        get = attrgetter(field.name)
        if entry.fields_by_name["key"].type != Field.TYPE_STRING:
            raise ConfigError(f"{field.full_name}: the keys of an Avro map are strings")
        avro, to, back = self._kind(entry.fields_by_name["value"])
        twin.add(
            field.name,
            (lambda m: {k: to(v) for k, v in get(m).items()}) if to else (lambda m: dict(get(m))),
            _fix(field.name, back and (lambda table: {k: back(v) for k, v in table.items()})),
        )
        return {"type": "map", "values": avro}

    def _add_oneof(self, twin: AvroTwin, oneof: OneofDescriptor) -> object:
        branches: dict[str, tuple[str, Convert]] = {}
        reads: dict[str, tuple[str, Convert]] = {}
        for field in oneof.fields:
            avro, to, back = self._kind(field)
            if to is None or back is None or isinstance(avro, list) or avro in branches:
                raise ConfigError(f"{field.full_name}: a oneof needs messages of different types")
            branches[avro] = (field.name, back)
            reads[field.name] = (avro, to)
        oneof_name = oneof.name

        def read(message: Message) -> tuple[str, Any]:
            name = message.WhichOneof(oneof_name)
            if name is None:
                return _NULL
            branch, to = reads[name]
            return branch, to(getattr(message, name))

        def fix(record: Record) -> None:
            value = record.pop(oneof_name)
            if value is not None:
                name, back = branches[value[0]]
                record[name] = back(value[1])

        twin.add(oneof_name, read, fix)
        return ["null", *branches]

    def _kind(self, field: Field) -> _Kind:
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.message_type is not None:
            if field.message_type.full_name == "google.protobuf.Timestamp":
                return self._timestamp(_avro_name(field.message_type))
            twin = self.of(field.message_type)
            return _Kind(twin.name, twin.to_avro, twin.from_avro)
        avro = _SCALARS.get(field.type)
        if avro is None:
            raise ConfigError(f"{field.full_name}: Avro has no type for unsigned 64-bit numbers")
        return _Kind(avro)

    def _enum(self, enum: EnumDescriptor) -> _Kind:
        name = _avro_name(enum)
        # An alias shares its number: the first name is the one Protobuf itself writes.
        symbols = {number: value.name for number, value in enum.values_by_number.items()}
        definition = self._definitions.get(name, {})
        if sorted(definition.get("symbols", ())) != sorted(symbols.values()):
            raise ConfigError(f"{name}: must be an Avro enum of {', '.join(symbols.values())}")
        branches = {number: (name, symbol) for number, symbol in symbols.items()}
        numbers = {branch: number for number, branch in branches.items()}
        return _Kind(
            [name, "int"],
            lambda number: branches.get(number) or ("int", number),
            lambda value: numbers[value] if type(value) is tuple else value,
        )

    def _timestamp(self, name: str) -> _Kind:
        self._require_record(name, SHAPE)
        return _Kind(name, timestamp_to_avro, timestamp_from_avro)

    def _require_record(self, name: str, needed: Mapping[str, Any]) -> None:
        definition = self._definitions.get(name, {})
        if definition.get("type") != "record":
            raise ConfigError(f"the Avro schema has no record {name}")
        found = {field["name"]: _bare(field["type"]) for field in definition["fields"]}
        problems = [
            f"{name}.{field}: Avro has {found.get(field, 'nothing')}, "
            f"Protobuf needs {needed.get(field, 'nothing')}"
            for field in {**needed, **found}
            if needed.get(field) != found.get(field)
        ]
        if problems:
            raise ConfigError("\n".join(problems))


def _members(descriptor: Descriptor) -> Iterator[Field | OneofDescriptor]:
    """Yield the fields, and each oneof in the place of its fields."""
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    # For the compiler an optional field is a oneof with a single member.
    optional = {field.name for field in proto.field if field.proto3_optional}
    for field in descriptor.fields:
        if field.containing_oneof is None or field.name in optional:
            yield field
        elif field == field.containing_oneof.fields[0]:
            yield field.containing_oneof


def _avro_name(descriptor: Descriptor | EnumDescriptor) -> str:
    package = descriptor.file.package
    return f"{package}.{descriptor.name}" if package else descriptor.name


def _bare(schema: Any) -> Any:  # noqa: ANN401 -- Avro types are text, lists and tables
    """Return an Avro type without what does not change its bytes."""
    if isinstance(schema, list):
        return [_bare(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if "name" in schema:
        return schema["name"]
    parts = {part: _bare(schema[part]) for part in ("items", "values") if part in schema}
    return {"type": schema["type"], **parts} if parts else schema["type"]


def _fix(name: str, back: Convert | None) -> Callable[[Record], None] | None:
    if back is None:
        return None

    def fix(record: Record) -> None:
        value = record[name]
        if value is not None:
            record[name] = back(value)

    return fix


def _same(value: object) -> object:
    return value
