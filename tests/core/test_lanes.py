from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.lanes import Lanes
from pat_events.core.record import Delivery


def delivery(offset, key=b"k"):
    return Delivery("t", 0, offset, key, b"", [], 0)


def offsets(deliveries):
    return [it.offset for it in deliveries]


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=40), st.integers(0))
def test_events_of_a_lane_run_one_after_another_in_log_order(keys, seed):
    random = Random(seed)  # noqa: S311 - a schedule, not a secret
    lanes = Lanes("key")
    to_add = [delivery(offset, key) for offset, key in enumerate(keys)]
    ran = defaultdict(list)
    running = {}
    while to_add or running or lanes.waiting:
        if to_add and random.random() < 0.5:
            lanes.add(to_add.pop(0))
        for lane in lanes.take_ready():
            assert lane.key not in running, "a lane ran twice at once"
            running[lane.key] = (lane, lanes.take(lane, random.randint(1, 3)))
        if running and random.random() < 0.5:
            lane, taken = running.pop(random.choice(sorted(running)))
            done = random.randint(0, len(taken))
            ran[lane.key] += offsets(taken[:done])
            lanes.put_back(lane, taken[done:])
            lanes.release(lane)
        assert lanes.waiting == sum(len(lane.waiting) for lane in lanes._lanes.values())
    assert ran == {
        key: [offset for offset, other in enumerate(keys) if other == key] for key in set(keys)
    }
    assert len(lanes) == 0


def test_a_busy_lane_is_not_ready_again_before_its_release():
    lanes = Lanes("key")
    lanes.add(delivery(0))
    (lane,) = lanes.take_ready()
    lanes.take(lane, 1)
    lanes.add(delivery(1))
    assert lanes.take_ready() == []
    lanes.release(lane)
    assert lanes.take_ready() == [lane]


def test_events_without_a_key_do_not_wait_for_each_other():
    lanes = Lanes("key")
    lanes.add(delivery(0, None))
    lanes.add(delivery(1, None))
    assert len(lanes.take_ready()) == 2


def test_an_empty_key_is_a_key():
    lanes = Lanes("key")
    lanes.add(delivery(0, b""))
    lanes.add(delivery(1, b""))
    assert len(lanes.take_ready()) == 1


@pytest.mark.parametrize(("order", "expected"), [("key", 2), ("partition", 1), ("none", 3)])
def test_the_order_decides_what_runs_side_by_side(order, expected):
    lanes = Lanes(order)
    for offset, key in enumerate([b"a", b"b", b"a"]):
        lanes.add(delivery(offset, key))
    assert len(lanes.take_ready()) == len(lanes) == expected


def test_a_partition_in_order_has_one_lane_for_events_without_a_key_too():
    lanes = Lanes("partition")
    lanes.add(delivery(0, None))
    lanes.add(delivery(1, b"a"))
    assert len(lanes.take_ready()) == 1


def test_what_is_put_back_runs_before_what_came_later():
    lanes = Lanes("key")
    for offset in range(3):
        lanes.add(delivery(offset))
    (lane,) = lanes.take_ready()
    taken = lanes.take(lane, 2)
    assert lanes.waiting == 1
    lanes.put_back(lane, taken[1:])
    assert lanes.waiting == 2
    lanes.release(lane)
    (again,) = lanes.take_ready()
    assert offsets(lanes.take(again, 10)) == [1, 2]
    assert lanes.waiting == 0


def test_a_lane_ends_when_nothing_waits_in_it():
    lanes = Lanes("key")
    lanes.add(delivery(0))
    (lane,) = lanes.take_ready()
    lanes.take(lane, 1)
    assert len(lanes) == 1
    lanes.release(lane)
    assert len(lanes) == 0
