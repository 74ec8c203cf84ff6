"""Ports of parts that start at the same time, in one process or in several."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import pytest

from tools.stack import part
from tools.stack.errors import StackError
from tools.stack.settings import ROOT

# Beside those of running parts, which are random.
FEW = range(19_990, 19_994)


@pytest.fixture(autouse=True)
def few_ports(monkeypatch, tmp_path):
    """Few ports, none of which anybody keeps."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(part, "NATIVE_PORTS", FEW)
    monkeypatch.setattr(part, "_reserved_ports", set())
    monkeypatch.setattr(part, "_ports_file", cache(part._ports_file.__wrapped__))
    yield
    os.close(part._ports_file())


def test_a_port_is_handed_out_once_although_nothing_listens_there_yet():
    assert {*part.free_ports(2), *part.free_ports(2)} == {*FEW}
    with pytest.raises(StackError, match="no 1 free ports"):
        part.free_ports(1)


def test_no_other_process_gets_it():
    ours = part.free_ports(2)
    program = (
        "from tools.stack import part\n"
        f"part.NATIVE_PORTS = {FEW!r}\n"
        "print(*part.free_ports(2))\n"
        "part.free_ports(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert {*ours, *map(int, done.stdout.split())} == {*FEW}
    assert "no 1 free ports" in done.stderr
