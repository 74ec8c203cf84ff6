"""Which files are read as a catalogue, and what its Python module may do."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import message

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.errors import CatalogError, ConfigError

CATALOG = Path(__file__).parents[2] / "schemas/catalog.yaml"


def test_a_pipe_is_no_catalogue(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"the catalogue .*pipe is no regular file"):
        load_catalog(tmp_path / "pipe")


def test_a_file_is_parsed_once_and_again_when_it_has_changed(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_bytes(CATALOG.read_bytes())
    before = load_catalog(path)
    assert load_catalog(path) is before
    path.write_text(path.read_text("utf-8").replace("retention_days: 7", "retention_days: 8"))
    after = load_catalog(path)
    assert after != before
    path.write_text("version: 1\n")
    with pytest.raises(CatalogError):
        load_catalog(path)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
def test_a_device_or_a_directory_is_no_catalogue(path):
    with pytest.raises(ConfigError, match="is no regular file"):
        load_catalog(Path(path))


def test_a_file_of_gigabytes_is_no_catalogue(tmp_path):
    path = tmp_path / "catalog.yaml"
    with path.open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(ConfigError, match="has 8589934592 bytes: it is something else"):
        load_catalog(path)


def test_a_path_that_no_file_can_have_is_a_configuration_error():
    with pytest.raises(ConfigError, match="cannot be read: embedded null byte"):
        load_catalog(Path("a\0b"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('no\\nway')", r"ValueError: no\nway"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('x' * 1_000_000)", "ValueError: xxx"),
        ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
    ],
)
def test_a_module_that_raises_is_reported_with_the_line_of_its_name(
    tmp_path, monkeypatch, code, reason
):
    (tmp_path / "hostile_events.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "hostile_events", raising=False)
    catalog = replace(load_catalog(), python_module="hostile_events")
    line = catalog.lines.lines["python_module",]
    with pytest.raises(CatalogError) as caught:
        EventTypes(catalog)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{line}: python_module: 'hostile_events' cannot be imported: ")
    assert problem.partition("imported: ")[2].startswith(reason)
    assert len(problem) < 1_000


def test_the_base_of_all_messages_is_no_event():
    catalog = load_catalog()
    event = replace(catalog.event("EmailReceived"), name="Message")
    catalog = replace(catalog, python_module=message.__name__, events={"Message": event})
    with pytest.raises(CatalogError, match="has no message class of that name"):
        EventTypes(catalog)
