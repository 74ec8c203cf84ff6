"""Programs of Prometheus, where they are."""

from __future__ import annotations

import shutil

import pytest


def program(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here: apt-get install prometheus")
    return found


@pytest.fixture(scope="session")
def promtool():
    return program("promtool")


@pytest.fixture(scope="session")
def prometheus():
    return program("prometheus")
