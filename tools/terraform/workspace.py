"""A copy of the configuration to run Terraform in, so that nothing is left in the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from tools.terraform.provider import environ, plugin_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
COMMAND_WAIT_S = 900.0
LEFT_BEHIND = (".terraform", "*.tfstate*", "*.tfplan")
DIFFERENCES = 2  # exit code of `plan -detailed-exitcode`


class TerraformError(Exception):
    """A command failed; the message is what it said."""


def terraform() -> str:
    """The path of ``terraform``."""
    found = shutil.which("terraform")
    if found is None:
        raise TerraformError("terraform is not on the PATH: install 1.11 or later")
    return found


@contextmanager
def workspace() -> Iterator[Path]:
    """A copy of ``terraform/`` and ``schemas/`` that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="pat-events-terraform-") as folder:
        for name in ("terraform", "schemas"):
            shutil.copytree(
                ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns(*LEFT_BEHIND)
            )
        yield Path(folder, "terraform")


class Module:
    """One folder with Terraform files, initialised at first use."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._environ = environ(**variables)
        self._ready = False
        self._first = Lock()

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run ``terraform`` with these arguments; the answer is its standard output.

        Raises:
            TerraformError: It ended with another code than ``codes``.
        """
        with self._first:
            if not self._ready:
                self._init()
                self._ready = True
        return self._command(*arguments, codes=codes)

    def _init(self) -> None:
        mirror = plugin_folder()
        source = [f"-plugin-dir={mirror}"] if mirror else []
        # The root's lock file holds the only provider; modules have none of their own.
        locked = (self.folder / ".terraform.lock.hcl").exists()
        self._command("init", "-backend=false", *source, *(["-lockfile=readonly"] * locked))

    def _command(self, verb: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        # `show` alone writes to standard output what a machine reads from a file, and `state` has
        # no colours to turn off.
        plain = [] if "-json" in arguments or verb == "state" else ["-no-color"]
        done = subprocess.run(
            [terraform(), verb, *plain, *arguments],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_WAIT_S,
            check=False,
        )
        if done.returncode not in codes:
            raise TerraformError(
                f"terraform {verb} failed in {self.folder.name}:\n"
                f"{_end_of(_errors(done.stdout))}\n{_end_of(done.stderr)}".strip()
            )
        return done.stdout

    def apply(self, *arguments: str) -> int:
        """Apply; the answer is how many resources were added."""
        self.run("apply", "-auto-approve", "-parallelism=40", *arguments)
        return len(self.resources())

    def replaced(self, *arguments: str) -> list[str]:
        """Apply; the answer has the address of each resource that was replaced."""
        said = self.run("apply", "-auto-approve", "-parallelism=40", "-json", *arguments)
        changes = [
            line["change"]
            for line in map(json.loads, said.splitlines())
            if line["type"] == "planned_change"
        ]
        return [c["resource"]["addr"] for c in changes if c["action"] == "replace"]

    def changes(
        self, *arguments: str, forgive: Callable[[Mapping[str, Any]], bool] = lambda _: False
    ) -> list[str]:
        """Plan; the answer is one address with its actions per resource that would change."""
        plan = self.folder / "second.tfplan"
        self.run("plan", "-detailed-exitcode", f"-out={plan}", *arguments, codes=(0, DIFFERENCES))
        changes = json.loads(self.run("show", "-json", str(plan))).get("resource_changes", [])
        return [
            f"{change['address']}: {'/'.join(change['change']['actions'])}"
            for change in changes
            if change["change"]["actions"] not in (["no-op"], ["read"]) and not forgive(change)
        ]

    def destroy(self, *arguments: str) -> int:
        """Destroy; the answer is how many resources went."""
        before = len(self.resources())
        self.run("destroy", "-auto-approve", "-parallelism=40", *arguments)
        return before - len(self.resources())

    def resources(self) -> list[Mapping[str, Any]]:
        """What the state holds, data sources left out."""
        values = json.loads(self.run("show", "-json")).get("values", {})
        return [r for r in _walk(values.get("root_module", {})) if r["mode"] == "managed"]

    def outputs(self) -> dict[str, Any]:
        """The configuration's outputs."""
        return {k: v["value"] for k, v in json.loads(self.run("output", "-json")).items()}


def _walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _walk(child)


def _errors(said: str) -> str:
    """What a person reads of the output: of ``-json`` the errors alone."""
    if not said.startswith('{"@level"'):
        return said
    lines = [json.loads(line) for line in said.splitlines()]
    return "\n".join(
        f"{line['@message']} {line.get('diagnostic', {}).get('detail', '')}"
        for line in lines
        if line["@level"] == "error"
    )


def _end_of(text: str) -> str:
    return text.strip()[-4000:]
