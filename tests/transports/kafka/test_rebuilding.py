from __future__ import annotations

import pytest

from pat_events.transports.kafka.rebuild_backoff import FIRST_S, MAX_S, RebuildBackoff


@pytest.fixture
def pace():
    return RebuildBackoff()


def test_the_first_rebuild_is_at_once(pace):
    assert pace.due(0)
    pace.begin(0, settled=0)
    assert pace.due(0)


def test_rebuilds_that_do_not_help_are_further_and_further_apart(pace):
    now, waits = 100.0, []
    pace.begin(now, settled=5)
    for _ in range(10):
        pace.begin(now, settled=5)
        wait = next(n for n in range(20_000) if pace.due(now + n / 1000)) / 1000
        waits.append(wait)
        now += wait
    assert waits[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert waits[-2:] == [MAX_S, MAX_S]


def test_a_rebuild_that_helped_begins_the_count_anew(pace):
    pace.begin(0, settled=5)
    pace.begin(9, settled=5)
    assert not pace.due(9)
    pace.begin(9.9, settled=6)
    assert pace.due(9.9)


def test_an_error_long_after_the_last_rebuild_is_a_new_one(pace):
    pace.begin(0, settled=5)
    pace.begin(MAX_S + 1, settled=5)
    assert pace.due(MAX_S + 1)
