"""How long to leave alone what has failed."""

from __future__ import annotations

from pat_events.core.recovery.pause import Pause


def double(times):
    return 2.0**times


def test_pauses_grow_until_something_is_answered():
    pause = Pause()
    assert pause.until < 0
    now, waits = 0.0, []
    for _ in range(3):
        pause.failed(now, now + 1, double)
        waits.append(pause.until - now - 1)
        now = pause.until
    pause.answered()
    pause.failed(now, now + 1, double)
    assert [*waits, pause.until - now - 1] == [2, 4, 8, 2]


def test_requests_that_were_under_way_together_are_one_failure():
    pause = Pause()
    for now in (5.0, 6.0, 30.0):
        pause.failed(4.0, now, double)
        assert pause.until == 7.0
    pause.failed(8.0, 30.0, double)
    assert pause.until == 34.0
