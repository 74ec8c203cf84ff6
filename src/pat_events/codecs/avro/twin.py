"""How a Protobuf message corresponds to its Avro record; ``kinds`` has the values in it.

==================  ====================================================
Protobuf            Avro
==================  ====================================================
message             ``["null", <record>]``; absent is null
optional value      ``["null", <type>]``, an enum ``["null", <enum>, "int"]``
map                 map; keys that are no text are written as text
repeated            array
oneof of messages   field of the oneof's name: ``["null", <record>, ...]``
other oneof         its fields, each optional
==================  ====================================================
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.descriptor import Descriptor, OneofDescriptor
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.descriptor_pb2 import DescriptorProto

from pat_events.codecs.avro.kinds import (
    SCALARS,
    WRAPPERS,
    Kind,
    enum_kind,
    enum_symbols,
    map_keys,
    wrapped,
)
from pat_events.codecs.avro.names import Names
from pat_events.codecs.avro.timestamp import DEFINITION, timestamp_from_avro, timestamp_to_avro
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import EnumDescriptor
    from google.protobuf.message import Message

    from pat_events.codecs.avro.kinds import Convert
    from pat_events.codecs.avro.schema import Definitions, Schema

Record: TypeAlias = dict[str, Any]

# fastavro takes (branch, value) for a union; without it tries one branch after the other.
_NULL: Final = ("null", None)


class AvroTwin:
    """Both directions between messages of one type and fastavro's form of their records."""

    __slots__ = ("_fixes", "_readers", "fields", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        #: The record's, as its schema has them.
        self.fields: list[dict[str, Any]] = []
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
            ValueError, KeyError: a value that the message's field cannot have.
        """
        for fix in self._fixes:
            fix(record)
        return record

    def add(self, name: str, schema: Schema, default: object, read: Convert) -> None:
        """Add a field: its type, and how to read it from a message."""
        self.fields.append({"name": name, "type": schema, "default": default})
        self._readers.append((name, read))

    def fix(self, fix: Callable[[Record], None]) -> None:
        """Add a step of ``from_avro``."""
        self._fixes.append(fix)

    def fix_field(self, name: str, back: Convert | None) -> None:
        """Add a step that changes the value of a field where it is not null."""
        if back is None:
            return

        def fix(record: Record) -> None:
            value = record[name]
            if value is not None:
                record[name] = back(value)

        self._fixes.append(fix)


class Twins:
    """The twins of messages, and the definitions that their schemas need."""

    def __init__(self) -> None:
        #: Every record and enum by its full name, after those it refers to.
        self.definitions: Definitions = {}
        self.names = Names()
        self._twins: dict[str, AvroTwin] = {}

    def of(self, descriptor: Descriptor) -> AvroTwin:
        """Return the twin of a message type.

        Raises:
            ConfigError: Avro cannot carry it; names the field and says what to do.
        """
        name = self.names.of(descriptor)
        twin = self._twins.get(name)
        if twin is None:
            twin = self._twins[name] = AvroTwin(name)
            for member in _members(descriptor):
                if isinstance(member, OneofDescriptor):
                    self._add_oneof(twin, member)
                elif member.message_type is not None and member.message_type.GetOptions().map_entry:
                    self._add_map(twin, member, member.message_type)
                elif member.is_repeated:
                    self._add_array(twin, member)
                else:
                    self._add_single(twin, member, self._kind(member))
            self.definitions[name] = {"type": "record", "name": name, "fields": twin.fields}
        return twin

    def _add_single(self, twin: AvroTwin, field: Field, kind: Kind) -> None:
        name, get, to, back = field.name, attrgetter(field.name), kind.to, kind.back
        if not field.has_presence:
            read = (lambda m: to(get(m))) if to else get
            twin.add(name, kind.avro, kind.default, read)
        elif isinstance(kind.avro, list):  # an enum is a union of its own
            value = to or _same
            read = lambda m: value(get(m)) if m.HasField(name) else _NULL  # noqa: E731
            twin.add(name, ["null", *kind.avro], None, read)
        else:
            branch, value = _branch(kind), to or _same
            read = lambda m: (branch, value(get(m))) if m.HasField(name) else _NULL  # noqa: E731
            twin.add(name, ["null", kind.avro], None, read)
            if back is not None and kind.named:
                twin.fix_field(name, lambda named: back(named[1]))
                return
        twin.fix_field(name, back)

    def _add_array(self, twin: AvroTwin, field: Field) -> None:
        name, get, kind = field.name, attrgetter(field.name), self._kind(field)
        to, back = kind.to, kind.back
        if kind.named and not self.definitions[kind.avro]["fields"]:
            raise ConfigError(
                f"{field.full_name}: a few bytes of Avro could hold millions of "
                f"{kind.avro}, which has no fields: give it one, count them, or use Protobuf"
            )
        read = (lambda m: [to(value) for value in get(m)]) if to else (lambda m: list(get(m)))
        twin.add(name, {"type": "array", "items": kind.avro}, [], read)
        twin.fix_field(name, back and (lambda values: [back(value) for value in values]))

    def _add_map(self, twin: AvroTwin, field: Field, entry: Descriptor) -> None:
        name, get = field.name, attrgetter(field.name)
        kind = self._kind(entry.fields_by_name["value"], field.full_name)
        key_to, key_back = map_keys(entry.fields_by_name["key"])
        value_to, value_back = kind.to or _same, kind.back or _same
        if key_to is not None and key_back is not None:
            twin.add(
                name,
                {"type": "map", "values": kind.avro},
                {},
                lambda m: {key_to(k): value_to(v) for k, v in get(m).items()},
            )
            twin.fix_field(
                name, lambda table: {key_back(k): value_back(v) for k, v in table.items()}
            )
            return
        read = lambda m: dict(get(m))  # noqa: E731
        if kind.to is not None:
            read = lambda m: {k: value_to(v) for k, v in get(m).items()}  # noqa: E731
        twin.add(name, {"type": "map", "values": kind.avro}, {}, read)
        if kind.back is not None:
            twin.fix_field(name, lambda table: {k: value_back(v) for k, v in table.items()})

    def _add_oneof(self, twin: AvroTwin, oneof: OneofDescriptor) -> None:
        kinds = {field.name: self._kind(field) for field in oneof.fields}
        records = {kind.avro for kind in kinds.values() if kind.named}
        if len(records) == len(kinds):
            _add_union(twin, oneof.name, kinds)
            return
        for field in oneof.fields:
            self._add_single(twin, field, kinds[field.name])
        oneof_name = oneof.name

        def only_one(record: Record) -> None:
            there = [name for name in kinds if record[name] is not None]
            if len(there) > 1:
                raise ValueError(
                    f"{', '.join(there)} are there, and exclude each other as oneof {oneof_name}"
                )

        twin.fix(only_one)

    def _kind(self, field: Field, place: str = "") -> Kind:
        try:
            return self._kind_of(field)
        except ConfigError as error:
            # From the event on, field by field: the last may be one of somebody else's message.
            raise ConfigError(f"{place or field.full_name}: {error}") from error

    def _kind_of(self, field: Field) -> Kind:
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        message: Descriptor | None = field.message_type
        if message is None:
            return SCALARS[field.type]
        if message.full_name in WRAPPERS:
            return wrapped(SCALARS[message.fields_by_name["value"].type])
        name = self.names.of(message)
        if message.full_name == "google.protobuf.Timestamp":
            self.definitions.setdefault(name, DEFINITION)
            return Kind(name, None, timestamp_to_avro, timestamp_from_avro, named=True)
        if name in self._twins and name not in self.definitions:
            raise ConfigError(
                f"{message.full_name} contains itself, and no payload bounds "
                "how often: refer to the others by id, or use Protobuf"
            )
        twin = self.of(message)
        return Kind(name, None, twin.to_avro, twin.from_avro, named=True)

    def _enum(self, enum: EnumDescriptor) -> Kind:
        name, symbols = self.names.of(enum), enum_symbols(enum)
        kind = enum_kind(name, symbols)
        self.definitions.setdefault(
            name,
            {
                "type": "enum",
                "name": name,
                "symbols": list(symbols.values()),
                "default": kind.default,
            },
        )
        return kind


def _add_union(twin: AvroTwin, oneof_name: str, kinds: dict[str, Kind]) -> None:
    """Add a oneof whose members are records of different types: one field."""
    names = {kind.avro: name for name, kind in kinds.items()}
    reads = {name: (kind.avro, kind.to or _same) for name, kind in kinds.items()}
    backs = {name: kind.back or _same for name, kind in kinds.items()}

    def read(message: Message) -> tuple[str, Any]:
        name = message.WhichOneof(oneof_name)
        if name is None:
            return _NULL
        branch, to = reads[name]
        return branch, to(getattr(message, name))

    def fix(record: Record) -> None:
        value = record.pop(oneof_name)
        if value is not None:
            name = names[value[0]]
            record[name] = backs[name](value[1])

    twin.add(oneof_name, ["null", *names], None, read)
    twin.fix(fix)


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


def _branch(kind: Kind) -> str:
    """Return how fastavro names a branch of a union."""
    name: str = kind.avro["type"] if isinstance(kind.avro, dict) else kind.avro
    return name


def _same(value: object) -> object:
    return value
