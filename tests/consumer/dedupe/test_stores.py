"""What every store of claims does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pat_events import DedupeAnswer, MemoryDedupe

OURS, DONE, BUSY = DedupeAnswer.OURS, DedupeAnswer.DONE, DedupeAnswer.BUSY


def test_one_of_two_has_the_claim_and_may_claim_it_again(kept):
    key = kept.key("a")
    assert kept.store.claim_many([key], "me", 30) == [OURS]
    assert kept.other.claim_many([key], "you", 30) == [BUSY]
    assert kept.store.claim_many([key], "me", 30) == [OURS]


def test_what_is_completed_is_done_for_everybody(kept):
    key = kept.key("a")
    kept.store.claim_many([key], "me", 30)
    kept.store.complete_many([key], 600)
    assert kept.store.claim_many([key], "me", 30) == [DONE]
    assert kept.other.claim_many([key], "you", 30) == [DONE]


def test_what_is_released_is_anybody_s(kept):
    key = kept.key("a")
    kept.store.claim_many([key], "me", 30)
    kept.store.release_many([key], "me")
    assert kept.other.claim_many([key], "you", 30) == [OURS]


def test_nobody_releases_what_another_has_or_what_is_done(kept):
    claimed, done = kept.key("claimed"), kept.key("done")
    kept.store.claim_many([claimed, done], "me", 30)
    kept.store.complete_many([done], 600)
    kept.other.release_many([claimed, done, kept.key("unknown")], "you")
    assert kept.other.claim_many([claimed, done], "you", 30) == [BUSY, DONE]
    kept.store.release_many([done], "me")
    assert kept.other.claim_many([done], "you", 30) == [DONE]


def test_a_claim_ends_by_itself(kept):
    key = kept.key("a")
    kept.store.claim_many([key], "died", 30)
    assert kept.other.claim_many([key], "you", 30) == [BUSY]
    kept.pass_s(29)
    assert kept.other.claim_many([key], "you", 30) == [BUSY]
    kept.pass_s(1.1)
    assert kept.other.claim_many([key], "you", 30) == [OURS]
    assert kept.store.claim_many([key], "died", 30) == [BUSY]


def test_a_claim_that_is_renewed_does_not(kept):
    key = kept.key("a")
    kept.store.claim_many([key], "me", 30)
    for _ in range(4):
        assert kept.other.claim_many([key], "you", 30) == [BUSY]
        kept.pass_s(20)
        assert kept.store.claim_many([key], "me", 30) == [OURS]
    assert kept.other.claim_many([key], "you", 30) == [BUSY]


def test_what_was_completed_is_remembered_for_so_long(kept):
    key = kept.key("a")
    kept.store.claim_many([key], "me", 30)
    kept.store.complete_many([key], 600)
    kept.pass_s(590)
    assert kept.other.claim_many([key], "you", 30) == [DONE]
    kept.pass_s(12)
    assert kept.other.claim_many([key], "you", 30) == [OURS]


def test_what_lost_its_claim_and_was_handled_all_the_same_is_done(kept):
    key = kept.key("a")
    kept.store.claim_many([key], "slow", 30)
    kept.other.claim_many([key], "you", 30)
    kept.pass_s(31)
    assert kept.other.claim_many([key], "you", 30) == [OURS]
    kept.store.complete_many([key], 600)
    kept.other.release_many([key], "you")
    assert kept.other.claim_many([key], "you", 30) == [DONE]


def test_many_are_answered_in_their_order(kept):
    keys = [kept.key(str(index)) for index in range(130)]
    kept.other.claim_many(keys[:120:3], "you", 30)
    kept.store.claim_many(keys[1:120:3], "me", 30)
    kept.store.complete_many(keys[1:120:3], 600)
    answers = kept.store.claim_many(keys, "me", 30)
    assert answers[:120] == [(BUSY, DONE, OURS)[index % 3] for index in range(120)]
    assert answers[120:] == [OURS] * 10
    kept.store.release_many(keys, "me")
    assert kept.other.claim_many(keys[120:], "you", 30) == [OURS] * 10


def test_what_was_closed_still_knows_and_is_asked_again(kept):
    key = kept.key("a")
    with kept.store as store:
        assert store.claim_many([key], "me", 30) == [OURS]
        store.complete_many([key], 600)
    assert kept.store.claim_many([key], "me", 30) == [DONE]


def test_nothing_is_asked_about_nothing(kept):
    assert kept.store.claim_many([], "me", 30) == []
    kept.store.complete_many([], 30)
    kept.store.release_many([], "me")


@pytest.mark.parametrize("name", ["a" * 5_000, "ü€", "a\0b", "a b{c}", "\udcff", "x" * 2_100])
def test_an_id_of_any_form_is_kept_apart_from_others(kept, name):
    key = kept.key("") + name.encode(errors="surrogateescape")
    assert kept.store.claim_many([key, key + b"x"], "me", 30) == [OURS, OURS]
    kept.store.complete_many([key], 600)
    assert kept.other.claim_many([key, key + b"x"], "you", 30) == [DONE, BUSY]


def test_of_many_threads_one_has_each_claim(kept):
    keys = [kept.key(str(index)) for index in range(24)]

    def claim(owner):
        store = kept.store if owner % 2 else kept.other
        # In overlapping parts, each from elsewhere.
        turned = keys[owner * 3 :] + keys[: owner * 3]
        found = []
        for begin in range(0, 24, 8):
            part = turned[begin : begin + 8]
            answers = store.claim_many(part, f"owner-{owner}", 30)
            found += [key for key, answer in zip(part, answers, strict=True) if answer is OURS]
        return found

    with ThreadPoolExecutor(6) as pool:
        claimed = [key for keys in pool.map(claim, range(6)) for key in keys]
    assert sorted(claimed) == sorted(keys)


def test_memory_keeps_no_more_than_it_may():
    store = MemoryDedupe(max_events=100)
    for index in range(1_000):
        store.complete_many([b"%d" % index], 600)
        assert len(store) <= 100
    assert store.claim_many([b"999"], "me", 30) == [DONE]
    assert store.claim_many([b"1"], "me", 30) == [OURS]


def test_memory_forgets_what_is_too_old():
    now = [0.0]
    store = MemoryDedupe(clock=lambda: now[0])
    store.complete_many([b"old"], 10)
    store.claim_many([b"dead"], "died", 1)
    now[0] = 20.0
    store.complete_many([b"new"], 10)
    assert len(store) == 1
    assert not store._claims
