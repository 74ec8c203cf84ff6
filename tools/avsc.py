"""The Avro schema of a .proto file, as text for people and for registries.

``pat_events.codecs.avro`` makes the same schemas of the classes; here the comments of the file
come with them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from pat_events.codecs.avro.twin import Twins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

_MESSAGES: Final = FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER
_ENUMS: Final = FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER
_FIELDS: Final = DescriptorProto.FIELD_FIELD_NUMBER
_NESTED: Final = DescriptorProto.NESTED_TYPE_FIELD_NUMBER
_NESTED_ENUMS: Final = DescriptorProto.ENUM_TYPE_FIELD_NUMBER
_ONEOFS: Final = DescriptorProto.ONEOF_DECL_FIELD_NUMBER
_WIDTH: Final = 100
_DOCS_OF_IMPORTS: Final = {
    "google.protobuf.Any": "A message of any type, as google.protobuf.Any.",
    "google.protobuf.Any.type_url": "Ends in '/' and the full name of the type.",
    "google.protobuf.Any.value": "The message as Protobuf.",
}


def avro_schema(files: FileDescriptorSet) -> str:
    """Return the schema of every message of the last file, after those that it refers to.

    Args:
        files: What protoc understood, imports and comments included.

    Raises:
        ConfigError: Avro cannot carry one of the messages; names the field.
    """
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    own = files.file[-1]
    twins = Twins()
    for message in own.message_type:
        twins.of(pool.FindMessageTypeByName(f"{own.package}.{message.name}"))
    docs = _DOCS_OF_IMPORTS | dict(_docs(own))
    tables = [
        _with_docs(table, docs, twins.names.owner(name))
        for name, table in twins.definitions.items()
    ]
    return "[\n" + ",\n".join(map(_definition, tables)) + "\n]\n"


def _docs(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Yield what is said right before each message, enum, field and oneof, by its full name."""
    comments = {
        tuple(location.path): " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
    }

    def of_message(
        message: DescriptorProto, name: str, path: tuple[int, ...]
    ) -> Iterator[tuple[str, str]]:
        yield name, comments.get(path, "")
        names = {
            _FIELDS: [field.name for field in message.field],
            _ONEOFS: [oneof.name for oneof in message.oneof_decl],
            _NESTED_ENUMS: [enum.name for enum in message.enum_type],
        }
        for number, parts in names.items():
            for index, part in enumerate(parts):
                yield f"{name}.{part}", comments.get((*path, number, index), "")
        for index, nested in enumerate(message.nested_type):
            yield from of_message(nested, f"{name}.{nested.name}", (*path, _NESTED, index))

    for index, message in enumerate(file.message_type):
        yield from of_message(message, f"{file.package}.{message.name}", (_MESSAGES, index))
    for index, enum in enumerate(file.enum_type):
        yield f"{file.package}.{enum.name}", comments.get((_ENUMS, index), "")


def _with_docs(table: dict[str, Any], docs: dict[str, str], owner: str) -> dict[str, Any]:
    namespace, _, name = table["name"].rpartition(".")
    rest = {key: value for key, value in table.items() if key not in {"type", "name"}}
    documented = {"type": table["type"], "name": name, "namespace": namespace}
    if doc := docs.get(owner):
        documented["doc"] = doc
    documented |= rest
    if "fields" in table:
        documented["fields"] = [
            {
                **field,
                "type": _shortened(field["type"], f"{namespace}."),
                **({"doc": doc} if (doc := docs.get(f"{owner}.{field['name']}")) else {}),
            }
            for field in table["fields"]
        ]
    return documented


def _shortened(schema: Any, namespace: str) -> Any:  # noqa: ANN401 -- text, lists and tables
    """Return a type with the names of its own namespace alone."""
    if isinstance(schema, list):
        return [_shortened(branch, namespace) for branch in schema]
    if isinstance(schema, dict):
        return {key: _shortened(value, namespace) for key, value in schema.items()}
    return schema.removeprefix(namespace) if isinstance(schema, str) else schema


def _definition(table: dict[str, Any]) -> str:
    """Return a definition as lines: what it is, what it says, then a line for each part."""
    head = {key: table[key] for key in ("type", "name", "namespace")}
    lines = [_inside(head)]
    if "doc" in table:
        lines.append(_inside({"doc": table["doc"]}))
    if "symbols" in table:
        symbols = ",\n".join(f"      {_json(symbol)}" for symbol in table["symbols"])
        lines.append(f'"symbols": [\n{symbols}\n    ]')
        lines.append(_inside({"default": table["default"]}))
    else:
        fields = ",\n".join(map(_field, table["fields"]))
        lines.append(f'"fields": [\n{fields}\n    ]' if fields else '"fields": []')
    return "  {\n    " + ",\n    ".join(lines) + "\n  }"


def _field(field: dict[str, Any]) -> str:
    line = "      {" + _inside({key: value for key, value in field.items() if key != "doc"})
    if len(line) > _WIDTH - len("},"):
        line = "      {" + _inside({key: field[key] for key in ("name", "type")})
        line += ",\n       " + _inside({"default": field["default"]})
    if "doc" in field:
        line += ",\n       " + _inside({"doc": field["doc"]})
    return line + "}"


def _inside(table: dict[str, Any]) -> str:
    return _json(table)[1:-1]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
