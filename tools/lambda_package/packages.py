"""The packages that a function imports: which they are, and their locked wheels."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.lambda_package.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from tools.lambda_package.target import Target

# What the catalogue and the events take. A test runs a function with these alone.
_ALWAYS: Final = ("jsonschema", "protobuf", "pyyaml", "uuid-utils")
_KAFKA: Final = ("confluent-kafka", "tenacity")
#: What is put in by choice.
CHOICES: Final = {
    "kafka": _KAFKA,
    "msk": (*_KAFKA, "aws-msk-iam-sasl-signer-python"),
    "avro": ("fastavro",),
    "boto3": ("boto3",),
}
# Lambda's runtimes have it, with all it needs.
_IN_RUNTIME: Final = "boto3"
_PIP_WAIT_S: Final = 600.0


def names_of(choices: Collection[str], target: Target) -> list[str]:
    """Return the packages for these choices, those included that they need."""
    roots = {*_ALWAYS, *(name for each in choices for name in CHOICES[each])}
    found = closure(roots, target)
    if _IN_RUNTIME not in choices:
        found -= closure({_IN_RUNTIME}, target)
    return sorted(found)


def closure(roots: Iterable[str], target: Target) -> set[str]:
    """Return these packages and all that they need; they have to be installed here."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate(target.environment):
                waiting.append(canonicalize_name(needed.name))
    return found


def locked(names: Iterable[str], lock: Path, target: Target) -> list[str]:
    """Return the lines of a lock file for these packages: version and hashes, no conditions.

    pip would look whether conditions hold here, not where the function runs.

    Raises:
        PackageError: one is not locked.
    """
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", lock.read_text("utf-8")):
        first, _, hashes = entry.partition("\\\n")
        if not first.strip():
            continue
        requirement = Requirement(first.strip())
        if requirement.marker is None or requirement.marker.evaluate(target.environment):
            pinned = f"{canonicalize_name(requirement.name)}{requirement.specifier}"
            entries[canonicalize_name(requirement.name)] = f"{pinned} \\\n{hashes}"
    wanted = list(names)
    if missing := [name for name in wanted if name not in entries]:
        raise PackageError(f"{lock.name} lacks {', '.join(missing)}: run requirements/lock.sh")
    return [entries[name] for name in wanted]


def install(requirements: Path, folder: Path, target: Target) -> None:
    """Put locked wheels for a target into a folder.

    Raises:
        PackageError: pip refuses; says what it said.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    command += ["--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", target.python]
    command += [word for each in target.platforms for word in ("--platform", each)]
    command += ["--target", str(folder), "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PIP_WAIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise PackageError(
            f"pip was not done after {_PIP_WAIT_S:.0f} s: look at the network, and try again"
        ) from None
    if done.returncode != 0:
        raise PackageError(
            f"pip found no locked wheels for Python {target.python} on {target.architecture}; "
            f"it said:\n{done.stderr.strip()[-2000:]}"
        )
