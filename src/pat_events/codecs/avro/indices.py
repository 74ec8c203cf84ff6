"""Avro schemas that refuse negative indices.

A payload names the branch of a union and the symbol of an enum by an index. fastavro hands it to
a Python list, for which -1 is the last item: several payloads would be one event, among them some
that other readers refuse.
"""

from __future__ import annotations

from typing import Any


def without_negative_indices(schema: Any, seen: set[int]) -> Any:  # noqa: ANN401 -- Avro's types
    """Return a schema that fastavro parsed, changed in place, for reading alone.

    Reading an index that is not there, negative ones included, is a ``KeyError``.

    Args:
        schema: The schema or a part of it.
        seen: Identities of the tables that are changed already: types are referred to by name.
    """
    if isinstance(schema, list):
        branches = enumerate(without_negative_indices(branch, seen) for branch in schema)
        # fastavro takes a table for what its "type" says, and reads the branch by its index.
        return {"type": "union", **dict(branches)}
    if isinstance(schema, dict) and id(schema) not in seen:
        seen.add(id(schema))
        if "symbols" in schema:
            schema["symbols"] = dict(enumerate(schema["symbols"]))
        for part in ("type", "items", "values"):
            if part in schema:
                schema[part] = without_negative_indices(schema[part], seen)
        for field in schema.get("fields", ()):
            without_negative_indices(field, seen)
        # What fastavro looks names up in.
        for named in schema.get("__named_schemas", {}).values():
            without_negative_indices(named, seen)
    return schema
