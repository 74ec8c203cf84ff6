"""Seeded schedules of groups with a breaker: what their handlers depend on goes down and comes up.

``PAT_EVENTS_SIMULATION_SCHEDULES`` sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where they begin.
"""

from __future__ import annotations

from collections import Counter

import pytest

from pat_events.consumer.recovery import gates, recovery
from tests.support.group_schedule import GroupSchedule
from tests.support.seeds import in_chunks, run_each, wanted

SCHEDULES = wanted(300)


@in_chunks(SCHEDULES)
def test_no_outage_loses_an_event_makes_a_dead_letter_or_has_two_probes(seeds):
    run_each(GroupSchedule, seeds, __file__)


def test_the_schedules_contain_what_they_are_about():
    seen = Counter()
    for seed in range(60):
        schedule = GroupSchedule(seed)
        schedule.run()
        seen.update(schedule.seen)
    assert set(seen) == {
        "probe",
        "failed probe",
        "hopeless probe",
        "another while it is open",
        "left",
        "crash",
    }
    assert min(seen.values()) > 0, seen


def attempts_while_it_is_open(monkeypatch):
    decide = recovery.decide
    monkeypatch.setattr(
        recovery, "decide", lambda *given, **rest: decide(*given, **rest | {"open_until": None})
    )


def a_lane_is_forgotten(monkeypatch):
    choose = gates._choose

    def choose_and_forget(kept):
        choose(kept)
        if len(kept.lanes) > 2:
            kept.lanes.pop()

    monkeypatch.setattr(gates, "_choose", choose_and_forget)


def jobs_are_not_recalled(monkeypatch):
    monkeypatch.setattr(gates.Job, "recall", lambda self: None)


def a_probe_is_never_given_back(monkeypatch):
    monkeypatch.setattr(gates.Gates, "_no_probe", lambda *_: None)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (attempts_while_it_is_open, "became dead letters"),
        (a_lane_is_forgotten, "neither handled nor a dead letter"),
        (jobs_are_not_recalled, "is the probe"),
        (a_probe_is_never_given_back, "neither handled nor a dead letter"),
    ],
)
def test_a_planted_bug_is_found_out(monkeypatch, plant, said):
    plant(monkeypatch)
    for seed in range(1, 200):
        schedule = GroupSchedule(seed)
        schedule.run()
        if any(said in trouble for trouble in schedule.trouble):
            return
    pytest.fail("no schedule found it")
