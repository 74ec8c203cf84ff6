"""What a thread waits for a processor is told apart from what it costs."""

from __future__ import annotations

import pytest

from perf import processor


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Say how many nanoseconds the thread has waited, in Linux's words."""
    file = tmp_path / "schedstat"
    monkeypatch.setattr(processor, "_TOLD", file)
    return lambda waited_ns: file.write_text(f"7 {waited_ns} 3\n")


def test_only_what_was_waited_since_the_beginning_counts(told):
    told(5_000_000_000)
    turns = processor.Turns()
    told(7_500_000_000)
    assert turns.waited_s() == 2.5
    assert 0.9 < turns.waited_share() < 1


def test_a_thread_that_never_waits_has_no_share(told):
    told(5)
    turns = processor.Turns()
    sum(range(1_000))
    assert (turns.waited_s(), turns.waited_share()) == (0, 0)


def test_where_the_system_does_not_tell_nobody_waits(told):
    turns = processor.Turns()
    assert (turns.waited_s(), turns.waited_share()) == (0, 0)
