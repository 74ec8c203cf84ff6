from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.stack.downloads import cached, virtual_environment
from tools.stack.errors import MissingToolError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pat-events"


def test_what_two_want_at_once_is_fetched_once():
    fetches = []

    def fill(folder):
        fetches.append(folder)
        time.sleep(0.3)  # long enough for the other to come
        (folder / "jar").write_text("whole")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: cached("jars", fill), range(2))
    assert (first / "jar").read_text() == "whole"
    assert first == second
    assert len(fetches) == 1


def test_a_fetch_that_fails_leaves_nothing_and_is_tried_again(cache):
    def fail(folder):
        (folder / "half").write_text("half")
        raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        cached("jars", fail)
    assert list(cache.glob("jars*")) == [cache / "jars.lock"]
    assert cached("jars", lambda folder: (folder / "jar").touch()).name == "jars"


def test_a_python_that_cannot_be_had_is_named_with_its_installation(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.touch()
    with pytest.raises(MissingToolError, match=r"tool needs Python 3\.99: install it"):
        virtual_environment("tool", lock, version=(3, 99))
