"""What is published is whole."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The .proto is what others import EventMetadata from.
DATA = ("catalog.yaml", "catalog.schema.json", "events.avsc", "events.proto")


def build(target, folder, into):
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)]
    subprocess.run(command, cwd=folder, check=True, timeout=280, capture_output=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The unpacked source archive."""
    folder = tmp_path_factory.mktemp("source")
    build("sdist", ROOT, folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


def test_a_source_archive_has_the_package_and_nothing_else_of_the_repository(source):
    # hatchling adds its own list of what is not built, and what makes an archive.
    expected = {"CHANGELOG.md", "LICENSE", "README.md", "src"}
    assert {path.name for path in source.iterdir()} == expected | {
        ".gitignore",
        "PKG-INFO",
        "pyproject.toml",
    }
    assert [path.name for path in (source / "src").iterdir()] == ["pat_events"]
    assert list(source.rglob("README.md")) == [source / "README.md"]


def test_a_wheel_made_from_the_source_archive_has_the_schemas(source, tmp_path):
    build("wheel", source, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"pat_events/schemas/{name}" for name in DATA} | {"pat_events/py.typed"} <= set(names)
