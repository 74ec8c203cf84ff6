"""Seeded schedules of groups with bad deploys: the dead-letter limit, and what has no attempt left.

Beside the breaker and its outages: both keep the same handler. ``PAT_EVENTS_SIMULATION_SCHEDULES``
sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where they begin.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from pat_events import Breaker, DeadLetterLimit, Handlers, PermanentError
from pat_events.consumer.letter_limit import limits_of
from pat_events.consumer.recovery import gates, outcomes, recovery
from pat_events.consumer.routes import Routes
from pat_events.events import EmailDeleted, EmailReceived
from pat_events.telemetry import GivenUp
from tests.support.group_schedule import (
    FAILURES,
    OPEN_S,
    POLICY,
    TYPES,
    GroupSchedule,
)
from tests.support.seeds import in_chunks, run_each, wanted

SCHEDULES = wanted(300)
LIMIT = DeadLetterLimit(consecutive=3, share=0.5, window_s=1_000, hold_s=6)
HOLDS = replace(POLICY, attempts=2, on_exhausted="hold")
DEPLOYS = 2


class BadDeployError(PermanentError):
    """A version of the handler fails for every event."""


class LimitSchedule(GroupSchedule):
    """Besides outages there are bad deploys, which end in order, and another thing that fails."""

    def __init__(self, seed):
        self.is_bad = self.other_fails = False
        self.deploys = 0
        #: In this bad deploy, by each member.
        self.given_up = Counter()
        self.bad_letters = set()
        self.others = set()
        super().__init__(seed)

    def start_process(self):
        self.breaker = Breaker("mail", failures=FAILURES, calls=6, open_s=OPEN_S)
        self.know, self.know_limit, self.probes = set(), set(), {}
        self.handlers = Handlers()
        self.handlers.add(EmailReceived, self.handle, retry=POLICY, breaker=self.breaker)
        self.handlers.add(EmailDeleted, self.handle_other, retry=HOLDS)
        self.routes = Routes(self.handlers, TYPES, 1_000_000)

    def settings(self):
        self.limits = limits_of(self.handlers, LIMIT)
        return {"dead_letter_limits": self.limits, "observers": [Watcher(self, self.limits)]}

    def limit_of(self, member):
        limits = member.engine._recovery.gates._limits
        return next(it for name, it in limits.items() if name.endswith(".handle"))

    def is_kept(self, member):
        return super().is_kept(member) or (
            member in self.know_limit and self.limit_of(member).is_open
        )

    async def handle(self, event, ctx):
        if self.at_work in self.know_limit:
            limit = self.limit_of(self.at_work)
            if limit.is_open and self.clock.now < limit.until:
                self.trouble.append(f"{ctx.position} is tried too early")
        await super().handle(event, ctx)

    def rivals(self, member):
        if super().is_kept(member):
            return super().rivals(member)
        return [it for it in self.probes.values() if it[0] is member]

    def fail(self, position):
        if self.is_bad:
            self.seen["bad"] += 1
            raise BadDeployError(str(self.deploys))

    async def handle_other(self, event, ctx):
        self.others.add(ctx.position[:3])
        if self.other_fails:
            self.seen["other fails"] += 1
            raise ValueError("no")
        await super().handle_other(event, ctx)

    def step(self, member):
        super().step(member)
        if self.limit_of(member).is_open:
            if "ConnectionError" in self.limit_of(member).why:
                self.trouble.append(f"{self.limit_of(member).why} passed the limit")
            self.seen["passed"] += member not in self.know_limit
            self.know_limit.add(member)
        else:
            self.seen["over"] += member in self.know_limit
            self.know_limit.discard(member)

    def act_before(self, chance):
        if 0.5 < chance < 0.52 and self.deploys < DEPLOYS and not self.is_bad:
            self.is_bad = True
            self.deploys += 1
            self.given_up.clear()
        elif 0.52 < chance < 0.53:
            self.is_bad = False
        elif 0.53 < chance < 0.55:
            self.other_fails = not self.other_fails

    def heal(self):
        super().heal()
        self.is_bad = self.other_fails = False

    def look_at_turn(self, turn):
        if turn in (20, 40):  # Where nothing but hopeless events is left none of them ends it.
            for member in self.members:
                self.limit_of(member).release()

    @property
    def may_be_letters(self):
        return self.bad_letters

    def check_end(self):
        super().check_end()
        if wrong := set(self.letters()) & self.others:
            self.trouble.append(f"{wrong} became dead letters instead of being held")


class Watcher:
    """The observer of one member: how many events a bad deploy has it give up."""

    def __init__(self, schedule, limits):
        self.schedule = schedule
        self.limits = limits

    def saw(self, what):
        schedule = self.schedule
        if isinstance(what, GivenUp) and isinstance(what.error, BadDeployError):
            schedule.bad_letters.add(tuple(what.position[:3]))
            if schedule.is_bad and str(what.error) == str(schedule.deploys):
                schedule.given_up[self] += 1
                if schedule.given_up[self] >= LIMIT.consecutive:
                    count = schedule.given_up[self]
                    schedule.trouble.append(f"{what.position} is no. {count} of a bad deploy")


@in_chunks(SCHEDULES)
def test_no_bad_deploy_empties_a_topic_and_nothing_that_is_held_is_lost_or_overtaken(seeds):
    run_each(LimitSchedule, seeds, __file__)


def test_the_schedules_contain_what_they_are_about():
    seen = Counter()
    for seed in range(60):
        schedule = LimitSchedule(seed)
        schedule.run()
        seen.update(schedule.seen)
    assert min(seen[it] for it in ("bad", "passed", "over", "other fails", "probe", "crash")) > 0


def what_is_permanent_does_not_count(monkeypatch):
    counts = outcomes.gives_up
    monkeypatch.setattr(
        outcomes,
        "gives_up",
        lambda error, **given: not isinstance(error, PermanentError) and counts(error, **given),
    )


def what_may_be_over_soon_counts(monkeypatch):
    monkeypatch.setattr(outcomes, "gives_up", lambda error, **_: True)


def the_limit_is_not_asked(monkeypatch):
    monkeypatch.setattr(gates.Gates, "limited_until", lambda *_: None)


def what_is_exhausted_is_given_up(monkeypatch):
    decide = recovery.decide
    monkeypatch.setattr(
        recovery,
        "decide",
        lambda error, *, policy, **rest: decide(
            error, policy=replace(policy, on_exhausted="dead_letter"), **rest
        ),
    )


def a_breaker_counts_what_is_permanent(monkeypatch):
    monkeypatch.setattr(outcomes, "may_be_over_soon", lambda *_: True)


def jobs_are_not_recalled(monkeypatch):
    monkeypatch.setattr(gates.Job, "recall", lambda self: None)


def a_probe_is_one_of_the_first_gate_alone(monkeypatch):
    monkeypatch.setattr(
        gates.Gates, "_take_probe", lambda self, gates: gates[0].take_probe(self._clock())
    )


PLANTS = {
    what_is_permanent_does_not_count: "of a bad deploy",
    what_may_be_over_soon_counts: "passed the limit",
    the_limit_is_not_asked: "of a bad deploy",
    what_is_exhausted_is_given_up: "instead of being held",
    a_breaker_counts_what_is_permanent: "opened the breaker",
    jobs_are_not_recalled: "is the probe",
    a_probe_is_one_of_the_first_gate_alone: "is tried too early",
}


def seed_that_finds(said):
    for seed in range(1, 200):
        schedule = LimitSchedule(seed)
        schedule.run()
        if any(said in trouble for trouble in schedule.trouble):
            return seed
    return None


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found_out(monkeypatch, plant):
    plant(monkeypatch)
    assert seed_that_finds(PLANTS[plant]) is not None
