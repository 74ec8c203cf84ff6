"""Commands of the documentation, run as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def shell(script: str, folder: Path, **variables: str) -> str:
    """Run a script in a folder, with this environment's Python and commands; return its output.

    It stops at the first command that fails, which is an error.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # A run of pytest inside the tests is not measured, nor told of this one.
    ours = ("PAT_EVENTS_", "COV_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607
        cwd=folder,
        env=kept | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
