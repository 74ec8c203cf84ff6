"""Thousands of seeded schedules of the real engine: crashes, rebalances, failures, outages.

``PAT_EVENTS_SIMULATION_SCHEDULES`` sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where
they begin. A failing test prints the command that runs its schedule again.
"""

from __future__ import annotations

from collections import Counter

from pat_events.core.lanes import ORDERS
from pat_events.core.offsets import OffsetTracker
from pat_events.testing.simulation.events import KINDS, OUTPUT
from pat_events.testing.simulation.schedules import Schedule
from tests.support.seeds import in_chunks, run_each, wanted

SCHEDULES = wanted(1000)


@in_chunks(SCHEDULES)
def test_no_schedule_loses_an_event_passes_one_unsettled_or_breaks_the_order_of_a_key(seeds):
    run_each(Schedule, seeds, __file__)


def test_an_engine_that_commits_what_is_in_flight_is_found_out(monkeypatch):
    def end_of_what_was_read(tracker):
        return tracker._next

    monkeypatch.setattr(OffsetTracker, "committable", end_of_what_was_read)
    schedule = Schedule(1)
    schedule.run()
    assert any("passed unsettled" in broken for broken in schedule.trouble)


def test_a_schedule_writes_the_same_records_each_time():
    def records_of(seed):
        schedule = Schedule(seed)
        schedule.run()
        return [
            (record.position, record.timestamp_ms, record.key, record.value, record.headers)
            for topic in schedule.broker.partition_counts()
            for record in schedule.broker.records(topic)
        ]

    first = records_of(3)
    assert {record[0].topic for record in first} >= {OUTPUT, *KINDS}
    assert first == records_of(3)
    assert first != records_of(4)


def test_the_schedules_contain_what_they_are_about():
    names = ("dead", "repeated", "returned", "abandoned", "CancelledError", "BufferFullError")
    seen = Counter(dict.fromkeys(names, 0))
    for seed in range(60):
        schedule = Schedule(seed)
        schedule.run()
        seen.update(schedule.seen)
        seen.update({f"{topic} in {schedule.order}": 1 for topic, *_ in schedule.ledger.handled})
        seen["dead"] += len(schedule.ledger.dead)
        seen["repeated"] += sum(times > 1 for times in schedule.ledger.handled.values())
        for member in schedule.members.values():
            seen["returned"] += member.stats.returned
            seen["abandoned"] += sum(job.abandoned for job in member.workers.running)
    more = ("whole batch", "dropped commit", "out of range", "left", "step within a call")
    more += ("begun at a stop", "too far ahead")
    topics = {f"{of} in {order}" for of in (*KINDS, "batch of keys") for order in ORDERS}
    assert set(seen) == {*names, *more, *topics}
    assert min(seen.values()) > 0, seen
