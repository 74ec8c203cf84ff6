import importlib
import subprocess
import sys

import pytest

from pat_events import events
from tools import proto

MODULE = "pat_events.events.events_pb2"


def test_what_is_generated_is_that_of_the_schema():
    command = [sys.executable, "-m", "tools.proto", "--check"]
    run = subprocess.run(
        command, cwd=proto.ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.fixture(scope="module")
def files():
    return proto.generate()


@pytest.mark.parametrize(
    "name",
    [
        "src/pat_events/events/__init__.py",
        "src/pat_events/events/events_pb2.py",
        "src/pat_events/events/events_pb2.pyi",
        "schemas/events.avsc",
    ],
)
def test_a_generated_file_that_was_edited_or_lost_is_noticed(tmp_path, files, name):
    for each, text in files.items():
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_text(text, "utf-8")
    assert proto.stale(files, tmp_path) == []
    (tmp_path / name).write_text(files[name] + "# edited\n", "utf-8")
    assert proto.stale(files, tmp_path) == [name]
    (tmp_path / name).unlink()
    assert proto.stale(files, tmp_path) == [name]


def test_a_check_of_stale_files_fails_and_says_what_to_run(tmp_path, capsys):
    assert proto.main(["--check"], tmp_path) == 1
    assert "stale, run make proto" in capsys.readouterr().err
    assert proto.main([], tmp_path) == 0
    assert proto.main(["--check"], tmp_path) == 0


def test_every_message_and_enum_can_be_imported_from_one_place():
    generated = importlib.import_module(MODULE)
    file = generated.DESCRIPTOR
    names = [*file.message_types_by_name, *file.enum_types_by_name]
    assert events.__all__ == sorted(names)
    assert all(getattr(events, name) is getattr(generated, name) for name in names)


def test_the_file_is_registered_under_a_name_that_no_other_package_uses():
    assert importlib.import_module(MODULE).DESCRIPTOR.name == "pat_events/events/events.proto"


def test_every_enum_begins_with_not_specified():
    for enum in importlib.import_module(MODULE).DESCRIPTOR.enum_types_by_name.values():
        assert enum.values_by_number[0].name.endswith("_UNSPECIFIED")
