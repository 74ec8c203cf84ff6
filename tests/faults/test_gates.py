"""Handlers that fail one event after another: their events stay in the log, in their order."""

from __future__ import annotations

import threading
from collections import defaultdict

from pat_events import Breaker, DeadLetterLimit, Handlers, PermanentError
from pat_events.events import EmailReceived

EVENTS = 2_000
KEYS = 50


class Service:
    """A handler that works while it is told to, and notes the events of each key."""

    def __init__(self, error, breaker=None):
        self.works = threading.Event()
        self.seen = defaultdict(list)
        self.handlers = Handlers()

        @self.handlers.on(EmailReceived, breaker=breaker)
        def handle(event, ctx):
            if not self.works.is_set():
                raise error
            self.seen[event.email_id].append(int(event.subject))

    def check(self, letters):
        assert all(numbers == sorted(set(numbers)) for numbers in self.seen.values())
        assert sum(map(len, self.seen.values())) == EVENTS - letters


def publish(ground):
    producer = ground.producer()
    for number in range(EVENTS):
        producer.publish(EmailReceived(email_id=f"k{number % KEYS}", subject=str(number)))
    producer.flush(30)


def test_an_outage_makes_no_dead_letter_and_all_is_handled_after_it_in_its_order(ground):
    breaker = Breaker("mail", open_s=0.3)
    service = Service(ConnectionError("down"), breaker)
    group = ground.group(service.handlers)
    publish(ground)
    ground.until(lambda: breaker.is_open and group.stats().in_flight > EVENTS / 2)
    service.works.set()
    ground.until(lambda: sum(ground.committed().values()) == EVENTS)
    assert not ground.dead()
    service.check(letters=0)


def test_a_bad_deploy_leaves_the_events_to_the_version_that_handles_them(ground):
    limit = DeadLetterLimit(consecutive=20)
    bad = Service(PermanentError("a bug"))
    group = ground.group(bad.handlers, dead_letter_limit=limit)
    publish(ground)
    ground.until(lambda: any("gives up too many" in why for why in group.health().why))
    group.stop()
    mended = Service(PermanentError("a bug"))
    mended.works.set()
    ground.group(mended.handlers, dead_letter_limit=limit)
    ground.until(lambda: sum(ground.committed().values()) == EVENTS)
    letters = len(ground.dead())
    assert letters < limit.consecutive
    mended.check(letters)
