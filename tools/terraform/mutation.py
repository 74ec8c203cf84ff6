"""Plants one fault at a time in the root's wiring and asks its tests whether they notice.

Not a part of CI: it takes some minutes, and what it finds is a test that is missing.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tools.terraform.provider import served
from tools.terraform.workspace import Module, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.terraform.report import Stage

WORKERS: Final = 2
#: Tests that may notice, what is quick and most likely to comes first.
TESTS: Final = {
    "iam.tf": ("rights", "wiring"),
    "iam_operators.tf": ("rights", "wiring"),
    "claim_check.tf": ("wiring", "rights"),
    "inputs.tf": ("wiring", "msk"),
    "kms.tf": ("rights",),
    "lambda.tf": ("wiring", "rights"),
    "monitoring_msk.tf": ("wiring", "msk"),
    "msk.tf": ("wiring", "msk"),
    "msk_connect.tf": ("wiring", "msk"),
    "": ("wiring", "platform", "rights"),
}
GOAL: Final = 0.95
FILES: Final = (
    "claim_check.tf",
    "eventbridge.tf",
    "iam.tf",
    "iam_operators.tf",
    "inputs.tf",
    "kms.tf",
    "lambda.tf",
    "monitoring.tf",
    "monitoring_msk.tf",
    "msk.tf",
    "msk_connect.tf",
    "sns.tf",
    "sqs.tf",
    "step_functions.tf",
)
#: What is searched in a line, and what is put there; nothing: the line goes.
OPERATORS: Final[tuple[tuple[str, str], ...]] = (
    (r'(metric\s+= ")(\w+)', r"\1\2s"),
    (r'\["(AWS/\w+)", "(\w+)"', r'["\1", "\2s"'),
    (r'(statistic\s+= )"Maximum"', r'\1"Minimum"'),
    (r'(severity\s+= )"critical"', r'\1"warning"'),
    (r"(above\s+= )(.+)", r"\g<1>1000 * (\2)"),
    (r"max\(900, ", "1000 * max(900, "),
    (r"\bqueue\.dead_letters\b", "queue.live"),
    (r"\bqueue\.live\b", "queue.dead_letters"),
    (r'(Effect\s+= )"Allow"', r'\1"Deny"'),
    (r'^\s+"(?!aws:)[a-z0-9]+:\w+\*?",$', ""),
    (r'(\s)"(?!aws:)[a-z0-9]+:\w+\*?", ', r"\1"),
    (r"lookup\(var\.\w+, [\w.]+, \[\]\)", "[]"),
    (r"^\s+(Condition|conditions|alarm_actions|ok_actions)\s+= .*[^{[(]$", ""),
    (r"^\s+\{ test = .* \},$", ""),
)
UNREAD: Final = (
    "Missing required argument",
    "Invalid value for input variable",
    "Unsupported attribute",
)
DROPPED: Final = re.compile(r"^\s+(?!source |count |for_each )\w+\s+= .*[^{[(\s]$")


class Mutant(NamedTuple):
    """A fault: a line of a file, from 0, and what stands there instead."""

    file: str
    line: int
    was: str
    now: str

    def __str__(self) -> str:
        now = self.now.strip() or "(gone)"
        return f"{self.file}:{self.line + 1} {self.was.strip()} -> {now}"


def mutants(root: Path) -> list[Mutant]:
    """Every fault that can be planted: an operator wherever it fits, and arguments left out."""
    return [
        Mutant(name, number, line, now)
        for name in FILES
        for number, (line, handed) in enumerate(_lines((root / name).read_text("utf-8")))
        for now in dict.fromkeys(_changed(line, handed=handed))
    ]


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield lines, and whether each is inside the call of a module."""
    handed = False
    for line in text.splitlines():
        handed = line.startswith("module ") or (handed and line != "}")
        yield line, handed


def _changed(line: str, *, handed: bool) -> Iterator[str]:
    if line.lstrip().startswith(("#", "description ")):
        return  # Words are read by people.
    for pattern, put in OPERATORS:
        if re.search(pattern, line):
            yield re.sub(pattern, put, line, count=1)
    if handed and DROPPED.match(line):
        yield ""


def mutate(stage: Stage) -> None:
    """Plant each; ``stage`` gets how many were noticed, and the others as faults if too many."""
    with workspace() as root:
        Module(root).run("version")
        planted = mutants(root)
        with served(root) as reached, _copies(root, reached) as copies:

            def noticed(mutant: Mutant) -> bool | None:
                copy = copies.get()
                try:
                    found = _noticed(copy, mutant)
                finally:
                    copies.put(copy)
                if found is False:
                    stage.say(f"not noticed: {mutant}")
                return found

            with ThreadPoolExecutor(WORKERS) as pool:
                results = list(zip(planted, pool.map(noticed, planted), strict=True))
    _tell(stage, results)


def _tell(stage: Stage, results: list[tuple[Mutant, bool | None]]) -> None:
    valid = [(mutant, killed) for mutant, killed in results if killed is not None]
    killed = sum(bool(killed) for _, killed in valid)
    if killed < GOAL * len(valid):
        stage.fault(f"{len(valid) - killed} of {len(valid)} planted faults were not noticed")
    stage.figures |= {"mutation.killed": killed, "mutation.total": len(valid)}
    stage.summary = (
        f"{killed}/{len(valid)} planted faults noticed, {len(results) - len(valid)} invalid"
    )


@contextmanager
def _copies(root: Path, reached: Mapping[str, str]) -> Iterator[Queue[Module]]:
    with tempfile.TemporaryDirectory(prefix="pat-events-mutants-") as folder:
        copies: Queue[Module] = Queue()
        for number in range(WORKERS):
            base = Path(folder, str(number))
            # With what `terraform init` left: its paths are relative.
            shutil.copytree(root.parent, base, symlinks=True)
            copies.put(Module(base / root.name, **reached))
        yield copies


def _noticed(copy: Module, mutant: Mutant) -> bool | None:
    """Whether a test fails; None where Terraform does not even read it."""
    file = copy.folder / mutant.file
    text = file.read_text("utf-8")
    lines = text.splitlines()
    lines[mutant.line] = mutant.now
    file.write_text("\n".join(lines) + "\n", "utf-8")
    try:
        for name in TESTS.get(mutant.file, TESTS[""]):
            output = copy.run("test", "-json", f"-filter=tests/{name}.tftest.hcl", codes=(0, 1))
            told = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
            summary = next(
                (it["test_summary"] for it in told if it["type"] == "test_summary"), None
            )
            if summary is None or any(_unread(it) for it in told):
                return None
            if summary["status"] != "pass":
                return True
        return False
    finally:
        file.write_text(text, "utf-8")


def _unread(line: Mapping[str, Any]) -> bool:
    """Whether Terraform refuses it whatever the tests: what is handed is incomplete."""
    return line["type"] == "diagnostic" and line["diagnostic"]["summary"] in UNREAD
