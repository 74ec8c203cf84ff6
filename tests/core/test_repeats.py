from __future__ import annotations

from pat_events.core.repeats import Repeats


def test_the_first_of_a_kind_is_shown_and_the_rest_of_its_window_counted():
    repeats = Repeats(30)
    assert [repeats.note("a", now) for now in (0, 1, 29.9)] == [0, None, None]
    assert repeats.note("b", 2) == 0
    assert repeats.note("a", 30) == 2
    assert repeats.note("a", 31) is None


def test_what_was_counted_is_summed_up_once_its_window_is_over_and_a_new_one_begins():
    repeats = Repeats(30)
    repeats.note("a", 0)
    repeats.note("a", 1)
    repeats.note("b", 0)
    assert repeats.sum_up(29) == []
    assert repeats.sum_up(30) == [("a", 1)]
    assert repeats.note("a", 31) is None
    assert repeats.sum_up(60) == [("a", 1)]
    # Nothing of the kind in a whole window: the next is shown at once.
    assert repeats.sum_up(90) == []
    assert repeats.note("a", 91) == 0


def test_at_the_end_all_of_it_is_summed_up():
    repeats = Repeats(30)
    repeats.note("a", 0)
    repeats.note("a", 1)
    assert repeats.sum_up(2, all_of_it=True) == [("a", 1)]


def test_ever_new_kinds_do_not_fill_the_memory():
    repeats = Repeats(1)
    for n in range(1_000):
        repeats.note(n, n)
    assert len(repeats._seen) <= 11
