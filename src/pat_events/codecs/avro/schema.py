"""Avro schemas as tables: named types by name, and what stands alone."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = Any  # Avro's types are text, lists and tables
Definitions: TypeAlias = dict[str, dict[str, Any]]


def stand_alone(schema: Schema, definitions: Definitions, defined: set[str]) -> Schema:
    """Return a schema that needs no other: each named type is defined where it first occurs.

    Args:
        schema: The schema, or a part of it, with references to ``definitions`` by full name.
        definitions: Every named type it may refer to.
        defined: Names that are defined already; those that get defined are added.
    """
    if isinstance(schema, list):
        return [stand_alone(branch, definitions, defined) for branch in schema]
    if isinstance(schema, str):
        if schema in defined or schema not in definitions:
            return schema
        defined.add(schema)
        schema = definitions[schema]
    table = dict(schema)
    for part in ("items", "values"):
        if part in table:
            table[part] = stand_alone(table[part], definitions, defined)
    if "fields" in table:
        table["fields"] = [
            {**field, "type": stand_alone(field["type"], definitions, defined)}
            for field in table["fields"]
        ]
    return table


def without_logical_types(schema: Schema) -> Schema:
    """Return the same as its bytes are: logical types have fastavro make other values of them."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: value for key, value in schema.items() if key != "logicalType"}
    for part in ("type", "items", "values", "fields"):
        if part in plain:
            plain[part] = without_logical_types(plain[part])
    return plain
