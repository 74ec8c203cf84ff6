"""The threads that run handlers."""

from __future__ import annotations

from pat_events import Handlers
from pat_events.consumer.workers.threads import ThreadWorkers, _Thread
from pat_events.events import EmailReceived


def test_a_job_taken_by_a_thread_that_is_given_up_has_a_deadline_as_well(stage):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None, timeout_s=10)
    member = stage.member(handlers)
    stage.publish("a", "b")
    member.step()
    first, second = member.workers.ready
    pool = ThreadWorkers(2, None, [].append)
    thread = _Thread(pool)  # idle, so that the test decides what it is at
    pool._threads.append(thread)
    thread.current = first
    assert pool.overdue(0) == []
    assert pool.overdue(10) == [first]
    thread.current = second  # it had taken it before it learned that it is given up
    assert pool.overdue(11) == []
    assert pool.overdue(21) == [second]
    pool.close()
