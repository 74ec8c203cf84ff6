"""Publish events that an operator wrote as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pat_events.codecs.json import from_json
from pat_events.errors import CodecError, PatEventsError, SchemaError
from pat_events.producer.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes
    from pat_events.config import Config
    from pat_events.producer.ack import Ack
    from pat_events.transports.log import Transport


def publish(config: Config, transport: Transport, events: Iterable[Message]) -> Iterator[Ack]:
    """Publish events and yield their acknowledgements, in the same order.

    Args:
        config: How events are written.
        transport: Where to send them.
        events: What to publish; all of it is on its way before the first is yielded.

    What follows a refused event is not published. Whoever gets an error has been told of every
    event that arrived, and can publish the others.

    Raises:
        PatEventsError: the first that ``Producer.publish`` or ``Ack.result`` raised.
    """
    with Producer(config, transport=transport) as producer:
        acks, failure = [], None
        try:
            for event in events:
                acks.append(producer.publish(event))  # noqa: PERF401 -- those before a refusal count
        except PatEventsError as error:
            failure = error
        for ack in acks:
            try:
                ack.result()
            except PatEventsError as error:
                failure = failure or error
            else:
                yield ack
        if failure is not None:
            raise failure


def events_from_json(types: EventTypes, name: str, text: str) -> Iterator[Message]:
    """Yield the events of one type that a text holds: a JSON object, or one a line.

    Args:
        types: The events of the catalogue.
        name: Name of the event, such as ``EmailReceived``.
        text: JSON in Protobuf's JSON mapping.

    Raises:
        UnknownEventError: the catalogue has no such event; names the nearest.
        SchemaError: not JSON, or not such an event; says where.
    """
    full_name = types.catalog.event(name).full_name
    message_class = types.by_full_name[full_name.encode()].message_class
    for place, value in _values(text.removeprefix("\ufeff")):  # As Windows begins UTF-8.
        try:
            yield from_json(message_class, value)
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
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SchemaError(f"line {number}: not JSON: {error}") from None
            yield f"line {number}", value


def _starts_lines(line: str) -> bool:
    """Tell one object over many lines from many objects, one a line."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
