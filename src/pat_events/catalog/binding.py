"""Catalogue entries bound to the generated classes."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeGuard

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from pat_events.core.spelling import did_you_mean
from pat_events.errors import UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from pat_events.catalog.lines import KeyPath
    from pat_events.catalog.model import Catalog, EventType

_TEXT: Final = FieldDescriptor.TYPE_STRING
_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE
# What producers fill and consumers read of every event, whoever defined it.
_METADATA: Final = {
    "event_id": _TEXT,
    "correlation_id": _TEXT,
    "source": _TEXT,
    "timestamp": _MESSAGE,
    "tenant_id": _TEXT,
    "user_id": _TEXT,
    "attributes": _MESSAGE,
}


@dataclass(frozen=True, slots=True)
class Binding:
    """An event type and its class; ``key_of`` reads the record's key from an event."""

    event_type: EventType
    message_class: type[Message]
    key_of: Callable[[Message], str]


class EventTypes:
    """Every event of a catalogue with its class.

    ``by_full_name`` has them by the UTF-8 bytes of their full names, as the ``ce_type``
    header holds them.

    Raises:
        CatalogError: names the line of every entry that the catalogue's Python module does not
            bear out.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        module = _import(catalog)
        problems: list[tuple[KeyPath, str]] = []
        self.by_full_name: dict[bytes, Binding] = {}
        self._by_class: dict[type[Message], Binding] = {}
        for event_type in catalog.events.values():
            found = getattr(module, event_type.name, None)
            if _is_message_class(found):
                problems += _mismatches(f"{module.__name__}.{event_type.name}", event_type, found)
                binding = Binding(event_type, found, attrgetter(event_type.key))
                self.by_full_name[event_type.full_name.encode()] = binding
                self._by_class[found] = binding
            else:
                classes = [name for name, _ in inspect.getmembers(module, inspect.isclass)]
                near = did_you_mean(event_type.name, classes)
                reason = f"{module.__name__} has no message class of that name{near}"
                problems.append((("events", event_type.name), reason))
        if problems:
            raise catalog.lines.error(catalog.lines.problem(*each) for each in problems)

    def of(self, event: Message | type[Message]) -> Binding:
        """Return the binding of an event or of its class.

        Raises:
            UnknownEventError: the catalogue does not have it; names the nearest.
        """
        message_class = event if isinstance(event, type) else type(event)
        try:
            return self._by_class[message_class]
        except KeyError:
            name = message_class.__name__
            hint = did_you_mean(name, self.catalog.events)
            if issubclass(message_class, type):
                hint = ": a class was given in place of an event"
            raise UnknownEventError(
                f"{message_class.__module__}.{name} is no event of the catalogue{hint}"
            ) from None


def _import(catalog: Catalog) -> ModuleType:
    try:
        return importlib.import_module(catalog.python_module)
    # SystemExit: it is a script. Among the others are TypeError, where its types are registered
    # already by another module, and VersionError, where a newer protobuf generated it.
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
        reason = f"{catalog.python_module!r} cannot be imported: {kind}{error}"
        lines = catalog.lines
        raise lines.error([lines.problem(("python_module",), reason)]) from error


def _is_message_class(found: object) -> TypeGuard[type[Message]]:
    # Message itself is one without a descriptor.
    return (
        inspect.isclass(found)
        and issubclass(found, Message)
        and isinstance(found.DESCRIPTOR, Descriptor)
    )


def _mismatches(
    name: str, event_type: EventType, message_class: type[Message]
) -> Iterator[tuple[KeyPath, str]]:
    place: KeyPath = ("events", event_type.name)
    descriptor: Descriptor = message_class.DESCRIPTOR  # type: ignore[assignment]
    if descriptor.full_name != event_type.full_name:
        yield (
            ("package",),
            f"{name} is {descriptor.full_name}, by the catalogue it is {event_type.full_name}",
        )
    key = descriptor.fields_by_name.get(event_type.key)
    if key is None:
        near = did_you_mean(event_type.key, descriptor.fields_by_name)
        yield (*place, "key"), f"{name} has no field {event_type.key!r}{near}"
    elif key.type != _TEXT or key.is_repeated:
        yield (*place, "key"), f"{name}.{event_type.key} must be a string field"
    for reason in _metadata_mismatches(name, descriptor):
        yield place, reason


def _metadata_mismatches(name: str, descriptor: Descriptor) -> Iterator[str]:
    metadata = descriptor.fields_by_name.get("metadata")
    if metadata is None or metadata.message_type is None or metadata.is_repeated:
        yield f"{name} has no message field 'metadata'; every event carries one"
        return
    for field_name, kind in _METADATA.items():
        field = metadata.message_type.fields_by_name.get(field_name)
        if field is None or field.type != kind:
            yield f"{name}: {metadata.message_type.full_name} needs the field {field_name!r}"
