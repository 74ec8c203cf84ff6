"""What ``terraform/`` uses of the AWS provider: arguments it sets and attributes it reads."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from tools.terraform.docs import depth
from tools.terraform.workspace import TERRAFORM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Usage = dict[str, list[str]]

RESOURCE = re.compile(r'^(resource|data) "(aws_\w+)" "\w+" \{$')
DYNAMIC = re.compile(r'^\s*dynamic "(\w+)" \{$')
BLOCK = re.compile(r'^\s*(\w+)( "[^"]*")* \{(\})?$')
ARGUMENT = re.compile(r"^\s*(\w+)\s*= (.*)$")
HEREDOC = re.compile(r"<<-(\w+)$")
ADDRESS = r"(?<![\w.])((?:data\.)?aws_\w+)\.\w+"
ATTRIBUTE = re.compile(rf"{ADDRESS}(?:\)?\[[^\]]*\])*\.(\w+)")
LOOP = re.compile(rf"for (?:\w+, )?(\w+) in {ADDRESS} ?:(.*)")
# Terraform's own, and what it does with a resource rather than what the provider takes.
META = frozenset({"count", "for_each", "depends_on", "provider"})
LIFECYCLE = "lifecycle"


def used() -> Usage:
    """Type (data sources as ``data.aws_…``) to arguments as ``block.argument``, ``=attribute``."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(TERRAFORM.rglob("*.tf")):
        if ".terraform" not in file.parts:
            for kind, name in of_file(file):
                found[kind].add(name)
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def of_file(file: Path) -> Iterator[tuple[str, str]]:
    """Pairs of type and argument or ``=attribute``; ``terraform fmt`` has been over the file."""
    text = file.read_text(encoding="utf-8")
    yield from _arguments(text.splitlines())
    for kind, name in ATTRIBUTE.findall(text):
        yield kind, f"={name}"
    for variable, kind, rest in LOOP.findall(text):
        for name in re.findall(rf"\b{variable}\.(\w+)", rest):
            yield kind, f"={name}"


def _arguments(lines: list[str]) -> Iterator[tuple[str, str]]:
    stack: list[str] = []
    rest = iter(lines)
    for line in rest:
        if opened := RESOURCE.match(line):
            stack = [f"data.{opened[2]}" if opened[1] == "data" else opened[2]]
        elif opened := DYNAMIC.match(line) or BLOCK.match(line):
            stack.append(opened[1])
            yield from _named(stack)
            if line.endswith("{}"):
                stack.pop()
        elif line.strip() == "}" and stack:
            stack.pop()
        elif argument := ARGUMENT.match(line):
            yield from _named([*stack, argument[1]])
            _pass_over(argument[2], rest)


def _named(stack: list[str]) -> Iterator[tuple[str, str]]:
    """The argument or block on top of the stack, unless it is no resource's or Terraform's own."""
    kind, *path = [name for name in stack if name != "content"] or [""]
    ours = kind.removeprefix("data.").startswith("aws_") and path
    if ours and path[-1] not in META and LIFECYCLE not in path:
        yield kind, ".".join(path)


def _pass_over(value: str, rest: Iterator[str]) -> None:
    """Go on to the end of a value that has more than one line."""
    if heredoc := HEREDOC.search(value):
        while next(rest).strip() != heredoc[1]:
            pass
        return
    while depth(value) > 0:
        value += "\n" + next(rest).split(" #")[0]
