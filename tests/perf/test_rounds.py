"""A busy machine gets fewer rounds, so that a run ends in minutes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from perf import rounds as perf


@pytest.mark.parametrize(("round_s", "rounds"), [(16, 5), (20, 5), (30, 4), (60, 2), (900, 1)])
def test_rounds_go_on_for_as_long_as_they_may_take_together(monkeypatch, round_s, rounds):
    now = 0
    monkeypatch.setattr(perf, "time", SimpleNamespace(monotonic=lambda: now))
    done = []
    for number in perf.counted(5):
        done.append(number)
        now += round_s
    assert done == list(range(rounds))
