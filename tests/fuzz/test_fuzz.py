"""A short seeded run of the fuzzers; ``python -m tests.fuzz --help`` tells of longer ones."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_only_typed_errors_leave_in_bounded_time_and_memory():
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("inputs, 0 kinds of problem") == 7
