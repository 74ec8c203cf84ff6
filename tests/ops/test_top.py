"""How groups do between two looks at them."""

from __future__ import annotations

import pytest

from pat_events.errors import TransportError
from pat_events.ops.lag import PartitionLag
from pat_events.ops.top import Look, rows
from pat_events.transports.kafka.membership import Member, Membership

ONE = Membership("stable", (Member("m", None, "c", "h", frozenset()),))


def look(at, committed, end, letters=0, ever=0, group="g", who=ONE):
    lags = [PartitionLag("t", 0, committed, end, end - (committed or 0))]
    dead = f"t.{group}.dlq"
    return Look(at, {group: lags}, {group: who}, {dead: letters}, {dead: ever})


def test_rates_are_those_between_two_looks():
    (row,) = rows(look(12.0, 150, 200), look(2.0, 100, 120))
    assert (row.read_rate, row.write_rate) == (5.0, 8.0)
    assert (row.lag, row.lag_s, row.members, row.state) == (50, 10.0, 1, "stable")


def test_the_first_look_tells_no_rate():
    (row,) = rows(look(2.0, 100, 120), None)
    assert (row.read_rate, row.write_rate, row.lag_s) == (None, None, None)


@pytest.mark.parametrize(("committed", "lag_s"), [(120, 0.0), (100, None)])
def test_a_group_that_reads_nothing_is_behind_for_no_time_that_is_known(committed, lag_s):
    (row,) = rows(look(12.0, committed, 120), look(2.0, committed, 120))
    assert row.lag_s == lag_s


def test_a_group_that_was_set_back_has_read_nothing():
    (row,) = rows(look(12.0, 10, 120), look(2.0, 100, 120))
    assert row.read_rate == 0


def test_dead_letters_that_came_are_counted_though_others_were_deleted_meanwhile():
    (row,) = rows(look(12.0, 1, 1, letters=3, ever=9), look(2.0, 1, 1, letters=5, ever=7))
    assert (row.letters, row.letters_more) == (3, 2)


def test_dead_letters_are_those_of_the_group_alone():
    now = look(1.0, 1, 1)
    others = Look(now.at, now.lags, now.members, {"t.other-g.dlq": 4}, {"t.other-g.dlq": 4})
    assert rows(others, None)[0].letters == 0


def test_the_group_that_is_furthest_behind_is_first():
    near, far = look(1.0, 9, 10, group="near"), look(1.0, 0, 10, group="far")
    both = Look(1.0, {**near.lags, **far.lags}, {**near.members, **far.members}, {}, {})
    assert [row.group for row in rows(both, None)] == ["far", "near"]


def test_a_group_that_may_not_be_seen_says_why():
    why = TransportError("not permitted")
    now = Look(1.0, {"g": why}, {"g": why}, {}, {})
    (row,) = rows(now, None)
    assert (row.state, row.members, row.lag) == ("not permitted", None, None)
