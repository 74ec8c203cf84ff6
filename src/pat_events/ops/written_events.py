"""Events that an operator wrote as JSON: one object, or one a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pat_events.codecs.json import from_json
from pat_events.errors import CodecError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes


class WrittenEvent(NamedTuple):
    """An event, and where it was written, such as "line 4"."""

    event: Message
    place: str


def events_from_lines(
    types: EventTypes, name: str, lines: Iterable[bytes | None]
) -> Iterator[WrittenEvent | None]:
    """Yield the events of one type, one a line, as lines come; None for None.

    Raises:
        UnknownEventError: the catalogue has no such event; names the nearest.
        SchemaError: a line is not JSON, or not such an event; says which and where.
    """
    message_class = _message_class(types, name)
    number = 0
    for line in lines:
        if line is None:
            yield None
            continue
        number += 1
        if line.strip():
            place = f"line {number}"
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise SchemaError(f"{place} is not UTF-8 text: {error}") from None
            value = _value(place, text.removeprefix("\ufeff") if number == 1 else text)
            yield _event(message_class, name, place, value)


def events_from_json(types: EventTypes, name: str, text: str) -> Iterator[WrittenEvent]:
    """Yield the events of one type that a text holds: a JSON object, or one a line.

    Args:
        types: The events of the catalogue.
        name: Name of the event, such as ``EmailReceived``.
        text: JSON in Protobuf's JSON mapping.

    Raises:
        UnknownEventError: the catalogue has no such event; names the nearest.
        SchemaError: not JSON, or not such an event; says where.
    """
    message_class = _message_class(types, name)
    for place, value in _values(text.removeprefix("\ufeff")):  # As Windows begins UTF-8.
        yield _event(message_class, name, place, value)


def _message_class(types: EventTypes, name: str) -> type[Message]:
    full_name = types.catalog.event(name).full_name
    return types.by_full_name[full_name.encode()].message_class


def _event(
    message_class: type[Message],
    name: str,
    place: str,
    value: Any,  # noqa: ANN401 - whatever JSON holds
) -> WrittenEvent:
    try:
        return WrittenEvent(from_json(message_class, value), place)
    except CodecError as error:
        raise SchemaError(f"{place}: no {name}: {error}") from error


def _values(text: str) -> Iterator[tuple[str, Any]]:
    if not text.strip():
        raise SchemaError("there is no JSON in the input")
    try:
        whole = json.loads(text)
    except RecursionError:
        raise SchemaError("the JSON is nested too deeply") from None
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) == 1 or not _starts_lines(lines[0]):
            raise SchemaError(f"not JSON: {error}") from None
    else:
        yield "input", whole
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _value(f"line {number}", line)


def _value(place: str, line: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{place}: not JSON: {error}") from None


def _starts_lines(line: str) -> bool:
    """Tell one object over many lines from many objects, one a line."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
