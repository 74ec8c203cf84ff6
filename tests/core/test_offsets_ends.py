from __future__ import annotations

from pat_events.core.offsets import OffsetTracker


def test_an_end_that_was_reached_is_committable_without_any_delivery():
    tracker = OffsetTracker()
    tracker.reach(7)
    assert tracker.committable() == 7


def test_an_end_that_was_reached_does_not_pass_what_is_in_flight():
    tracker = OffsetTracker()
    tracker.start(3, 0)
    tracker.start(4, 0)
    tracker.finish(4)
    tracker.reach(9)
    assert tracker.committable() == 3
    tracker.finish(3)
    assert tracker.committable() == 9


def test_an_older_end_takes_nothing_back():
    tracker = OffsetTracker()
    tracker.start(9, 0)
    tracker.finish(9)
    tracker.reach(4)
    assert tracker.committable() == 10
