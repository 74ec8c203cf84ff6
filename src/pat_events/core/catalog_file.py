"""Read a catalogue file: everything that is wrong with it at once, each with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jsonschema
import yaml

from pat_events.core.catalog import (
    Catalog,
    DeadLetters,
    EventType,
    Group,
    Queue,
    Schedule,
    Topic,
    is_topic_name,
)
from pat_events.core.catalog_lines import CatalogLines, KeyPath, dotted
from pat_events.core.spelling import did_you_mean
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.exceptions import ValidationError

# Deeper than any catalogue. Composing recurses: without this the interpreter's limit is the bound.
_MAX_DEPTH: Final = 16
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
    reader = _Reader(origin)
    data = reader.load(text)
    if reader.readable:
        for error in jsonschema.Draft202012Validator(json_schema).iter_errors(data):
            reader.report_violation(error)
        for path, reason in _cross_references(data):
            reader.report(path, reason)
    if reader.problems:
        raise reader.where.error(reader.problems)
    return _catalog(data, reader.where)


class _Loader(yaml.SafeLoader):
    """A safe loader for files written by people: no aliases, no depth without end."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        # An alias of aliases of aliases is a few bytes that unfold to gigabytes.
        if self.check_event(yaml.AliasEvent):
            raise self._refused("aliases (*name) are not allowed: write it out")
        if self.depth == _MAX_DEPTH:
            raise self._refused("nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refused(self, reason: str) -> yaml.MarkedYAMLError:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=reason, problem_mark=mark)


class _Reader:
    """Plain data out of YAML, the line of each part of it, and what is wrong with it."""

    def __init__(self, origin: str) -> None:
        self.problems: list[tuple[int, str]] = []
        self.readable = True
        self._lines: dict[KeyPath, int] = {(): 1}
        # It has the lines that are filled in below.
        self.where = CatalogLines(origin, self._lines)

    def load(self, text: str) -> object:
        """Return the plain data; without any, ``readable`` is false and a problem says why."""
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
        except yaml.YAMLError as error:
            self.readable = False
            self._report_yaml(error)
            return None
        return self._plain(loader, node, ())

    def report(self, path: KeyPath, reason: str) -> None:
        """Add a problem."""
        self.problems.append(self.where.problem(path, reason))

    def report_violation(self, error: ValidationError) -> None:
        """Add what JSON Schema complains about, in words for the person who edits the file."""
        path = tuple(error.absolute_path)
        schema: Any = error.schema
        instance: Any = error.instance
        if error.validator == "additionalProperties":
            known = schema["properties"]
            for key in instance.keys() - known.keys():
                self.report((*path, key), f"unknown key{did_you_mean(key, known)}")
        elif error.validator == "type":
            wanted = error.validator_value
            self.report(path, f"must be of type {wanted}, not {_shown(instance)}")
        elif error.validator == "pattern":
            if "propertyNames" in error.absolute_schema_path:
                path = (*path, instance)
            self.report(path, f"{_shown(instance)} must be {schema['description']}")
        else:
            self.report(path, error.message)

    def _report_yaml(self, error: yaml.YAMLError) -> None:
        line, reason = 1, str(error)
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            line = error.problem_mark.line + 1
            reason = ", ".join(filter(None, (error.context, error.problem)))
        self.problems.append((line, reason))

    def _plain(self, loader: _Loader, node: yaml.Node | None, path: KeyPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, path)
        if isinstance(node, yaml.SequenceNode):
            for i, item in enumerate(node.value):
                self._lines[*path, i] = item.start_mark.line + 1
            return [self._plain(loader, item, (*path, i)) for i, item in enumerate(node.value)]
        if node is None:
            return None
        try:
            return loader.construct_object(node)
        except yaml.YAMLError as error:
            self._report_yaml(error)
        except ValueError as error:  # a date such as 2026-13-01
            self.report(path, str(error))
        return node.value

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        table: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != "tag:yaml.org,2002:str":
                shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
                self.problems.append(
                    (line, f"{dotted((*path, shown))}: a key must be text: put it in quotes")
                )
                continue
            place = (*path, key_node.value)
            if place in self._lines:
                first = self._lines[place]
                self.problems.append((line, f"{dotted(place)}: is already on line {first}"))
                continue
            self._lines[place] = line
            table[key_node.value] = self._plain(loader, value_node, place)
        return table


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


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
            yield place, f"there is no {kind} {name!r}{did_you_mean(name, known)}"


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
