"""Plain data out of a catalogue's YAML, with the line of each part and what cannot be read."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import yaml

from pat_events.catalog.lines import CatalogLines, dotted

if TYPE_CHECKING:
    from pat_events.catalog.lines import KeyPath

# Its line, and what is wrong there.
Problem: TypeAlias = tuple[int, str]

# Deeper than any catalogue. Composing recurses: without this the interpreter's limit is the bound.
_MAX_DEPTH: Final = 16

_TAG: Final = "tag:yaml.org,2002:"
# Scalars as JSON writes them, and null and booleans as YAML 1.2 does; all others are text. In
# YAML 1.1, which is the library's, 012 is ten, 1:30 is ninety and no is false, while Terraform
# reads the same file by other rules.
_SCALARS: Final = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"-?(0|[1-9][0-9]*)", "-0123456789"),
    "float": (r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
}


class _Loader(yaml.SafeLoader):
    """Composes nodes for files written by people: no tags, no aliases, no depth without end."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- the library's, filled below
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        # An alias of aliases of aliases is a few bytes that unfold to gigabytes.
        if self.check_event(yaml.AliasEvent):
            raise self._refused("aliases (*name) are not allowed: write it out")
        if self.peek_event().tag is not None:  # type: ignore[no-untyped-call]
            raise self._refused("tags (!name) are not allowed: write the value alone")
        if self.depth == _MAX_DEPTH:
            raise self._refused("nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refused(self, reason: str) -> yaml.MarkedYAMLError:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=reason, problem_mark=mark)


for _name, (_pattern, _first) in _SCALARS.items():
    # The empty text is looked up under the empty key.
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), ["", *_first])


def read_yaml(text: str, origin: str) -> tuple[object, CatalogLines, list[Problem]]:
    """Return the plain data, the lines of its parts, and what is wrong with single values.

    Raises:
        CatalogError: it is no YAML.
    """
    reader = _Reader(origin)
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line, reason = text.count("\n", 0, error.position) + 1, str(error).partition("\n")[0]
        raise reader.lines.error([(line, reason)]) from error
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else loader.line + 1
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise reader.lines.error([(line, reason)]) from error
    # ValueError, OverflowError: "\\UFFFFFFFF", which is no character.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise reader.lines.error([(loader.line + 1, str(error))]) from error
    return reader.plain(node, ()), reader.lines, reader.problems


class _Reader:
    """Makes plain data of nodes; notes lines and problems as it goes."""

    def __init__(self, origin: str) -> None:
        self.problems: list[Problem] = []
        self._line_of: dict[KeyPath, int] = {(): 1}
        # It has the lines that are filled in below.
        self.lines = CatalogLines(origin, self._line_of)

    def plain(self, node: yaml.Node | None, path: KeyPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for i, item in enumerate(node.value):
                self._line_of[*path, i] = item.start_mark.line + 1
            return [self.plain(item, (*path, i)) for i, item in enumerate(node.value)]
        if node is None:
            return None
        try:
            return _scalar(node.tag.removeprefix(_TAG), node.value)
        except ValueError as error:
            self.problems.append(self.lines.problem(path, str(error)))
        return node.value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        table: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != f"{_TAG}str":
                shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
                self.problems.append(
                    (line, f"{dotted((*path, shown))}: a key must be text: put it in quotes")
                )
                continue
            place = (*path, key_node.value)
            if place in self._line_of:
                first = self._line_of[place]
                self.problems.append((line, f"{dotted(place)}: is already on line {first}"))
                continue
            self._line_of[place] = line
            table[key_node.value] = self.plain(value_node, place)
        return table


def _scalar(kind: str, text: str) -> object:
    """Return the value of a scalar.

    Raises:
        ValueError: no value of that kind.
    """
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text)  # Its limit of digits is a ValueError, too.
    if kind == "float":
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("is a larger number than there is")
        return value
    text.encode()  # A lone surrogate, as "\\ud800" makes it, is a ValueError.
    return text
