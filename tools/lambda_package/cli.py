"""The command line of ``make lambda-package``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.lambda_package import packages, tree, trial
from tools.lambda_package.archive import write_zip
from tools.lambda_package.errors import PackageError
from tools.lambda_package.target import GLIBC, MACHINES, Target
from tools.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements" / "dev.txt"
_DEFAULT_PYTHON: Final = "3.13"
ABOUT: Final = """\
Make a zip for AWS Lambda, for each architecture: this package, what it needs, and your own modules.
"""
EXAMPLES: Final = """\
examples:
  make lambda-package ARGS="--module emails.py"
  make lambda-package ARGS="--module emails.py --module catalog.yaml --arch arm64 --with kafka"
The function's handler is then emails.handler. boto3 is not put in, as Lambda's runtime has it, in
a version of AWS's choice; --with boto3 pins that of the lock files, which takes 30 MB unpacked.
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command line; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    if options.event and not options.module:
        _parser().error("--try invokes the handler of the first --module: name one")
    targets = [Target(options.python, each) for each in options.arch or MACHINES]
    try:
        tree.require(options.module)
        here = trial.one_for_here(targets) if options.event else None
        python = _interpreter(options.python)
        archives = {target: _make(target, options, python) for target in targets}
        if here is not None:
            handler = f"{options.module[0].stem}.handler"
            print(trial.attempt(archives[here], handler, options.event, here))
    except (PackageError, StackError) as problem:
        print(problem, file=sys.stderr)
        return 1
    if not options.module:
        _say('your own module is not in it: add it with ARGS="--module PATH"')
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.lambda_package",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--module",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a module, package or file of the function's own, put at the top of the zip; again "
        "for more",
    )
    parser.add_argument(
        "--arch", action="append", choices=MACHINES, help="of the function (default: a zip each)"
    )
    parser.add_argument(
        "--python", choices=GLIBC, default=_DEFAULT_PYTHON, help="of its runtime (%(default)s)"
    )
    parser.add_argument(
        "--with",
        action="append",
        default=[],
        choices=packages.CHOICES,
        dest="choices",
        help="kafka to publish to Kafka, msk to sign in to MSK with IAM, avro to read it; again "
        "for more",
    )
    parser.add_argument(
        "--try",
        type=Path,
        dest="event",
        metavar="EVENT",
        help="a file with an event in JSON, to invoke the function with in AWS's emulator, which "
        "Go builds once",
    )
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="folder of the zips")
    return parser


def _interpreter(version: str) -> str | None:
    found = tree.interpreter(version)
    if found is None:
        _say(
            f"without bytecode, for want of a python{version} on the PATH: each cold start "
            "compiles all of it, which takes 0.2 s. Install one, or choose another --python"
        )
    return found


def _make(target: Target, options: argparse.Namespace, python: str | None) -> Path:
    """Make one zip, and say so."""
    names = packages.names_of(options.choices, target)
    entries = packages.locked(names, LOCK, target)
    _say(f"{target.architecture}, Python {target.python}: {', '.join(names)} ...")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "task")
        requirements = Path(temporary, "requirements.txt")
        requirements.write_text("\n".join(entries), "utf-8")
        packages.install(requirements, folder, target)
        tree.slim(folder)
        tree.add_package(ROOT / "src" / "pat_events", folder)
        tree.add_modules(options.module, folder)
        if python is not None:
            tree.compile_all(folder, python)
        archive: Path = options.into / f"lambda-python{target.python}-{target.architecture}.zip"
        unpacked = write_zip(folder, archive)
    size: int = archive.stat().st_size
    print(f"{_shown(archive)}  {size / 1e6:.1f} MB, unpacked {unpacked / 1e6:.1f} MB")
    return archive


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
