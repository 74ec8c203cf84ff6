"""What a group counts of what happened."""

from __future__ import annotations

import pytest

from pat_events import ConsumerStats
from pat_events import telemetry as told
from pat_events.core.record import Position
from pat_events.telemetry.counts import Counts

AT = Position("pat-emails", 0, 7)
PARTITIONS = (("pat-emails", 0),)
NO = ValueError("no")


@pytest.fixture
def counts():
    counts = Counts()
    counts.saw(told.Delivered("pat-emails", 0, 10, skipped=3))
    return counts


def test_what_nobody_handles_is_delivered_and_never_in_flight(counts):
    assert counts.stats == ConsumerStats(delivered=10, skipped=3, in_flight=7)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        (told.Handled(4), {"handled": 4, "in_flight": 3}),
        (told.DeadLettered(AT, "letters", "handle", "error"), {"dead_lettered": 1, "in_flight": 6}),
        (told.Revoked(PARTITIONS, 5), {"returned": 5, "in_flight": 2}),
        (told.Lost(PARTITIONS, 7), {"returned": 7, "in_flight": 0}),
        (told.Retried(AT, "handle", 1, NO, 0.5), {"retried": 1}),
        (told.Held(AT, "handle", NO, 0.5), {"held": 1}),
        (told.GivenUp(AT, "handle", 5, "attempts-exhausted", NO), {}),
        (told.Assigned(PARTITIONS), {}),
        (told.Committed({PARTITIONS[0]: 8}), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_delivery_ends_in_one_count_and_is_in_flight_until_then(counts, what, changed):
    expected = {"delivered": 10, "skipped": 3, "in_flight": 7, **changed}
    counts.saw(what)
    assert counts.stats == ConsumerStats(**expected)


def test_a_snapshot_does_not_go_on_changing(counts):
    snapshot = counts.snapshot()
    counts.saw(told.Handled(1))
    assert (snapshot.handled, counts.stats.handled) == (0, 1)
