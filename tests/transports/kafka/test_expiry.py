from __future__ import annotations

import pytest

from pat_events.transports.kafka.expiry import GRAIN_S, Expiry


@pytest.fixture
def expiry():
    return Expiry(timeout_s=10)


def test_a_record_may_wait_as_long_as_was_chosen_and_no_longer(expiry):
    assert not expiry.look(100, 3)
    assert not expiry.look(109.9, 5)
    assert expiry.over == 0
    assert expiry.look(110, 5)
    assert not expiry.look(110, 5)
    assert (expiry.over, expiry.taken_by) == (3, 100)
    expiry.look(119.9, 5)
    assert (expiry.over, expiry.taken_by) == (5, 109.9)


def test_no_record_is_over_before_its_time_however_close_they_come(expiry):
    # The second came between two looks at the clock.
    expiry.look(100, 1)
    expiry.look(100 + GRAIN_S / 2, 2)
    expiry.look(110, 2)
    assert expiry.over == 1
    expiry.look(100 + 3 * GRAIN_S + 10, 2)
    expiry.look(120, 2)
    assert expiry.over == 2


def test_what_is_remembered_is_bounded_by_time_and_not_by_records(expiry):
    for number in range(100_000):
        expiry.look(number / 1000, number)
    assert len(expiry._marks) <= 10 / GRAIN_S + 1
