"""Read a catalogue file: everything that is wrong with it at once, each with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import jsonschema.validators

from pat_events.catalog.cron import cron_faults
from pat_events.catalog.model import (
    Catalog,
    DeadLetters,
    EventType,
    Group,
    Queue,
    Schedule,
    Topic,
)
from pat_events.catalog.rules import cross_references
from pat_events.catalog.yaml import read_yaml
from pat_events.core.shown import one_line
from pat_events.core.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pat_events.catalog.cron import CronField
    from pat_events.catalog.lines import CatalogLines, KeyPath
    from pat_events.catalog.rules import Rule

_SHOWN_MAX: Final = 60


def parse_catalog(
    text: str, origin: str, json_schema: Mapping[str, Any], rules: Sequence[Rule] = ()
) -> Catalog:
    """Read a catalogue.

    Args:
        text: YAML.
        origin: Name of the file, for messages.
        json_schema: What ``schemas/catalog.schema.json`` holds.
        rules: What is asked for besides what every catalogue has to keep.

    Raises:
        CatalogError: one line for each thing that is wrong.
    """
    data, lines, problems = read_yaml(text, origin)
    for error in _Validator(json_schema).iter_errors(data):
        problems += (lines.problem(*each) for each in _violations(error))
    for rule in (cross_references, *rules):
        problems += (lines.problem(*each) for each in rule(data))
    if problems:
        raise lines.error(problems)
    return _catalog(data, lines)


def _whole_match(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    # JSON Schema's $ is the end, Python's matches before a last newline as well.
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _cron_fields(
    _validator: object, fields: Sequence[CronField], instance: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str):
        yield from map(jsonschema.ValidationError, cron_faults(instance, fields))


# JSON Schema takes 3.0 for an integer; whoever is handed it would have a float.
_Validator: Final = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {"pattern": _whole_match, "cronFields": _cron_fields},
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
