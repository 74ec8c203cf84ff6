"""Publish events that an operator wrote as JSON."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pat_events.codecs.json import from_json
from pat_events.core.envelope import Envelope
from pat_events.errors import CodecError, PatEventsError, RecordTooLargeError, SchemaError
from pat_events.producer.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from google.protobuf.message import Message

    from pat_events.catalog.binding import EventTypes
    from pat_events.config import Config
    from pat_events.producer.ack import Ack
    from pat_events.transports.log import Transport


# Events on their way at a time: fewer than the buffer holds unless set otherwise.
_WAITING_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Extras:
    """What is written beside each event, on top of what its metadata says.

    ``correlation_id`` is the cause's id where there is a cause and neither names another: the
    first event of a chain is its own correlation.
    """

    headers: Mapping[str, bytes] = field(default_factory=dict)
    tenant_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None

    def cause(self, tenant_id: str | None) -> Envelope | None:
        """Return the event these ones answer, as far as it is known; of that tenant."""
        if not self.causation_id:
            return None
        return Envelope(
            event_id=self.causation_id,
            type=None,
            source=None,
            subject=None,
            time=None,
            correlation_id=self.causation_id,
            causation_id=None,
            tenant_id=tenant_id,
            content_type=None,
            trace=None,
        )

    def publisher(self, producer: Producer, tenant_id: str | None) -> Callable[[Message], Ack]:
        """Return what publishes an event with all of this beside it; of that tenant without one."""
        cause = self.cause(tenant_id)

        def publish_one(event: Message) -> Ack:
            return producer.publish(
                event,
                caused_by=cause,
                correlation_id=self.correlation_id,
                tenant_id=self.tenant_id,
                headers=self.headers,
            )

        return publish_one


def publish(
    config: Config,
    transport: Transport,
    events: Iterable[Message | None],
    extras: Extras | None = None,
) -> Iterator[Ack]:
    """Publish events and yield their acknowledgements, in the same order.

    Args:
        config: How events are written.
        transport: Where to send them.
        events: What to publish, as it comes; None where the next one is yet to come and those
            before it are to be waited for.
        extras: What is written beside each of them.

    What follows a refused event is not published; of those that were on their way by then some
    may be. Whoever gets an error, or a signal that raises one, has been told of every event that
    arrived, and can publish the others.

    Raises:
        PatEventsError: the first that ``events``, ``Producer.publish`` or ``Ack.result`` raised.
    """
    with Producer(config, transport=transport) as producer:
        publish_one = (extras or Extras()).publisher(producer, config.tenant_id)
        waiting: deque[Ack] = deque()
        failures: list[BaseException] = []
        try:
            for event in events:
                if event is not None:
                    waiting.append(publish_one(event))
                yield from _arrived(waiting, failures, 0 if event is None else _WAITING_MAX)
                if failures:
                    break
        except (PatEventsError, KeyboardInterrupt, SystemExit) as error:
            failures.append(error)
        yield from _arrived(waiting, failures, 0)
        if failures:
            raise failures[0]


def _arrived(waiting: deque[Ack], failures: list[BaseException], leave: int) -> Iterator[Ack]:
    """Yield what has arrived, and wait until no more than ``leave`` are on their way."""
    while waiting and (len(waiting) > leave or waiting[0].done()):
        try:
            waiting[0].result()
        except PatEventsError as error:
            failures.append(error)
            waiting.popleft()
        else:
            yield waiting.popleft()


def events_from_lines(
    types: EventTypes,
    name: str,
    lines: Iterable[bytes | None],
    check: Callable[[Message], object] | None = None,
) -> Iterator[Message | None]:
    """Yield the events of one type, one a line, as lines come; None for None.

    Raises:
        UnknownEventError: the catalogue has no such event; names the nearest.
        SchemaError: a line is not JSON, or not such an event; says which and where.
        PatEventsError: what ``check`` raised for an event.
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
            yield _event(message_class, name, place, value, check)


def events_from_json(
    types: EventTypes, name: str, text: str, check: Callable[[Message], object] | None = None
) -> Iterator[Message]:
    """Yield the events of one type that a text holds: a JSON object, or one a line.

    Args:
        types: The events of the catalogue.
        name: Name of the event, such as ``EmailReceived``.
        text: JSON in Protobuf's JSON mapping.
        check: Raises where a producer would refuse the event.

    Raises:
        UnknownEventError: the catalogue has no such event; names the nearest.
        SchemaError: not JSON, or not such an event; says where.
        PatEventsError: what ``check`` raised for an event.
    """
    message_class = _message_class(types, name)
    for place, value in _values(text.removeprefix("\ufeff")):  # As Windows begins UTF-8.
        yield _event(message_class, name, place, value, check)


def _message_class(types: EventTypes, name: str) -> type[Message]:
    full_name = types.catalog.event(name).full_name
    return types.by_full_name[full_name.encode()].message_class


def _event(
    message_class: type[Message],
    name: str,
    place: str,
    value: Any,  # noqa: ANN401 - whatever JSON holds
    check: Callable[[Message], object] | None,
) -> Message:
    try:
        event = from_json(message_class, value)
    except CodecError as error:
        raise SchemaError(f"{place}: no {name}: {error}") from error
    if check is not None:
        try:
            check(event)
        except (SchemaError, RecordTooLargeError) as error:
            raise type(error)(f"{place}: {error}") from error
    return event


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
