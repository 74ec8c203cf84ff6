"""Valid inputs to begin with, and a second opinion on Avro."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from io import BytesIO

    from google.protobuf.message import Message

_TIME = Timestamp(seconds=1_793_606_400, nanos=123_456_789)
_SCALARS = {
    Field.TYPE_STRING: "text é",
    Field.TYPE_BYTES: b"\x00\xff",
    Field.TYPE_BOOL: True,
    Field.TYPE_DOUBLE: 0.5,
    Field.TYPE_INT32: -7,
    Field.TYPE_INT64: 2**40,
}


def filled(message_class: type[Message]) -> Message:
    """Return an event with a value in each field, the last of each oneof."""
    message = message_class()
    if message_class is Timestamp:
        message.CopyFrom(_TIME)
    elif message_class is AnyMessage:
        message.Pack(_TIME)
    else:
        for field in message.DESCRIPTOR.fields:
            _fill(message, field)
    return message


def _fill(message: Message, field: Field) -> None:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        getattr(message, field.name)["key"] = "value"
    elif kind is not None:
        part = filled(kind._concrete_class)
        target = getattr(message, field.name)
        (target.add() if field.is_repeated else target).CopyFrom(part)
    elif field.enum_type is not None:
        setattr(message, field.name, field.enum_type.values[-1].number)
    elif field.is_repeated:
        getattr(message, field.name).append(_SCALARS[field.type])
    else:
        setattr(message, field.name, _SCALARS[field.type])


def read_avro_strictly(  # noqa: C901, PLR0912 -- one case a type
    schema: Any, named: dict[str, Any], stream: BytesIO
) -> None:
    """Read a value and forget it.

    Raises:
        ValueError: an index of a union or an enum is not one of theirs.
    """
    if isinstance(schema, list):
        read_avro_strictly(schema[_index(stream, len(schema))], named, stream)
        return
    if isinstance(schema, str):
        schema = named.get(schema, {"type": schema})
    match schema["type"]:
        case "record":
            for field in schema["fields"]:
                read_avro_strictly(field["type"], named, stream)
        case "enum":
            _index(stream, len(schema["symbols"]))
        case "array" | "map" as kind:
            while count := _number(stream):
                if count < 0:
                    _number(stream)
                # fastavro's count has 64 bits, in which the lowest number has no opposite: none.
                for _ in range(abs(count) if count != -(2**63) else 0):
                    if kind == "map":
                        stream.read(_number(stream))
                    read_avro_strictly(
                        schema["items" if kind == "array" else "values"], named, stream
                    )
        case "string" | "bytes":
            stream.read(_number(stream))
        case "int" | "long":
            _number(stream)
        case "boolean" | "float" | "double" as kind:
            stream.read({"boolean": 1, "float": 4, "double": 8}[kind])
        case "null":
            pass
        case other:
            read_avro_strictly(other, named, stream)


def _index(stream: BytesIO, count: int) -> int:
    index = _number(stream)
    if not 0 <= index < count:
        raise ValueError(f"{index} is none of {count}")
    return index


def _number(stream: BytesIO) -> int:
    number = shift = 0
    while True:
        (byte,) = stream.read(1)
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number &= 2**64 - 1
            return (number >> 1) ^ -(number & 1)
