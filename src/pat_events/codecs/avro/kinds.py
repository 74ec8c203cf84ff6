"""Values of one field as Avro has them: its type, and the way there and back.

==================  ====================================================
Protobuf            Avro
==================  ====================================================
string, bytes, bool the same
32 bits             int, or long where unsigned
64 bits             long, or where unsigned bytes as decimal(20, 0)
float, double       the same
enum                ``[<enum>, "int"]``; the number where no symbol has it
Timestamp           record: microseconds, and the nanoseconds beyond them
wrapper             what it wraps; absent is null
==================  ====================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from google.protobuf.descriptor import FieldDescriptor as Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import EnumDescriptor

    from pat_events.codecs.avro.schema import Schema

Convert: TypeAlias = "Callable[[Any], Any]"


class Kind(NamedTuple):
    """One value: its Avro type, and the functions there and back where it is not the same.

    ``named``: it is a record, which fastavro hands over with its name when it is in a union.
    """

    avro: Schema
    default: Any
    to: Convert | None = None
    back: Convert | None = None
    named: bool = False


def _signed_bytes(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _from_signed_bytes(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


# Exact over all of the range, for half of which a long has no room.
_UNSIGNED_64: Final = Kind(
    {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0},
    "\0",
    _signed_bytes,
    _from_signed_bytes,
)
SCALARS: Final = {
    Field.TYPE_STRING: Kind("string", ""),
    Field.TYPE_BYTES: Kind("bytes", ""),
    Field.TYPE_BOOL: Kind("boolean", False),  # noqa: FBT003 -- the default of a boolean
    Field.TYPE_FLOAT: Kind("float", 0.0),
    Field.TYPE_DOUBLE: Kind("double", 0.0),
    Field.TYPE_INT32: Kind("int", 0),
    Field.TYPE_SINT32: Kind("int", 0),
    Field.TYPE_SFIXED32: Kind("int", 0),
    Field.TYPE_UINT32: Kind("long", 0),
    Field.TYPE_FIXED32: Kind("long", 0),
    Field.TYPE_INT64: Kind("long", 0),
    Field.TYPE_SINT64: Kind("long", 0),
    Field.TYPE_SFIXED64: Kind("long", 0),
    Field.TYPE_UINT64: _UNSIGNED_64,
    Field.TYPE_FIXED64: _UNSIGNED_64,
}
WRAPPERS: Final = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)


def enum_symbols(enum: EnumDescriptor) -> dict[int, str]:
    """Return the symbols of an enum by number, in their order.

    An alias shares its number: the first name is the one Protobuf itself writes.
    """
    names = enum.values_by_number
    return {value.number: names[value.number].name for value in enum.values}


def enum_kind(name: str, symbols: dict[int, str]) -> Kind:
    """Return the kind of an enum that Avro knows as ``name``."""
    branches = {number: (name, symbol) for number, symbol in symbols.items()}
    numbers = {branch: number for number, branch in branches.items()}
    return Kind(
        [name, "int"],
        next(iter(symbols.values())),
        lambda number: branches.get(number) or ("int", number),
        lambda value: numbers[value] if type(value) is tuple else value,
    )


def wrapped(inner: Kind) -> Kind:
    """Return the kind of a wrapper around ``inner``."""
    to, back = inner.to, inner.back
    return Kind(
        inner.avro,
        None,
        (lambda message: to(message.value)) if to else (lambda message: message.value),
        (lambda value: {"value": back(value)}) if back else (lambda value: {"value": value}),
    )


def map_keys(key: Field) -> tuple[Convert | None, Convert | None]:
    """Return the ways from the keys of a map to text, which Avro's keys are, and back."""
    if key.type == Field.TYPE_STRING:
        return None, None
    if key.type == Field.TYPE_BOOL:
        return {True: "true", False: "false"}.__getitem__, {
            "true": True,
            "false": False,
        }.__getitem__
    return str, _number


def _number(text: str) -> int:
    number = int(text)
    if str(number) != text:
        raise ValueError("a key of a map is no number as it is written")
    return number
