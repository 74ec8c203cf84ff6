"""What the zip unpacks to: this package, those that it needs, and the function's own modules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.lambda_package.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Lambda unpacks here, and tracebacks name it.
_TASK: Final = "/var/task"
# Nothing below the command line imports it, as `make lint` checks.
_NOT_IN_A_FUNCTION: Final = ("cli", "demo", "ops", "testing")
# For people and other tools: type checkers, compilers, readers of the schema.
_NOT_READ: Final = ("*.pyi", "py.typed", "*.pyx", "*.pxd", "*.c", "*.h", "*.proto", "released")
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", ".*", *_NOT_READ)
_OWN_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", ".*")
# Of other packages: their tests, and commands that name this machine's interpreter.
_OF_PACKAGES: Final = ("tests", "benchmarks")
_COMPILE_WAIT_S: Final = 300.0


def add_package(source: Path, folder: Path) -> None:
    """Copy ``pat_events``, without what is of no use in a function."""

    def ignore(path: str, names: list[str]) -> set[str]:
        left_out = _LEFT_OUT(path, names)
        return {*left_out, *_NOT_IN_A_FUNCTION} if Path(path) == source else left_out

    shutil.copytree(source, folder / source.name, ignore=ignore)


def require(modules: Sequence[Path]) -> None:
    """Look whether the function's own modules are there, before anything is fetched.

    Raises:
        PackageError: one is not.
    """
    for module in modules:
        if not module.exists():
            raise PackageError(f"there is no {module}: --module takes a file or a folder")


def add_modules(modules: Sequence[Path], folder: Path) -> None:
    """Copy the function's own: modules, packages, other files, side by side.

    Raises:
        PackageError: one has the name of what is in the zip already.
    """
    for module in modules:
        name = module.resolve().name
        taken = [each for each in (folder / name, folder / module.resolve().stem) if each.exists()]
        if taken:
            raise PackageError(
                f"{module} would stand in the way of {taken[0].name}, which the zip has already: "
                "give it another name"
            )
        if module.is_dir():
            shutil.copytree(module, folder / name, ignore=_OWN_LEFT_OUT)
        else:
            shutil.copyfile(module, folder / name)


def slim(folder: Path) -> None:
    """Remove from installed packages what no import reads; licences stay."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in _OF_PACKAGES:
            shutil.rmtree(path)
        elif path.is_file() and any(path.match(pattern) for pattern in _NOT_READ):
            path.unlink()


def interpreter(python: str) -> str | None:
    """Return a Python of this version, such as 3.13; None if there is none here."""
    if python == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    found = shutil.which(f"python{python}")
    if found is None:
        return None
    # What is on the path may be a stand-in for one that is not installed.
    asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    return found if answer.stdout.strip() == python else None


def compile_all(folder: Path, python: str) -> None:
    """Put the bytecode beside its source: where the function runs nothing can be written.

    Raises:
        PackageError: some of it is no Python of that version.
    """
    # Good whatever the time of its source: that of a zip says nothing.
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", _TASK, str(folder)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_COMPILE_WAIT_S,
        check=False,
        # Sets are written in the order of their hashes.
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    if done.returncode != 0:
        raise PackageError(f"{python} cannot compile it:\n{done.stdout.strip()[-2000:]}")
