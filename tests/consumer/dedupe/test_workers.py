"""Workers around others that get a job once its events are claimed."""

from __future__ import annotations

import threading

import pytest

from pat_events import Dedupe, Handlers, MemoryDedupe
from pat_events.consumer.dedupe.workers import ClaimingWorkers
from pat_events.events import EmailReceived
from pat_events.testing.simulation.workers import StepWorkers
from tests.support.waiting import until


class Asked(MemoryDedupe):
    """A store that waits until it is let answer."""

    waits = True

    def __init__(self):
        super().__init__()
        self.is_asked, self.answers = threading.Event(), threading.Event()

    def claim_many(self, keys, owner, claim_s):
        self.is_asked.set()
        assert self.answers.wait(10)
        return super().claim_many(keys, owner, claim_s)


@pytest.fixture
def store():
    made = Asked()
    yield made
    made.answers.set()


@pytest.fixture
def jobs(stage):
    """Two jobs, of one event each, that nobody has."""
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    member = stage.member(handlers)
    stage.publish("a", "b")
    member.step()
    return member.workers.take_back()


@pytest.fixture
def workers(stage, store, monkeypatch):
    monkeypatch.setattr("pat_events.consumer.dedupe.workers._MAX_ASKED", 1)
    made = ClaimingWorkers(
        Dedupe(store),
        "group",
        lambda post: Closable(stage.clock, None, post),
        lambda job: None,
    )
    yield made
    store.answers.set()
    made.close(10)


class Closable(StepWorkers):
    def close(self, timeout_s):
        pass


def test_what_the_store_is_asked_for_is_among_the_jobs(workers, store, jobs):
    workers.submit(jobs)
    assert store.is_asked.wait(10)
    assert workers.jobs() == jobs
    store.answers.set()
    until(lambda: len(workers._inner.ready) == 2)
    assert workers.jobs() == jobs


def test_what_the_store_is_asked_for_is_not_begun_when_jobs_are_taken_back(workers, store, jobs):
    workers.submit(jobs)
    assert store.is_asked.wait(10)
    assert workers.take_back() == jobs[1:]
    store.answers.set()
    until(lambda: workers._inner.ready)
    assert workers._inner.ready == jobs[:1]
    assert [(job.wanted_back, job.calls_at_least) for job in jobs] == [(True, 0), (False, 1)]
