from __future__ import annotations

import json

from tools.terraform import report
from tools.terraform.report import Stage, write


def test_dotted_figures_become_nested_objects(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "FILE", tmp_path / "build" / "terraform.json")
    write(
        [
            Stage("unit", figures={"unit.passed": 3, "unit.failed": 0}),
            Stage("root", figures={"root.applied": 2, "events_delivered": "6/6"}),
        ]
    )
    assert json.loads(report.FILE.read_text()) == {
        "unit": {"passed": 3, "failed": 0},
        "root": {"applied": 2},
        "events_delivered": "6/6",
    }


def test_a_stage_with_a_fault_says_so_in_its_line():
    stage = Stage("fmt")
    assert " ok " in stage.line
    stage.fault("main.tf is not formatted")
    assert "1 fault(s)" in stage.line
