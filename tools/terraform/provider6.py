"""Checks what ``terraform/`` uses against version 6 of the AWS provider, as far as names go.

The provider itself is not to be had everywhere; its schema is, in the bindings generated from it
for CDK for Terraform. ``npm pack @cdktf/provider-aws`` fetches them, then
``python -m tools.terraform.provider6 FILE.tgz`` writes ``provider6.json``: what was found. A test
compares that with what is used, without a network. It proves that names exist and that nothing
required is missing, not how the provider behaves.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

from tools.terraform.usage import used

FOUND = Path(__file__).with_suffix(".json")
MAPPER = re.compile(
    r"function (\w+ToTerraform)\(struct\) \{.*?\n    return \{\n(.*?)\n    \};\n\}", re.DOTALL
)
ROOT_ARGUMENTS = re.compile(
    r"synthesizeAttributes\(\) \{\s*return \{\n(.*?)\n        \};", re.DOTALL
)
ENTRY = re.compile(r"^\s+(\w+): (?:cdktf\.listMapper\()?(\w+)?", re.MULTILINE)
MAIN_CLASS = re.compile(
    r"^class \w+ extends cdktf\.Terraform(?:Resource|DataSource) ", re.MULTILINE
)
READ = re.compile(r"this\.get\w+Attribute\('(\w+)'\)")
CONFIG = re.compile(
    r"interface \w+Config extends cdktf\.TerraformMetaArguments \{\n(.*?)\n\}", re.DOTALL
)
FIELD = re.compile(r"#(\w+) \w+#\w+\}.*?\*/\n\s+readonly \w+(\??):", re.DOTALL)
VERSION = re.compile(r"providerVersion: '([\d.]+)'")


class Schema:
    """One type as its binding has it."""

    def __init__(self, code: str, declared: str) -> None:
        self.version = VERSION.findall(code)[0]
        self._mappers = {name: dict(ENTRY.findall(body)) for name, body in MAPPER.findall(code)}
        (arguments,) = ROOT_ARGUMENTS.findall(code)
        self._arguments: dict[str, str] = dict(ENTRY.findall(arguments))
        (main,) = MAIN_CLASS.finditer(code)
        self._attributes = {*READ.findall(code[main.start() :]), *self._arguments}
        (config,) = CONFIG.findall(declared)
        self.required = [name for name, optional in FIELD.findall(config) if not optional]

    def has(self, name: str) -> bool:
        """Whether ``block.argument`` or ``=attribute`` is there."""
        if name.startswith("="):
            return name[1:] in self._attributes
        level = self._arguments
        for part in name.split("."):
            if part not in level:
                return False
            level = self._mappers.get(level[part], {})
        return True


def compare(package: Path) -> tuple[dict[str, Any], list[str]]:
    """What was found, and a sentence for each name that was not.

    Args:
        package: The bindings as npm packs them.
    """
    usage = used()
    texts = _texts(package, {_folder(kind) for kind in usage})
    faults: list[str] = []
    versions: set[str] = set()
    found: dict[str, list[str]] = {}
    for kind, names in usage.items():
        schema = Schema(*(texts[f"{_folder(kind)}/index.{end}"] for end in ("js", "d.ts")))
        versions.add(schema.version)
        found[kind] = [name for name in names if schema.has(name)]
        faults += [f"{kind} has no {name}" for name in names if not schema.has(name)]
        faults += [f"{kind} needs {name}" for name in schema.required if name not in names]
    return {"provider": ", ".join(sorted(versions)), "found": found}, faults


def _folder(kind: str) -> str:
    name = kind.removeprefix("data.").removeprefix("aws_").replace("_", "-")
    return f"data-aws-{name}" if kind.startswith("data.") else name


def _texts(package: Path, folders: set[str]) -> dict[str, str]:
    """The files of these folders, in one pass: the package cannot be read from the middle."""
    texts: dict[str, str] = {}
    with tarfile.open(package, "r|gz") as bindings:
        for member in bindings:
            folder, _, file = member.name.removeprefix("package/lib/").rpartition("/")
            if folder in folders and (text := bindings.extractfile(member)):
                texts[f"{folder}/{file}"] = text.read().decode()
    return texts


def main(package: Path) -> int:
    """Write what was found; the answer is 1 when something was not."""
    found, faults = compare(package)
    FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    count = sum(map(len, found["found"].values()))
    print(f"{count} names of {len(found['found'])} types are in provider {found['provider']}")
    for fault in faults:
        print(f"FAULT {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
