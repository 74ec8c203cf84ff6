"""What is published is whole."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ("catalog.yaml", "catalog.schema.json", "events.avsc")


def test_a_wheel_made_from_the_source_archive_has_the_schemas(tmp_path):
    def build(target, folder):
        command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(tmp_path)]
        subprocess.run(command, cwd=folder, check=True, timeout=100, capture_output=True)

    build("sdist", ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    build("wheel", folder)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"pat_events/schemas/{name}" for name in DATA} | {"pat_events/py.typed"} <= set(names)
