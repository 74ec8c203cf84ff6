"""What a shell evaluates is all that `make` writes to standard output."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stage", ["demo", "dev"])
def test_installing_writes_nothing_to_standard_output(tmp_path, stage):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / f"{stage}.txt").touch()
    (tmp_path / ".venv").mkdir()
    done = subprocess.run(
        ["make", "-s", "PYTHON=true", "PIP=true", f".venv/.{stage}"],  # noqa: S607
        cwd=tmp_path,
        # Not those of the make that runs the tests.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert not done.stdout
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["making", "installing"]
