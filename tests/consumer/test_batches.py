"""Batch handlers: what fails one call of many events."""

from __future__ import annotations

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.events import EmailReceived


class FalseError(Exception):
    """As an error with a ``__len__`` of its own may be."""

    def __bool__(self):
        return False


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_that_says_it_is_false_fails_the_batch_all_the_same(stage, is_async):
    def handle(pairs):
        raise FalseError

    async def handle_async(pairs):
        raise FalseError

    handlers = Handlers()
    register = handlers.batch(EmailReceived, retry=RetryPolicy(attempts=1))
    register(handle_async if is_async else handle)
    member = stage.member(handlers, order="partition")
    stage.publish("a", "b")
    member.run_until(lambda: stage.committed == 2)
    assert (member.stats.handled, len(stage.dead)) == (0, 2)
