"""Events as JSON: for people, whom the command line shows them so, and from others' producers."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

from pat_events.core.shown import one_line
from pat_events.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

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
    # Loads json_format, which takes 10 ms, and which few need.
    from pat_events.codecs.json_form import by_json_format, form_of  # noqa: PLC0415

    try:
        return cast("dict[str, Any]", form_of(event)(event))
    except Exception:  # noqa: BLE001 - json_format has words for it
        try:
            return cast("dict[str, Any]", by_json_format(event))
        except Exception as error:
            raise _codec_error(event, error) from error


def from_json(message_class: type[M], obj: object) -> M:
    """Return the event that an operator's ``obj`` describes: a field it does not have is refused.

    Raises:
        CodecError: not this event; names the field.
    """
    return _parse(message_class, obj, ignore_unknown_fields=False)


def event_of_json(message_class: type[M], obj: object) -> M:
    """Return the event that a record's ``obj`` describes.

    Fields of a newer version are left out, as a producer may be updated before its consumers.

    Raises:
        CodecError: not this event; names the field.
    """
    return _parse(message_class, obj, ignore_unknown_fields=True)


class JsonReader:
    """Reads events in Protobuf's JSON form, field names as in the schema or in lowerCamelCase."""

    content_type: Final = "application/json"
    decode_errors: Final[tuple[type[Exception], ...]] = (CodecError,)

    def decoder(self, message_class: type[M]) -> Callable[[bytes], M]:
        """Return the function that reads payloads of one type; it raises ``CodecError``."""

        def decode(payload: bytes) -> M:
            return event_of_json(message_class, parse_json(payload))

        return decode


def parse_json(payload: bytes) -> object:
    """Return the value of a JSON text in UTF-8 (RFC 8259).

    Raises:
        CodecError: it is none, or one that readers would take differently: a name that comes twice
            in an object, NaN or Infinity.
    """
    try:
        return json.loads(
            str(payload, "utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not JSON: {one_line(str(error), _SHOWN_MAX)}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        [(name, _)] = counts.most_common(1)
        raise ValueError(f"{name[:100]!r} comes twice in an object")
    return table


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _parse(message_class: type[M], obj: object, *, ignore_unknown_fields: bool) -> M:
    if not isinstance(obj, dict):
        raise CodecError(f"{message_class.DESCRIPTOR.full_name}: must be a JSON object")
    from google.protobuf import json_format  # noqa: PLC0415 -- as above

    try:
        return json_format.ParseDict(
            obj,
            message_class(),
            ignore_unknown_fields=ignore_unknown_fields,
            max_recursion_depth=_MAX_DEPTH,
        )
    except Exception as error:
        raise _codec_error(message_class, error) from error


def _codec_error(message: Message | type[Message], error: Exception) -> CodecError:
    from google.protobuf import json_format  # noqa: PLC0415 -- as above

    # json_format foresees some of what it meets; the rest leaves it as KeyError, OverflowError,
    # RecursionError, SystemError and others, whose text alone would say little.
    foreseen = isinstance(error, json_format.Error)
    # What follows lists every field there is, under other names than the schema's.
    reason = str(error).partition("\n Available Fields")[0]
    if not foreseen:
        reason = f"{type(error).__name__}: {reason}"
    return CodecError(f"{message.DESCRIPTOR.full_name}: {one_line(reason, _SHOWN_MAX)}")
