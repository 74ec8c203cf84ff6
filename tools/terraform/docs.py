"""The tables of inputs and outputs in the modules' README files."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from tools.terraform.workspace import TERRAFORM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.terraform.report import Stage

BEGIN = "<!-- inputs and outputs: written by `python -m tools.terraform --write-docs` -->"
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"^  (\w+)\s*= <<-(\w+)\n(.*?)^\s*\2$", re.MULTILINE | re.DOTALL)
# Keys are checked one by one where it matters, since Terraform drops those that a type does not
# name: the type is then `any`, with what it means above it.
SAID = re.compile(r"((?:^  #.*\n)+)  type\s*= any$", re.MULTILINE)
WIDTH = 100


def readmes() -> list[Path]:
    """The README of the root and of every module."""
    folders = [TERRAFORM, *sorted(p for p in (TERRAFORM / "modules").iterdir() if p.is_dir())]
    return [folder / "README.md" for folder in folders]


def check(stage: Stage) -> None:
    """Every README is there and current."""
    for readme in readmes():
        name = readme.relative_to(TERRAFORM)
        if not readme.exists():
            stage.fault(f"{name} is missing: write what the module is for")
        elif readme.read_text(encoding="utf-8") != _current(readme):
            stage.fault(f"{name} is not current: run `python -m tools.terraform --write-docs`")
    stage.summary = f"{len(readmes())} README files"


def write() -> None:
    """Write the tables; what stands above them stays."""
    for readme in readmes():
        if readme.exists():
            readme.write_text(_current(readme), encoding="utf-8")


def _current(readme: Path) -> str:
    own = readme.read_text(encoding="utf-8").partition(BEGIN)[0].rstrip()
    blocks = list(_blocks(readme.parent))
    lines = [own, "", BEGIN]
    for kind, title in (("variable", "Inputs"), ("output", "Outputs")):
        lines += ["", f"## {title}"]
        for name, body in sorted((n, b) for k, n, b in blocks if k == kind):
            lines += ["", *_entry(kind, name, body)]
    return "\n".join(lines) + "\n"


def _blocks(folder: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(folder.glob("*.tf")):
        yield from BLOCK.findall(file.read_text(encoding="utf-8"))


def _entry(kind: str, name: str, body: str) -> list[str]:
    text = _argument(body, "description") or ""
    wrapped = textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = [f"### `{name}`", "", *(line.strip() for line in wrapped)]
    if kind == "variable":
        default = _argument(body, "default")
        need = "Required." if default is None else f"Default: `{' '.join(default.split())}`."
        said = SAID.search(body)
        type_ = textwrap.dedent(
            "".join(line[4:] for line in said[1].splitlines(keepends=True))
            if said
            else _argument(body, "type") or "any"
        )
        lines += ["", need, "", "```hcl", *type_.splitlines(), "```"]
    return lines


def _argument(body: str, name: str) -> str | None:
    """The value of one argument as written, across lines where brackets are open."""
    for key, _, text in HEREDOC.findall(body):
        if key == name:
            return textwrap.dedent(text)
    lines = body.splitlines()
    start = next((n for n, line in enumerate(lines) if re.match(rf"  {name}\s*=", line)), None)
    if start is None:
        return None
    value = lines[start].split("=", 1)[1].strip()
    for line in lines[start + 1 :]:
        if depth(value) == 0:
            break
        value += "\n" + line.removeprefix("  ")
    quoted = name == "description" and value.startswith('"')
    return value[1:-1].replace('\\"', '"') if quoted else value


def depth(text: str) -> int:
    """Brackets that are open at the end of ``text``, those in strings left out."""
    bare = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    return sum(bare.count(c) for c in "({[") - sum(bare.count(c) for c in ")}]")
