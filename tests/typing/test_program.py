"""What type checkers say to a program that uses the package: mypy, and pyright."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("program.py")
CONFIG = Path(__file__).with_name("pyrightconfig.json")
LINES = PROGRAM.read_text("utf-8").splitlines()
REFUSED = {number for number, line in enumerate(LINES, 1) if line.endswith("# refused")}


def run(*arguments: object) -> str:
    command = [sys.executable, "-m", *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # It ran to its end, and found something.
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return ended.stdout


def test_mypy_refuses_what_is_wrong_and_nothing_else():
    said = run("mypy", PROGRAM)
    found = re.findall(r"^.*program\.py:(\d+): error: ", said, re.MULTILINE)
    assert set(map(int, found)) == REFUSED, said


def test_pyright_refuses_what_is_wrong_and_nothing_else():
    where = ("--project", CONFIG, "--pythonpath", sys.executable)
    said = json.loads(run("basedpyright", "--outputjson", *where, PROGRAM))
    errors = [each for each in said["generalDiagnostics"] if each["severity"] == "error"]
    lines = {each["range"]["start"]["line"] + 1 for each in errors}
    assert lines == REFUSED, errors
