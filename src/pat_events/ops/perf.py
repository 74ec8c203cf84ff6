"""The benchmarks of a checkout; they are not part of the installed package."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_checkout(*starts: Path) -> Path:
    """Return the first folder at or above one of ``starts`` that holds the benchmarks.

    Raises:
        ConfigError: there is none.
    """
    for start in starts:
        for folder in (start, *start.parents):
            benchmarks = folder / "perf" / "__main__.py"
            if benchmarks.is_file() and (folder / "src" / "pat_events").is_dir():
                return folder
    raise ConfigError("the benchmarks are not in the package: run this in a checkout of it")


def become_perf(arguments: Sequence[str]) -> NoReturn:
    """Turn this process into the benchmarks of the checkout; signals then reach them alone.

    Raises:
        ConfigError: neither the current directory nor the package is in a checkout.
    """
    root = find_checkout(Path.cwd(), Path(__file__).resolve().parent)
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "perf", *arguments])  # noqa: S606
