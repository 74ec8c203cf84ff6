"""What a shell evaluates is all that `make` writes to standard output."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def install(tmp_path):
    """Run what installs a stage, without installing anything."""

    def install(stage, python="true"):
        shutil.copy(ROOT / "Makefile", tmp_path)
        (tmp_path / "pyproject.toml").touch()
        (tmp_path / "requirements").mkdir()
        (tmp_path / "requirements" / f"{stage}.txt").touch()
        (tmp_path / ".venv").mkdir()
        return subprocess.run(
            ["make", "-s", f"PYTHON={python}", "PIP=true", f".venv/.{stage}"],  # noqa: S607
            cwd=tmp_path,
            # Not those of the make that runs the tests.
            env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return install


@pytest.mark.parametrize("stage", ["demo", "demo-aws", "dev"])
def test_installing_writes_nothing_to_standard_output(install, stage):
    done = install(stage)
    assert done.returncode == 0
    assert not done.stdout
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["making", "installing"]


@pytest.mark.parametrize(
    ("version", "fine"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 14, 1), True)]
)
def test_a_python_that_is_too_old_is_refused_and_a_newer_one_is_not(
    install, tmp_path, version, fine
):
    python = tmp_path / "python"
    claim = f"import sys; code = sys.argv[1]; sys.version_info = {version}; exec(code)"
    python.write_text(f'#!/bin/sh\n[ "$1" = -m ] || exec {sys.executable} -c "{claim}" "$2"\n')
    python.chmod(0o755)
    done = install("demo", python)
    assert (done.returncode == 0) is fine, done.stderr
    assert ("Python 3.11 or newer is needed" in done.stderr) is not fine
