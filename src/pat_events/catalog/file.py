"""Read a catalogue file: everything that is wrong with it at once, each with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pat_events.catalog.model import (
    BusRule,
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.catalog.lines import CatalogLines
    from pat_events.catalog.rules import Rule


def parse_catalog(
    text: str, origin: str, json_schema: Mapping[str, Any] | None, rules: Sequence[Rule] = ()
) -> Catalog:
    """Read a catalogue.

    Args:
        text: YAML.
        origin: Name of the file, for messages.
        json_schema: What ``schemas/catalog.schema.json`` holds; None for what is known to keep it.
        rules: What is asked for besides what every catalogue has to keep.

    Raises:
        CatalogError: one line for each thing that is wrong.
    """
    data, lines, problems = read_yaml(text, origin)
    if json_schema is not None:
        # A quarter of what a function on Lambda waits for at its start.
        from pat_events.catalog.json_schema import violations  # noqa: PLC0415

        problems += (lines.problem(*each) for each in violations(data, json_schema))
    for rule in (cross_references, *rules):
        problems += (lines.problem(*each) for each in rule(data))
    if problems:
        raise lines.error(problems)
    return _catalog(data, lines)


def _catalog(data: Any, lines: CatalogLines) -> Catalog:  # noqa: ANN401 -- the JSON Schema has said what it is
    return Catalog(
        version=data["version"],
        package=data["package"],
        python_module=data["python_module"],
        topics={name: Topic(name, **entry) for name, entry in data["topics"].items()},
        dead_letters=DeadLetters(**data["dead_letters"]),
        events={
            name: EventType(
                name, f"{data['package']}.{name}", **{**entry, "targets": _targets(entry)}
            )
            for name, entry in data["events"].items()
        },
        rules={
            name: BusRule(name, **{**entry, "targets": _targets(entry)})
            for name, entry in data.get("rules", {}).items()
        },
        groups={
            name: Group(name, **{key: tuple(names) for key, names in entry.items()})
            for name, entry in data["groups"].items()
        },
        queues={name: Queue(name, **entry) for name, entry in data.get("queues", {}).items()},
        schedules={name: Schedule(name, **e) for name, e in data.get("schedules", {}).items()},
        lines=lines,
    )


def _targets(entry: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(names) for kind, names in entry.get("targets", {}).items()}
