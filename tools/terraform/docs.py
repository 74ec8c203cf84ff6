"""The tables of inputs and outputs in the README files of root and modules."""

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
# Where the root's inputs have their types: it takes `any`, to see what a type would drop.
TYPED = "modules/inputs"


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
    inputs = sorted((name, body) for kind, name, body in blocks if kind == "variable")
    typed = {name: _type(readme.parent, name, body) for name, body in inputs}
    lines = [own, "", BEGIN, "", "## Inputs", ""]
    lines += ["| input | what it says | type | default |", "|---|---|---|---|"]
    for name, body in inputs:
        said = f"`{typed[name]}`" if _is_short(typed[name]) else f"[below](#{name})"
        lines.append(_row(f"`{name}`", _description(body), said, _default(body)))
    for name, type_ in typed.items():
        if not _is_short(type_):
            lines += ["", f"### {name}", "", "```hcl", *type_.splitlines(), "```"]
    lines += ["", "## Outputs", "", "| output | what it is |", "|---|---|"]
    outputs = sorted((name, body) for kind, name, body in blocks if kind == "output")
    lines += [_row(f"`{name}`", _description(body)) for name, body in outputs]
    return "\n".join(lines) + "\n"


def _blocks(folder: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(folder.glob("*.tf")):
        yield from BLOCK.findall(file.read_text(encoding="utf-8"))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _is_short(type_: str) -> bool:
    return "\n" not in type_


def _description(body: str) -> str:
    return " ".join((_argument(body, "description") or "").split())


def _default(body: str) -> str:
    default = _argument(body, "default")
    return "needed" if default is None else f"`{' '.join(default.split())}`"


def _type(folder: Path, name: str, body: str) -> str:
    """What an input takes; of one that takes ``any``, what the module of inputs makes of it."""
    said = _argument(body, "type") or "any"
    if said == "any" and (folder / TYPED).is_dir():
        typed = {n: b for kind, n, b in _blocks(folder / TYPED) if kind == "variable"}
        said = _argument(typed[name], "type") or said if name in typed else said
    return said


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
