from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.offsets import OffsetTracker


@st.composite
def schedules(draw):
    """Offsets with gaps, and an order of starts and finishes in which starts ascend."""
    gaps = draw(st.lists(st.integers(1, 5), min_size=1, max_size=40))
    offsets = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    steps = []
    waiting = list(offsets)
    running = []
    while waiting or running:
        starts = waiting and (not running or draw(st.booleans()))
        if starts:
            running.append(waiting.pop(0))
            steps.append(("start", running[-1]))
        else:
            steps.append(("finish", running.pop(draw(st.integers(0, len(running) - 1)))))
    return steps


@given(schedules())
def test_no_schedule_makes_an_unsettled_offset_committable(steps):
    tracker = OffsetTracker()
    unsettled = set()
    last = None
    for action, offset in steps:
        if action == "start":
            tracker.start(offset, 0)
            unsettled.add(offset)
            last = offset
        else:
            tracker.finish(offset)
            unsettled.discard(offset)
        assert tracker.committable() == min(unsettled, default=last + 1)
        assert len(tracker) == len(unsettled)


@given(schedules())
def test_the_committable_offset_never_goes_back(steps):
    tracker = OffsetTracker()
    seen = -1
    for action, offset in steps:
        tracker.start(offset, 0) if action == "start" else tracker.finish(offset)
        assert tracker.committable() >= seen
        seen = tracker.committable()
    assert len(tracker) == 0


def test_nothing_is_committable_before_the_first_delivery():
    tracker = OffsetTracker()
    assert tracker.committable() is None
    assert tracker.to_commit() is None


def test_finishing_twice_is_ignored():
    tracker = OffsetTracker()
    tracker.start(7, 0)
    tracker.start(8, 0)
    tracker.finish(7)
    tracker.finish(7)
    assert tracker.committable() == 8
    assert len(tracker) == 1


def test_an_offset_is_committed_once():
    tracker = OffsetTracker()
    tracker.start(4, 0)
    tracker.finish(4)
    assert tracker.to_commit() == 5
    tracker.committed(5)
    assert tracker.to_commit() is None
    tracker.start(5, 0)
    assert tracker.to_commit() is None
    tracker.finish(5)
    assert tracker.to_commit() == 6


@given(schedules(), st.data())
def test_the_size_in_flight_is_that_of_the_unsettled(steps, data):
    tracker = OffsetTracker()
    sizes = {}
    for action, offset in steps:
        if action == "start":
            sizes[offset] = data.draw(st.integers(0, 9))
            tracker.start(offset, sizes[offset])
        else:
            del sizes[offset]
            tracker.finish(offset)
            tracker.finish(offset)
        assert tracker.value_bytes == sum(sizes.values())
