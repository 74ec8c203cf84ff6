"""How an event loop hears of acknowledgements: once for many, and of every one."""

from __future__ import annotations

import asyncio
from collections import deque

from pat_events.producer.ack import _Mailbox


class EndedJustNow(deque):
    """Says that it is empty, and something is posted in that moment, as by another thread."""

    def __init__(self, post):
        super().__init__()
        self.post = post

    def __bool__(self):
        if len(self):
            return True
        post, self.post = self.post, lambda: None
        post()
        return False


def test_an_acknowledgement_posted_as_the_mailbox_has_drained_wakes_its_coroutine():
    async def wait():
        loop = asyncio.get_running_loop()
        mailbox = _Mailbox(loop)
        first, second = loop.create_future(), loop.create_future()
        mailbox._ready = EndedJustNow(lambda: mailbox.post(second))
        mailbox.post(first)
        await asyncio.wait_for(asyncio.gather(first, second), 5)

    asyncio.run(wait())


def test_acknowledgements_that_come_together_wake_the_loop_once():
    async def wait():
        loop = asyncio.get_running_loop()
        mailbox = _Mailbox(loop)
        woken = []
        call_soon_threadsafe = loop.call_soon_threadsafe

        def wake(*args):
            woken.append(args)
            return call_soon_threadsafe(*args)

        loop.call_soon_threadsafe = wake
        futures = [loop.create_future() for _ in range(5)]
        for future in futures:
            mailbox.post(future)
        await asyncio.wait_for(asyncio.gather(*futures), 5)
        return woken

    assert len(asyncio.run(wait())) == 1
