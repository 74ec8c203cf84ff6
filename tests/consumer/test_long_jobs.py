"""Many slow events of one lane go to a worker together, and do not hold up the commit."""

from __future__ import annotations

import pytest

from pat_events import Handlers
from pat_events.events import EmailReceived
from pat_events.testing.simulation import pause

SLOW_S = 0.1


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_what_is_done_of_a_lane_is_committed_while_the_rest_of_it_goes_on(stage, kind):
    handled, commits = [], []
    handlers = Handlers()

    def job(event):
        # The engine looks at its workers meanwhile.
        stage.clock.advance(SLOW_S)
        member.workers.overdue(stage.clock.now)
        handled.append(event.subject)
        commits.append(stage.committed)

    if kind == "function":

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            job(event)
    else:

        @handlers.on(EmailReceived)
        async def handle_async(event, ctx):
            await pause()
            job(event)

    member = stage.member(handlers)
    subjects = [str(number) for number in range(30)]
    stage.publish(*(f"k/{subject}" for subject in subjects))
    member.run_until(lambda: len(handled) == 30)
    member.turn(1.0)
    assert handled == subjects
    assert stage.committed == 30
    # Half a second between commits, a quarter for a job, and as much for who waits for it.
    behind = [index - commit for index, commit in enumerate(commits)]
    assert max(behind) * SLOW_S <= 1.5, commits


def test_quick_events_of_a_lane_stay_together(stage):
    handled = []
    handlers = Handlers()
    handlers.on(EmailReceived)(lambda event, ctx: handled.append(event.subject))
    member = stage.member(handlers)
    stage.publish(*(f"k/{number}" for number in range(30)))
    member.step()
    [job] = member.workers.ready
    member.workers.run_all()
    assert job.done == len(job.deliveries) == 30
