"""A zip tried out: invoked in AWS's emulator, and how long that takes."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.lambda_package.emulator import running
from tools.lambda_package.errors import PackageError
from tools.lambda_package.target import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.lambda_package.target import Target

# New environments that are measured, and invocations of each after its first.
_ENVIRONMENTS: Final = 5
_INVOCATIONS: Final = 20
# Of this process's variables the function gets these.
_VARIABLES: Final = ("PAT_EVENTS_", "AWS_")


def one_for_here(targets: Iterable[Target]) -> Target:
    """Return the one of these that this interpreter, on this machine, can run.

    Raises:
        PackageError: none of them.
    """
    here = ".".join(map(str, sys.version_info[:2]))
    for target in targets:
        if target.python == here and MACHINES[target.architecture] == platform.machine():
            return target
    raise PackageError(
        f"what is made does not run here, with Python {here} on {platform.machine()}: to try it, "
        f"add --python {here}"
    )


def attempt(archive: Path, handler: str, event: Path, target: Target) -> str:
    """Invoke the function with an event; returns the answer and the figures, to be shown.

    Raises:
        PackageError: the event is no JSON.
        StackError: the emulator cannot be had.
    """
    try:
        asked = json.loads(event.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PackageError(f"{event} is no event in JSON: {error}") from error
    variables = {name: it for name, it in os.environ.items() if name.startswith(_VARIABLES)}
    first_s, later_s, peaks = [], [], []
    answer = None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "task")
        zipfile.ZipFile(archive).extractall(folder)
        for _ in range(_ENVIRONMENTS):
            with running(folder, handler, target, variables) as function:
                began = time.perf_counter()
                answer = function.invoke(asked)
                first_s.append(time.perf_counter() - began)
                for _ in range(_INVOCATIONS):
                    began = time.perf_counter()
                    function.invoke(asked)
                    later_s.append(time.perf_counter() - began)
                peaks.append(function.peak_bytes)
    return (
        f"{json.dumps(answer, indent=2)}\n"
        f"first answer {_ms(first_s)}, later ones {_ms(later_s)} (medians of {_ENVIRONMENTS} new "
        f"environments), {max(peaks) / 1e6:.0f} MB of memory"
    )


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} ms"
