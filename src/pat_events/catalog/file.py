"""Read a catalogue file: everything that is wrong with it at once, each with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import jsonschema.validators

from pat_events.catalog.model import (
    Catalog,
    DeadLetters,
    EventType,
    Group,
    Queue,
    Schedule,
    Topic,
    is_topic_name,
)
from pat_events.catalog.yaml import read_yaml
from pat_events.core.shown import one_line
from pat_events.core.spelling import did_you_mean
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pat_events.catalog.lines import CatalogLines, KeyPath

_SHOWN_MAX: Final = 60


def parse_catalog(text: str, origin: str, json_schema: Mapping[str, Any]) -> Catalog:
    """Read a catalogue.

    Args:
        text: YAML.
        origin: Name of the file, for messages.
        json_schema: What ``schemas/catalog.schema.json`` holds.

    Raises:
        CatalogError: one line for each thing that is wrong.
    """
    data, lines, problems = read_yaml(text, origin)
    for error in _Validator(json_schema).iter_errors(data):
        problems += (lines.problem(*each) for each in _violations(error))
    problems += (lines.problem(*each) for each in _cross_references(data))
    if problems:
        raise lines.error(problems)
    return _catalog(data, lines)


def _whole_match(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    # JSON Schema's $ is the end, Python's matches before a last newline as well.
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


# JSON Schema takes 3.0 for an integer; whoever is handed it would have a float.
_Validator: Final = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {"pattern": _whole_match},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ),
)


def _violations(error: jsonschema.ValidationError) -> Iterator[tuple[KeyPath, str]]:
    """Yield what JSON Schema complains about, in words for the person who edits the file."""
    path = tuple(error.absolute_path)
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = schema["properties"]
        for key in instance.keys() - known.keys():
            yield (*path, key), f"unknown key{did_you_mean(key, known)}"
    elif error.validator == "type":
        yield path, f"must be of type {error.validator_value}, not {_shown(instance)}"
    elif error.validator == "pattern":
        if "propertyNames" in error.absolute_schema_path:
            path = (*path, instance)
        yield path, f"{_shown(instance)} must be {schema['description']}"
    else:
        yield path, error.message


def _shown(value: object) -> str:
    return one_line(repr(value), _SHOWN_MAX)


def _cross_references(data: object) -> Iterator[tuple[KeyPath, str]]:
    """Yield what no JSON Schema can say; a part of the wrong type is its matter, not ours."""
    topics, events, queues = (_entries(data, name) for name in ("topics", "events", "queues"))
    for name, event in events.items():
        place: KeyPath = ("events", name)
        yield from _unknown("topic", event.get("topic"), topics, (*place, "topic"))
        targets = event.get("targets")
        wanted = targets.get("queues") if isinstance(targets, dict) else None
        yield from _unknown("queue", wanted, queues, (*place, "targets", "queues"))
    for name, group in _entries(data, "groups").items():
        place = ("groups", name)
        yield from _unknown("event", group.get("publishes"), events, (*place, "publishes"))
        yield from _unknown("event", group.get("consumes"), events, (*place, "consumes"))
        yield from _without_dead_letters(name, group.get("consumes"), events, (*place, "consumes"))
    for name, schedule in _entries(data, "schedules").items():
        yield from _unknown("queue", schedule.get("queue"), queues, ("schedules", name, "queue"))


def _unknown(
    kind: str, named: object, known: dict[str, Any], path: KeyPath
) -> Iterator[tuple[KeyPath, str]]:
    for place, name in _texts(named, path):
        if name not in known:
            yield place, f"there is no {kind} {_shown(name)}{did_you_mean(name, known)}"


def _without_dead_letters(
    group: str, consumed: object, events: dict[str, Any], path: KeyPath
) -> Iterator[tuple[KeyPath, str]]:
    for place, name in _texts(consumed, path):
        for _, topic in _texts(events.get(name, {}).get("topic"), ()):
            # What is wrong with either alone, the JSON Schema has said.
            if is_topic_name(group) and is_topic_name(topic):
                try:
                    Catalog.dead_letter_topic(topic, group)
                except ConfigError as error:
                    yield place, str(error)


def _entries(data: object, name: str) -> dict[str, dict[str, object]]:
    table = data.get(name) if isinstance(data, dict) else None
    if not isinstance(table, dict):
        return {}
    return {key: entry if isinstance(entry, dict) else {} for key, entry in table.items()}


def _texts(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, i), text) for i, text in enumerate(value) if isinstance(text, str))


def _catalog(data: Any, lines: CatalogLines) -> Catalog:  # noqa: ANN401 -- the JSON Schema has said what it is
    return Catalog(
        version=data["version"],
        package=data["package"],
        python_module=data["python_module"],
        topics={name: Topic(name, **entry) for name, entry in data["topics"].items()},
        dead_letters=DeadLetters(**data["dead_letters"]),
        events={
            name: _event_type(name, f"{data['package']}.{name}", entry)
            for name, entry in data["events"].items()
        },
        groups={
            name: Group(name, tuple(entry["consumes"]), tuple(entry.get("publishes", ())))
            for name, entry in data["groups"].items()
        },
        queues={name: Queue(name, **entry) for name, entry in data.get("queues", {}).items()},
        schedules={name: Schedule(name, **e) for name, e in data.get("schedules", {}).items()},
        lines=lines,
    )


def _event_type(name: str, full_name: str, entry: dict[str, Any]) -> EventType:
    fields = {key: value for key, value in entry.items() if key != "targets"}
    fields |= {kind: tuple(names) for kind, names in entry.get("targets", {}).items()}
    return EventType(name, full_name, **fields)
