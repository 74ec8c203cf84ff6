"""Jobs and recovery serve whoever owns the deliveries: here a queue's messages with receipts."""

from __future__ import annotations

import pytest

from pat_events import Config, Handlers, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.attempt import attempt
from pat_events.consumer.job import Job
from pat_events.consumer.recovery.dead_letters import DeadLetterWriter
from pat_events.consumer.recovery.gates import Gates
from pat_events.consumer.recovery.recovery import Recovery
from pat_events.consumer.routes import Routes
from pat_events.core.lanes import Lanes
from pat_events.core.record import Delivery
from pat_events.errors import HoldError, PermanentError
from pat_events.events import EmailReceived
from pat_events.telemetry.counts import Counts
from pat_events.telemetry.observer import Delivered
from pat_events.transports.memory import MemoryBroker, MemorySender

GROUP = "email-processor"
QUEUE = "pat-emails"
DEAD = f"{QUEUE}.{GROUP}.dlq"
TYPES = EventTypes(load_catalog())


class Messages:
    """An source: what is finished is deleted by its receipt, and no offset is committed."""

    def __init__(self, order):
        self.alive = True
        self.running = 0
        self.last_to_begin = 1_000
        self.lanes = Lanes(order)
        self.receipts = {}
        self.deleted = []

    def finished(self, deliveries):
        self.deleted += [self.receipts.pop(delivery.offset) for delivery in deliveries]

    def dropped_value(self, delivery):
        pass


class Queue:
    """A consumer of messages, stepped by hand."""

    def __init__(self, handlers, *, order="none"):
        self.now = 100.0
        self.counts = Counts()
        self.stats = self.counts.stats
        self.broker = MemoryBroker()
        self.broker.create_topic(DEAD, 1)
        self.source = Messages(order)
        self.settled = []
        self.recovery = Recovery(
            dead_letters=DeadLetterWriter(
                GROUP, MemorySender(self.broker, Config()), self.settled.append
            ),
            gates=Gates((), (), list, self.counts, lambda: self.now),
            observer=self.counts,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
            random=lambda: 0.0,
        )
        self._routes = Routes(handlers, TYPES, 1_000)

    def receive(self, *ids):
        for count, email_id in enumerate(ids):
            value = EmailReceived(email_id=email_id).SerializeToString()
            headers = [("ce_type", b"pat.events.v1.EmailReceived")]
            delivery = Delivery(QUEUE, 0, count, b"k", value, headers, 1)
            delivery.route = self._routes.find(delivery)
            self.source.receipts[count] = f"receipt of {email_id}"
            self.source.lanes.add(delivery)
        self.counts.saw(Delivered("queue", -1, len(ids), 0))

    def turn(self):
        self.recovery.run_due(self.now)
        lanes = self.source.lanes
        for lane in lanes.take_ready():
            job = Job(self.source, lane, lanes.take(lane, 100))
            assert list(attempt(job, None)) == []
            self.recovery.settle(job)
        while self.settled:
            self.source.running -= 1
            self.recovery.settle_letter(self.settled.pop())


def consumer(*errors, order="none", **policy):
    """Of each message the handler raises the next of its errors, None for none."""
    fates = {email_id: list(each) for email_id, each in errors}
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(jitter=0, **policy))
    def handle(event, ctx):
        left = fates.get(event.email_id)
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return Queue(handlers, order=order)


def test_a_message_is_deleted_when_it_was_handled():
    queue = consumer()
    queue.receive("a", "b")
    queue.turn()
    assert queue.source.deleted == ["receipt of a", "receipt of b"]
    assert (queue.stats.handled, queue.stats.in_flight) == (2, 0)


@pytest.mark.parametrize(("error", "attempts"), [(ValueError("no"), 2), (HoldError("no"), 1)])
def test_a_message_that_failed_is_kept_and_handled_again_when_it_is_due(error, attempts):
    queue = consumer(("a", [error]), first_delay_s=0.5)
    queue.receive("a")
    queue.turn()
    ((at, source, offset, held),) = queue.recovery.waiting
    assert (at, source, offset) == (100.5, queue.source, 0)
    assert held is (attempts == 1)
    queue.turn()
    assert (queue.source.deleted, len(queue.source.lanes)) == ([], 1)
    queue.now = at
    queue.turn()
    assert queue.source.deleted == ["receipt of a"]
    assert (queue.stats.retried, queue.stats.held) == (attempts - 1, 2 - attempts)


def test_a_message_that_is_given_up_is_deleted_after_its_dead_letter():
    queue = consumer(("a", [PermanentError("no")]), order="key")
    queue.receive("a", "b")
    queue.turn()
    assert len(queue.broker.records(DEAD)) == 1
    assert queue.source.deleted == ["receipt of a"]
    queue.turn()
    assert queue.source.deleted == ["receipt of a", "receipt of b"]
    assert (queue.source.running, len(queue.source.lanes)) == (0, 0)


def test_what_waits_for_an_owner_that_is_gone_is_dropped():
    queue = consumer(("a", [ValueError("no")]))
    queue.receive("a")
    queue.turn()
    queue.source.alive = False
    queue.now += 60
    queue.turn()
    assert (queue.source.deleted, queue.recovery.next_due) == ([], None)
