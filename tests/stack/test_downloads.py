from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.stack.downloads import cached


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pat-events"


def test_what_two_want_at_once_is_fetched_once():
    fetches = []

    def fill(folder):
        fetches.append(folder)
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
