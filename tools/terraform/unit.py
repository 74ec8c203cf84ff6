"""Stages that need no AWS: formatting, validity, module tests with a mocked provider."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from pat_events.catalog.load import check_catalog
from pat_events.errors import ConfigError
from tools.terraform.provider import environ, served
from tools.terraform.workspace import (
    ROOT,
    TERRAFORM,
    Module,
    TerraformError,
    terraform,
    workspace,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.terraform.report import Stage

# Each test starts the provider, which takes a core for two seconds.
WORKERS = 2
# Beside the root's other tests: these run once for each environment.
ENVIRONMENT_TESTS = "tests/environments"
CATALOG = ROOT / "schemas" / "catalog.yaml"
CATALOGS = TERRAFORM / "tests" / "catalogs"


class Tests(NamedTuple):
    """The tests of one folder, or another set of them with its arguments."""

    module: Module
    arguments: tuple[str, ...] = ()


class Tested(NamedTuple):
    """How the tests of one folder went; ``said`` is what the failed ones reported."""

    name: str
    passed: int
    failed: int
    said: list[str]
    took_s: float


def catalog(stage: Stage) -> None:
    """The package accepts each catalogue that is planned; ``faulty*`` are there to be refused."""
    checked = [CATALOG, *sorted(CATALOGS.glob("*.yaml"))]
    for file in checked:
        wanted = not file.name.startswith("faulty")
        try:
            check_catalog(file)
        except ConfigError as problem:
            if wanted:
                stage.fault(str(problem))
        else:
            if not wanted:
                stage.fault(f"{file} is not refused")
    stage.summary = f"{len(checked)} catalogues"


def fmt(stage: Stage) -> None:
    """Every file has Terraform's own format."""
    done = subprocess.run(
        [terraform(), "fmt", "-check", "-recursive", str(TERRAFORM)],
        env=environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    for name in done.stdout.split():
        stage.fault(f"{name} is not formatted: run `terraform fmt {name}`")
    if done.returncode and not done.stdout.strip():
        stage.fault(done.stderr.strip())
    stage.summary = f"{sum(1 for _ in TERRAFORM.rglob('*.tf'))} files"


def validate(stage: Stage) -> None:
    """The root and every example are valid; modules are validated by their tests."""
    with workspace() as root:
        folders = [root, *sorted(p for p in (root / "examples").iterdir() if p.is_dir())]
        with ThreadPoolExecutor(WORKERS) as pool:
            for problem in pool.map(_invalid, folders):
                if problem:
                    stage.fault(problem)
    stage.summary = ", ".join(folder.name for folder in folders)


def _invalid(folder: Path) -> str:
    try:
        Module(folder).run("validate")
    except TerraformError as problem:
        return str(problem)
    return ""


def unit(stage: Stage) -> None:
    """Every module has tests and they pass: what is created, and what is refused."""
    with workspace() as root:
        folders = sorted(p for p in (root / "modules").iterdir() if p.is_dir())
        Module(root).run("version")
        with served(root) as reached, ThreadPoolExecutor(WORKERS) as pool:
            results = []
            for result in pool.map(_test, _tests(root, folders, reached)):
                stage.say(f"{result.name}: {result.passed} passed ({result.took_s:.0f} s)")
                for line in result.said:
                    stage.fault(f"{result.name}: {line}")
                results.append(result)
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    stage.figures |= {"unit.passed": passed, "unit.failed": failed}
    stage.summary = (
        f"{passed} passed, {failed} failed in {len(folders)} modules, the root and its environments"
    )


def _tests(root: Path, folders: Sequence[Path], reached: Mapping[str, str]) -> list[Tests]:
    platform = Module(root, **reached)
    return [
        # The slowest first, so that no worker is left with it at the end.
        *(
            Tests(platform, (f"-filter={file.relative_to(root)}",))
            for file in sorted(root.glob("tests/*.tftest.hcl"))
        ),
        *(Tests(Module(folder, **reached)) for folder in folders),
        *(
            Tests(platform, (f"-test-directory={ENVIRONMENT_TESTS}", f"-var-file={file}"))
            for file in sorted((root / "environments").glob("*.tfvars"))
        ),
    ]


def _test(tests: Tests) -> Tested:
    start = time.perf_counter()
    file = tests.arguments[-1].split("/")[-1].split(".")[0] if tests.arguments else ""
    name = f"{tests.module.folder.name} {file}".strip()
    try:
        output = tests.module.run("test", "-json", *tests.arguments, codes=(0, 1))
    except TerraformError as problem:
        return Tested(name, 0, 1, [str(problem)], time.perf_counter() - start)
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    summary = next((r["test_summary"] for r in lines if r["type"] == "test_summary"), None)
    said = [
        f"{r.get('@testrun', r.get('@testfile', ''))}: {r['@message']}"
        f" {r['diagnostic'].get('detail', '')}"
        for r in lines
        if r["type"] == "diagnostic" and r["@level"] == "error"
    ]
    passed = summary["passed"] if summary else 0
    failed = sum(summary[key] for key in ("failed", "errored", "skipped")) if summary else 0
    if not passed and not failed:
        failed, said = 1, said or ["there is no test"]
    elif failed and not said:
        said = [f"{failed} failed or were skipped"]
    return Tested(name, passed, failed, said, time.perf_counter() - start)
