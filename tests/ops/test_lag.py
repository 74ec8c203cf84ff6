from __future__ import annotations

import pytest

from pat_events.ops.lag import _lag


@pytest.mark.parametrize(
    ("committed", "low", "high", "lag"),
    [
        (None, 2, 10, 8),
        (4, 2, 10, 6),
        (10, 2, 10, 0),
        (1, 2, 10, 8),  # retention was quicker
        (100, 0, 10, 10),  # a position in a topic of that name that was deleted
    ],
)
def test_lag_counts_what_is_there_and_not_before_the_position(committed, low, high, lag):
    assert _lag(("t", 0), committed, low, high).lag == lag
