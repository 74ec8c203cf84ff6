"""What JSON Schema has to say of a catalogue, in words for the person who edits it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import jsonschema.validators

from pat_events.catalog.cron import cron_faults
from pat_events.core.shown import one_line
from pat_events.core.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pat_events.catalog.cron import CronField
    from pat_events.catalog.lines import KeyPath

_SHOWN_MAX: Final = 60


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


def violations(data: object, json_schema: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with a catalogue, and where."""
    for error in _Validator(json_schema).iter_errors(data):
        yield from _in_words(error)


def _in_words(error: jsonschema.ValidationError) -> Iterator[tuple[KeyPath, str]]:
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
