"""Programs of Prometheus, where they are."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name):
    found = shutil.which(name)
    if found is None:
        if os.environ.get("PAT_EVENTS_TEST_REQUIRE") == "all":
            pytest.fail(f"{name} is required and not here: apt-get install prometheus")
        pytest.skip(f"{name} is not here: apt-get install prometheus")
    return found


@pytest.fixture(scope="session")
def promtool():
    return program("promtool")


@pytest.fixture(scope="session")
def prometheus():
    return program("prometheus")
