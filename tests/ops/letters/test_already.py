"""Which letters were replayed already, as the records of a retry topic tell."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.record import Delivery, Position
from pat_events.core.replayed import Replay
from pat_events.ops.letters.already import Already

DLQ = "orders.billing.dlq"
ENDS = {(DLQ, partition): (0, 1_000_000) for partition in range(3)}
PLACES = st.tuples(st.integers(0, 2), st.integers(0, 10_000), st.integers(1, 3))


def letter(partition, offset, at_ms=1):
    return Delivery(DLQ, partition, offset, None, None, [], at_ms)


def replay(partition, offset, at_ms=1):
    return Replay("run", Position(DLQ, partition, offset), 1, at_ms)


@given(st.sets(PLACES), st.lists(PLACES))
def test_what_was_noted_last_of_a_place_is_known_and_nothing_else(looked_at, noted):
    already = Already(ENDS)
    for each in noted:
        already.note(replay(*each))
    known = {(partition, offset): at_ms for partition, offset, at_ms in noted}
    for partition, offset, at_ms in looked_at | set(noted):
        is_known = known.get((partition, offset)) == at_ms
        assert (letter(partition, offset, at_ms) in already) == is_known


def test_another_letter_at_the_place_of_one_that_is_gone_was_not_replayed():
    already = Already(ENDS)
    already.note(replay(0, 7, at_ms=1_000))
    assert letter(0, 7, at_ms=1_000) in already
    assert letter(0, 7, at_ms=2_000) not in already


def test_a_replay_that_does_not_tell_the_time_of_its_letter_counts():
    already = Already(ENDS)
    already.note(replay(0, 7, at_ms=0))
    assert letter(0, 7, at_ms=2_000) in already


def test_a_million_letters_take_little():
    tracemalloc.start()
    try:
        already = Already(ENDS)
        for offset in range(0, 1_000_000, 100):
            already.note(replay(0, offset))
        for offset in (-1, 1_000_000, 2**62):
            already.note(replay(0, offset))
        already.note(replay(9, 1))
        assert tracemalloc.get_traced_memory()[0] < 9_000_000
    finally:
        tracemalloc.stop()
