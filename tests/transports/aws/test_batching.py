"""What goes into the next call, and what its answer means: no threads, no time."""

from __future__ import annotations

import random
from itertools import count

import pytest

from pat_events.errors import TransportError
from pat_events.transports.aws.batching import Batching, Entry, Limits, Refused, Taken
from pat_events.transports.sending import Outgoing

LIMITS = Limits(entries=10, size=100, calls=4, linger_s=1.0, retry_first_s=2.0, retry_max_s=8.0)
NO_LINGER = LIMITS._replace(linger_s=0.0)
THROTTLED = Refused(TransportError("throttled"), again=True)
REFUSED = Refused(TransportError("no"))
ONE_IS_BAD = Refused(TransportError("one of them"), may_be_one=True)


def entry(name="e", size=1, group=None, destination="d", at=0.0):
    outgoing = Outgoing("t", None, name.encode(), [], 0)
    return Entry(outgoing, destination, destination, {}, size, group, at)


def names(entries):
    return [it.outgoing.value.decode() for it in entries]


def batching(*entries, limits=NO_LINGER):
    made = Batching(limits)
    for each in entries:
        made.add(each)
    return made


def all_calls(made, now=0.0):
    return [names(call) for call in iter(lambda: made.next_call(now), [])]


class TestWhatGoesIntoACall:
    def test_ten_at_most_and_no_more_bytes_than_the_bus_takes(self):
        assert [len(it) for it in all_calls(batching(*(entry() for _ in range(23))))] == [10, 10, 3]
        sizes = (60, 40, 1, 99, 100)
        made = batching(*(entry(str(size), size) for size in sizes))
        assert all_calls(made) == [["60", "40"], ["1", "99"], ["100"]]

    def test_only_what_goes_to_the_same_place_and_each_place_has_its_turn(self):
        made = batching(
            *(entry("a", destination="a") for _ in range(20)),
            *(entry("b", destination="b") for _ in range(2)),
        )
        assert [set(it) for it in all_calls(made)] == [{"a"}, {"b"}, {"a"}]

    def test_company_is_waited_for_as_long_as_it_is_said_and_not_when_expedited(self):
        made = batching(entry("a", at=5.0), entry("b", at=5.9), limits=LIMITS)
        assert made.next_call(5.9) == []
        assert made.due() == 6.0
        assert names(made.next_call(6.0)) == ["a", "b"]
        made.add(entry("c", at=6.0))
        assert names(made.next_call(6.0, expedite=True)) == ["c"]

    @pytest.mark.parametrize("full", [[1] * 10, [50, 50]])
    def test_what_is_full_waits_for_nobody(self, full):
        made = batching(*(entry(size=size) for size in full), limits=LIMITS)
        assert made.due() == 0.0
        assert len(made.next_call(0.0)) == len(full)

    def test_there_are_no_more_calls_at_a_time_than_allowed(self):
        made = batching(*(entry() for _ in range(100)))
        assert len(all_calls(made)) == 4
        assert (made.is_busy, made.due()) == (True, None)

    def test_what_nobody_waits_for_any_more_is_not_sent(self):
        first, second = entry("a"), entry("b")
        made = batching(first, entry("c"), second)
        first.over = second.over = True
        assert all_calls(made) == [["c"]]
        assert made.due() is None


class TestAnswers:
    def test_only_what_was_refused_for_a_while_is_sent_again(self):
        made = batching(entry("a"), entry("b"), entry("c"))
        call = made.next_call(0.0)
        settled = made.done(call, [Taken("1"), THROTTLED, REFUSED], 10.0, 0.0)
        assert [(names([it]), answer) for it, answer in settled] == [
            (["a"], Taken("1")),
            (["c"], REFUSED),
        ]
        assert made.next_call(11.9) == []
        assert made.due() == 12.0
        assert names(made.next_call(12.0)) == ["b"]

    def test_waits_grow_to_their_limit_and_half_of_each_is_random(self):
        made = batching(entry())
        now, waits = 0.0, []
        for random_number in (0.0, 0.0, 0.0, 0.0, 0.999999):
            made.done(made.next_call(now), [THROTTLED], now, random_number)
            waits.append(round(made.due() - now, 3))
            now = made.due()
        assert waits == [2.0, 4.0, 8.0, 8.0, 4.0]

    def test_a_call_that_failed_pauses_its_place_alone_and_is_repeated_in_order(self):
        made = batching(*(entry(str(n)) for n in range(3)), entry("o", destination="other"))
        call = made.next_call(0.0)
        made.add(entry("3"))
        assert made.done(call, THROTTLED, 0.0, 0.0) == []
        assert all_calls(made, 1.9) == [["o"]]
        assert names(made.next_call(2.0)) == ["0", "1", "2", "3"]

    def test_calls_that_fail_while_others_of_their_time_do_are_one_failure(self):
        made = batching(*(entry() for _ in range(40)))
        together = [made.next_call(0.0) for _ in range(4)]
        for second, call in enumerate(together, 1):
            made.done(call, THROTTLED, float(second), 0.0)
        assert made.due() == 3.0
        later = made.next_call(4.0)
        made.done(later, THROTTLED, 4.5, 0.0)
        assert made.due() == 8.5

    def test_pauses_grow_until_a_call_is_answered(self):
        made = batching(entry())
        now = 0.0
        for wait_s in (2.0, 4.0, 8.0, 8.0):
            made.done(made.next_call(now), THROTTLED, now, 0.0)
            assert made.due() == now + wait_s
            now += wait_s
        made.done(made.next_call(now), [Taken("1")], now, 0.0)
        made.add(entry())
        made.done(made.next_call(now), THROTTLED, now, 0.0)
        assert made.due() == now + 2.0

    def test_a_call_that_is_refused_for_good_settles_all_of_it(self):
        made = batching(entry("a"), entry("b"))
        settled = made.done(made.next_call(0.0), REFUSED, 0.0, 0.0)
        assert [(names([it]), answer) for it, answer in settled] == [
            (["a"], REFUSED),
            (["b"], REFUSED),
        ]

    def test_a_call_that_one_may_have_spoilt_is_repeated_one_by_one(self):
        made = batching(entry("good"), entry("bad"), entry("fine"))
        assert made.done(made.next_call(0.0), ONE_IS_BAD, 0.0, 0.0) == []
        made.add(entry("new"))
        good, bad, fine, new = (made.next_call(0.0) for _ in range(4))
        assert [names(it) for it in (good, bad, fine, new)] == [
            ["good"],
            ["bad"],
            ["fine"],
            ["new"],
        ]
        assert made.done(good, [Taken("1")], 0.0, 0.0) == [(good[0], Taken("1"))]
        assert made.done(bad, ONE_IS_BAD, 0.0, 0.0) == [(bad[0], ONE_IS_BAD)]


class TestGroups:
    def test_one_of_a_group_is_on_its_way_and_the_next_follows_it(self):
        made = batching(*(entry(f"{g}{n}", group=g) for n in range(3) for g in "ab"))
        sent = []
        while call := made.next_call(0.0):
            sent.append(names(call))
            made.done(call, [Taken("")] * len(call), 0.0, 0.0)
        assert sent == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
        assert made._behind == {}

    def test_one_that_waits_for_another_try_holds_back_its_group_alone(self):
        made = batching(*(entry(f"{g}{n}", group=g) for n in range(2) for g in "ab"))
        made.done(made.next_call(0.0), [THROTTLED, Taken("")], 0.0, 0.0)
        assert names(made.next_call(1.9)) == ["b1"]
        assert names(made.next_call(2.0)) == ["a0"]

    def test_one_that_is_refused_for_good_lets_the_next_go(self):
        made = batching(entry("a0", group="a"), entry("a1", group="a"))
        made.done(made.next_call(0.0), [REFUSED], 0.0, 0.0)
        assert names(made.next_call(0.0)) == ["a1"]

    def test_one_that_nobody_waits_for_keeps_its_group_while_it_may_still_arrive(self):
        first = entry("a0", group="a")
        made = batching(first, entry("a1", group="a"))
        call = made.next_call(0.0)
        first.over = True
        assert made.next_call(0.0) == []
        made.done(call, THROTTLED, 0.0, 0.0)
        assert names(made.next_call(2.0)) == ["a1"]

    def test_groups_of_one_name_in_two_places_do_not_wait_for_each_other(self):
        made = batching(entry("a", group="g", destination="1"), entry("b", group="g"))
        assert len(all_calls(made)) == 2


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_bus_answers_all_arrive_once_settled_and_in_order(seed):
    """It throttles, fails in part or as a whole, answers too late, or takes and does not say so."""
    dice = random.Random(seed)  # noqa: S311 - the same each time
    made = Batching(NO_LINGER._replace(calls=dice.randint(1, 4)))
    arrived, settled, inflight = [], {}, []
    fifo = dice.random() < 0.7
    entries = [
        entry(f"{n}", dice.randint(1, 60), f"g{dice.randint(0, 4)}" if fifo else None)
        for n in range(60)
    ]
    left, now = iter(entries), 0.0
    for step in count():
        assert step < 5_000
        for _ in range(dice.randint(0, 3)):
            if (one := next(left, None)) is not None:
                made.add(one)
        while call := made.next_call(now):
            groups = [it.group for c in [*inflight, call] for it in c if it.group]
            assert len(groups) == len(set(groups))
            assert not set(names(call)) & settled.keys()
            assert sum(it.size for it in call) <= 100
            inflight.append(call)
        if inflight:
            call = inflight.pop(dice.randrange(len(inflight)))
            answers = _answered(dice, call, arrived)
            for it, answer in made.done(call, answers, now, dice.random()):
                assert names([it])[0] not in settled
                settled[names([it])[0]] = answer
        elif (due := made.due()) is not None:
            now = max(now, due)
        elif len(settled) == len(entries):
            break
    assert all(isinstance(it, Taken) for it in settled.values())
    assert set(arrived) == set(settled)
    for group in {it.group for it in entries if it.group}:
        of_group = [it.outgoing.value.decode() for it in entries if it.group == group]
        assert [it for it in dict.fromkeys(arrived) if it in of_group] == of_group
    assert (made._behind, made._asleep) == ({}, [])


def _answered(dice, call, arrived):
    fate = dice.random()
    if fate < 0.2:
        return THROTTLED
    if fate < 0.4:  # It took them, and the answer was lost.
        arrived += names(call)
        return THROTTLED
    answers = []
    for it in call:
        if dice.random() < 0.3:
            answers.append(THROTTLED)
        else:
            arrived += names([it])
            answers.append(Taken(""))
    return answers
