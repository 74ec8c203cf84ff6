"""Until when messages are kept, by what was asked and what was answered."""

from __future__ import annotations

import pytest

from pat_events.consumer.queue.visibility import Visibility
from pat_events.transports.queue import QueueMessage

VISIBILITY_S, MOST_S = 40, 1_000
HALF_S = VISIBILITY_S / 2


def message(name="m"):
    return QueueMessage(
        "q",
        None,
        b"",
        [],
        0,
        message_id=name,
        receipt=name,
        receive_count=1,
        group=None,
        first_received_ms=0,
    )


@pytest.fixture
def visibility():
    return Visibility(VISIBILITY_S, MOST_S)


def test_what_got_no_answer_is_asked_again_several_times_before_it_is_over(visibility):
    m = message()
    visibility.received([m], 0.0)
    asked = []
    while visibility.next_due < VISIBILITY_S:
        now = visibility.next_due
        assert visibility.take_due(now) == {VISIBILITY_S: [m]}
        asked.append(now)
    assert asked == [20, 25, 30, 35]
    visibility.extended([m], VISIBILITY_S, 25.0)
    assert visibility.next_due == 25 + HALF_S
    assert not visibility.is_over(m, 64.9)
    assert visibility.is_over(m, 65.0)


def test_an_answer_that_comes_late_does_not_take_back_what_a_later_one_said(visibility):
    m = message()
    visibility.received([m], 0.0)
    visibility.take_due(20.0)
    visibility.take_due(25.0)
    visibility.extended([m], VISIBILITY_S, 25.0)
    visibility.extended([m], VISIBILITY_S, 20.0)
    assert not visibility.is_over(m, 64.9)
    visibility.gone(m)
    visibility.extended([m], VISIBILITY_S, 30.0)
    assert visibility.is_over(m, 30.0)


def test_one_that_failed_is_asked_again_at_once_and_not_twice(visibility):
    m = message()
    visibility.received([m], 0.0)
    visibility.take_due(20.0)
    visibility.not_extended([m], 20.5)
    assert visibility.next_due == 21.5
    visibility.take_due(21.5)
    assert visibility.next_due == 26.5


def test_nothing_is_asked_for_what_is_not_here_any_more(visibility):
    m = message()
    visibility.received([m], 0.0)
    visibility.take_due(20.0)
    visibility.ended(m)
    assert visibility.take_due(100.0) == {}
