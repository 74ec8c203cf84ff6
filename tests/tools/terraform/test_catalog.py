"""A catalogue the package refuses is refused before a plan."""

from tools.terraform import unit
from tools.terraform.report import Stage


def test_the_catalogues_that_are_planned_here_are_good():
    stage = Stage("catalog")
    unit.catalog(stage)
    assert stage.faults == []


def test_a_fault_of_the_catalogue_is_told_with_its_line(tmp_path, monkeypatch):
    file = tmp_path / "catalog.yaml"
    file.write_text(unit.CATALOG.read_text().replace("schedules:", "schedule:"))
    monkeypatch.setattr(unit, "CATALOG", file)
    stage = Stage("catalog")
    unit.catalog(stage)
    (fault,) = stage.faults
    assert fault.startswith(f"{file}:")
    assert fault.endswith("schedule: unknown key; did you mean 'schedules'?")


def test_a_faulty_one_that_is_not_refused_is_a_fault(tmp_path, monkeypatch):
    (tmp_path / "faulty.yaml").write_text(unit.CATALOG.read_text())
    monkeypatch.setattr(unit, "CATALOGS", tmp_path)
    stage = Stage("catalog")
    unit.catalog(stage)
    (fault,) = stage.faults
    assert fault.endswith("faulty.yaml is not refused")
