"""Events in Protobuf's JSON form, at half of what ``json_format`` takes.

It asks what kind each field is once a message type, and not once a field of each event. Types with
what is rare in events are left to ``json_format``.
"""

from __future__ import annotations

import base64
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

# The second is loaded when options are asked for first, which the handler of a signal may do.
from google.protobuf import descriptor_pb2, json_format  # noqa: F401
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    Form = Callable[[Any], Any]

_AS_IT_IS: Final = frozenset(
    {
        FieldDescriptor.TYPE_STRING,
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_SINT32,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_FIXED32,
        FieldDescriptor.TYPE_SFIXED32,
    }
)
_AS_TEXT: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)
_GOOGLE: Final = "google.protobuf."
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - as text it would have a zone
_SECOND_NS: Final = 1_000_000_000
_forms: Final[dict[type[Message], Form]] = {}


def form_of(message: Message) -> Form:
    """Return what makes values that JSON can hold of messages of this one's type.

    It raises whatever, where ``by_json_format`` has words for it.
    """
    form = _forms.get(type(message))
    if form is None:
        form = _forms[type(message)] = _make(message.DESCRIPTOR)  # type: ignore[arg-type]
    return form


def _make(descriptor: Descriptor) -> Form:
    if descriptor.full_name == _TIMESTAMP:
        return _timestamp
    kinds = {field.number: (field.name, _kind(field)) for field in descriptor.fields}
    is_rare = descriptor.full_name.startswith(_GOOGLE) or descriptor.is_extendable
    if is_rare or any(kind is by_json_format for _, kind in kinds.values()):
        return by_json_format

    def form(message: Message) -> dict[str, Any]:
        found = {}
        for field, value in message.ListFields():
            name, kind = kinds[field.number]
            found[name] = value if kind is None else kind(value)
        return found

    return form


def by_json_format(message: Message) -> Any:  # noqa: ANN401 - any value that JSON can hold
    """Return a message in JSON form as ``json_format`` makes it, with the schema's field names."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _kind(field: FieldDescriptor) -> Form | None:
    """Return what makes a value of a field's; None where that is one."""
    type_ = field.message_type
    if type_ is not None and type_.GetOptions().map_entry:
        return _map(type_.fields_by_name["key"], type_.fields_by_name["value"])
    one = _one(field)
    if not field.is_repeated or one is by_json_format:
        return one
    return list if one is None else lambda values: [one(value) for value in values]


def _map(key: FieldDescriptor, value: FieldDescriptor) -> Form:
    one = _one(value)
    if key.type != FieldDescriptor.TYPE_STRING or one is by_json_format:
        return by_json_format
    if one is None:
        return dict
    return lambda values: {name: one(values[name]) for name in values}


def _one(field: FieldDescriptor) -> Form | None:  # noqa: PLR0911 - one for each kind
    if field.type in _AS_IT_IS:
        return None
    if field.type in _AS_TEXT:
        return str
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _base64
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return _double
    if field.enum_type is not None:
        return _enum(field.enum_type)
    type_ = field.message_type
    if type_ is None:
        return by_json_format
    if type_.full_name == _TIMESTAMP:
        return _timestamp

    return _message


def _message(message: Message) -> Any:  # noqa: ANN401 - any value that JSON can hold
    # Looked up here, and not when the type around it is: a type may hold itself.
    return form_of(message)(message)


def _enum(type_: EnumDescriptor) -> Form:
    is_rare = type_.is_closed or type_.full_name.startswith(_GOOGLE)
    if is_rare or any(value.has_options for value in type_.values):
        return by_json_format
    names = {number: value.name for number, value in type_.values_by_number.items()}
    return lambda number: names.get(number, number)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _timestamp(moment: Timestamp) -> str:
    nanos = moment.nanos
    if not 0 <= nanos < _SECOND_NS:
        raise ValueError("nanos are none of a second's")
    second = (_EPOCH + timedelta(seconds=moment.seconds)).isoformat()
    if not nanos:
        return f"{second}Z"
    if nanos % 1_000:
        return f"{second}.{nanos:09d}Z"
    if nanos % 1_000_000:
        return f"{second}.{nanos // 1_000:06d}Z"
    return f"{second}.{nanos // 1_000_000:03d}Z"
