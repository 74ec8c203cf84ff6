"""Events as JSON, for people: the command line shows and takes them this way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format

from pat_events.errors import CodecError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from pat_events.codecs.base import M

# As deep as the Protobuf parser itself follows.
_MAX_DEPTH: Final = 100


def to_json(event: Message) -> dict[str, Any]:
    """Return an event in Protobuf's JSON form, with the field names of the schema.

    Raises:
        CodecError: an ``Any`` of a type that is not loaded, or a time outside the years
            1 to 9999.
    """
    try:
        return json_format.MessageToDict(event, preserving_proto_field_name=True)
    except (json_format.Error, TypeError, ValueError) as error:
        raise CodecError(f"{event.DESCRIPTOR.full_name}: {error}") from error


def from_json(message_class: type[M], obj: object) -> M:
    """Return the event that ``obj`` describes. For an operator's input, not for the wire.

    Raises:
        CodecError: not this event; names the field.
    """
    if not isinstance(obj, dict):
        raise CodecError(f"{message_class.DESCRIPTOR.full_name}: must be a JSON object")
    try:
        return json_format.ParseDict(obj, message_class(), max_recursion_depth=_MAX_DEPTH)
    except (json_format.Error, TypeError, ValueError, AttributeError) as error:
        raise CodecError(f"{message_class.DESCRIPTOR.full_name}: {error}") from error
