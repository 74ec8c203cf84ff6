"""Stage checkov: the rules of others, offline, in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tools.stack.downloads import virtual_environment
from tools.terraform.workspace import ROOT, TERRAFORM

if TYPE_CHECKING:
    from tools.terraform.report import Stage

LOCK = ROOT / "requirements" / "checkov.txt"
SCAN_WAIT_S = 300
MIN_REASON_CHARS = 20


def checkov(stage: Stage) -> None:
    """No check fails, and each one left out says why."""
    found = _scan()
    failed = found["results"]["failed_checks"]
    skipped = found["results"]["skipped_checks"]
    for check in failed:
        stage.fault(f"{_where(check)}: {check['check_id']} {check['check_name']}")
    for check in skipped:
        reason = check["check_result"].get("suppress_comment") or ""
        if len(reason) < MIN_REASON_CHARS:
            stage.fault(f"{_where(check)}: {check['check_id']} is skipped without a reason")
    for error in found["results"].get("parsing_errors", []):
        stage.fault(f"{error} could not be read")
    passed = len(found["results"]["passed_checks"])
    stage.figures |= {"checkov.failed": len(failed), "checkov.skipped": len(skipped)}
    stage.summary = f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped with a reason"


def _scan() -> dict[str, Any]:
    command = [
        # Not its script: that names the folder it was installed in before it was renamed.
        *(str(virtual_environment("checkov", LOCK)), "-m", "checkov.main"),
        f"--directory={TERRAFORM}",
        "--framework=terraform",
        "--skip-path=/tests/",
        "--skip-download",
        "--download-external-modules=false",
        "--output=json",
        "--soft-fail",
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore", "LOG_LEVEL": "ERROR"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SCAN_WAIT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"checkov failed:\n{done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if "results" not in found:
        raise RuntimeError(f"checkov found nothing to check in {TERRAFORM}")
    return found


def _where(check: dict[str, Any]) -> str:
    return f"{check['file_path'].lstrip('/')}:{check['file_line_range'][0]} {check['resource']}"
