"""Events as JSON, for people: the command line shows and takes them this way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format

from pat_events.core.shown import one_line
from pat_events.errors import CodecError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from pat_events.codecs.base import M

# As deep as the Protobuf parser itself follows.
_MAX_DEPTH: Final = 100
# Of what json_format has to say: it repeats names and values of any length.
_SHOWN_MAX: Final = 300


def to_json(event: Message) -> dict[str, Any]:
    """Return an event in Protobuf's JSON form, with the field names of the schema.

    Raises:
        CodecError: an ``Any`` of a type that is not loaded, whose bytes are not of that type or
            that is nested too deeply, or a time outside the years 1 to 9999.
    """
    try:
        return json_format.MessageToDict(event, preserving_proto_field_name=True)
    except Exception as error:
        raise _codec_error(event, error) from error


def from_json(message_class: type[M], obj: object) -> M:
    """Return the event that ``obj`` describes. For an operator's input, not for the wire.

    Raises:
        CodecError: not this event; names the field.
    """
    if not isinstance(obj, dict):
        raise CodecError(f"{message_class.DESCRIPTOR.full_name}: must be a JSON object")
    try:
        return json_format.ParseDict(obj, message_class(), max_recursion_depth=_MAX_DEPTH)
    except Exception as error:
        raise _codec_error(message_class, error) from error


def _codec_error(message: Message | type[Message], error: Exception) -> CodecError:
    # json_format foresees some of what it meets; the rest leaves it as KeyError, OverflowError,
    # RecursionError, SystemError and others, whose text alone would say little.
    foreseen = isinstance(error, json_format.Error)
    # What follows lists every field there is, under other names than the schema's.
    reason = str(error).partition("\n Available Fields")[0]
    if not foreseen:
        reason = f"{type(error).__name__}: {reason}"
    return CodecError(f"{message.DESCRIPTOR.full_name}: {one_line(reason, _SHOWN_MAX)}")
