"""A queue's consumer stepped by hand: the real engine on the queue in memory, under a clock."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pat_events import Config, Producer
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.letter_limit import limits_of
from pat_events.consumer.queue.limits import Limits
from pat_events.consumer.queue.requests import Change, Receive
from pat_events.consumer.queue.wiring import make_engine
from pat_events.consumer.routes import Routes
from pat_events.events import EmailReceived
from pat_events.telemetry.counts import Counts
from pat_events.testing.simulation import VirtualClock
from pat_events.testing.simulation.workers import StepInbox, StepWorkers
from pat_events.transports.memory import MemoryBroker, MemoryQueue, MemorySender, MemoryTransport

if TYPE_CHECKING:
    from pat_events import Handlers
    from pat_events.errors import PatEventsError

NAME = "email-processor"
LETTERS = "letters"
TYPES = EventTypes(load_catalog())
VISIBILITY_S = 30
FEATURES_WAIT_S = 1
EMAIL_RECEIVED = [("ce_type", b"pat.events.v1.EmailReceived")]


class StepRequests:
    """Asks the queue when told to, and fails as told.

    Attributes:
        waiting: What was not asked yet.
        asked: All that was.
        failures: What the next requests of a kind ("receive", "delete", ...) fail with.
        unanswered: Kinds that are done all the same, though their answer says that they failed.
    """

    def __init__(self, receiver, clock, post):
        self._receiver = receiver
        self._clock = clock
        self._post = post
        self.waiting = []
        self.asked = []
        self.failures: dict[str, list[PatEventsError]] = {}
        self.unanswered = set()
        self.stopped = False

    def submit(self, request):
        self.waiting.append(request)

    def stop_receiving(self):
        self.stopped = True

    def run(self, request):
        self.waiting.remove(request)
        self.asked.append(request)
        kind = "receive" if isinstance(request, Receive) else request.kind
        error = self.failures[kind].pop(0) if self.failures.get(kind) else None
        if isinstance(request, Receive):
            request.wait_s = 0
        if error is None or kind in self.unanswered:
            request.run(self._receiver, self._clock.monotonic)
        if error is not None:
            request.messages = [] if isinstance(request, Receive) else request.messages
            request.error = error
        self._post(request)

    def run_all(self):
        for request in list(self.waiting):
            self.run(request)

    def changes(self, kind):
        """The messages of each request of a kind that was asked, with the visibility."""
        return [
            ([m.message_id for m in r.messages.values()], r.visibility_s)
            for r in self.asked
            if isinstance(r, Change) and r.kind == kind
        ]


class QueueMember:
    """An engine, its workers, and whoever asks its queue."""

    def __init__(
        self,
        stage: QueueStage,
        handlers: Handlers,
        *,
        order: str | None = None,
        letters: bool = False,
        max_in_flight: int = 100,
        max_in_flight_bytes: int = 1_000_000,
        dead_letter_limit=None,
        dead_letter_routes=MappingProxyType({}),
        observers=(),
        drain_timeout_s: float = 5,
        while_waiting=None,
    ):
        self.stage = stage
        self.counts = Counts()
        self.sender = MemorySender(stage.broker, Config())
        self.inbox = StepInbox(while_waiting or self._wait)

        def make_requests(post):
            self.requests = StepRequests(stage.queue.receiver(), stage.clock, post)
            return self.requests

        features = stage.queue.features(FEATURES_WAIT_S)
        self.engine, self.workers = make_engine(
            NAME,
            Routes(handlers, TYPES, 100_000),
            features=features,
            make_requests=make_requests,
            letters=(self.sender, LETTERS) if letters else None,
            make_workers=lambda post: StepWorkers(stage.clock, stage.producer, post),
            inbox=self.inbox,
            order=order or ("key" if features.fifo else "none"),
            limits=Limits(
                max_in_flight=max_in_flight,
                max_in_flight_bytes=max_in_flight_bytes,
                visibility_s=VISIBILITY_S,
                drain_timeout_s=drain_timeout_s,
            ),
            system="memory",
            observers=[self.counts, *observers],
            clock=stage.clock.monotonic,
            wall_clock=stage.clock.wall,
            random=lambda: 0.0,
            dead_letter_limits=limits_of(handlers, dead_letter_limit),
            dead_letter_routes=dead_letter_routes,
        )

    @property
    def stats(self):
        return self.counts.stats

    def step(self, seconds: float = 0.0):
        """Time passes, the engine steps, and what it asks is asked; no job starts."""
        self.stage.clock.advance(seconds)
        self.engine.step()
        self.requests.run_all()
        self.engine.step()

    def turn(self, seconds: float = 0.0):
        """As ``step``, and all jobs run."""
        self.step(seconds)
        self.workers.run_all()
        self.step()

    def turns(self, seconds: float, tick_s: float = 0.5):
        """Turns until so much time has passed."""
        until = self.stage.clock.now + seconds
        while self.stage.clock.now < until:
            self.turn(tick_s)

    def _wait(self, seconds):
        if self.engine._state.draining and (self.workers.ready or self.requests.waiting):
            self.workers.run_all()
            self.requests.run_all()
        else:
            self.stage.clock.advance(seconds)


class QueueStage:
    """A queue, its dead-letter queue, and a broker for what handlers publish."""

    def __init__(self, *, fifo: bool = False, max_receives: int = 3, producer=None):
        self.clock = VirtualClock()
        self.dead = MemoryQueue("dead", fifo=fifo, clock=self.clock)
        self.queue = MemoryQueue(
            "emails", fifo=fifo, redrive=(self.dead, max_receives), clock=self.clock
        )
        self.broker = MemoryBroker(clock=self.clock)
        for topic in (*load_catalog().topics, LETTERS):
            self.broker.create_topic(topic, 1)
        self.producer = producer or Producer(Config(), transport=MemoryTransport(self.broker))

    def send(self, *email_ids: str, group: str = "g") -> list[str]:
        return [self.raw(EmailReceived(email_id=each), group=group) for each in email_ids]

    def raw(self, event, headers=EMAIL_RECEIVED, group="g") -> str:
        value = event if isinstance(event, bytes) else event.SerializeToString()
        return self.queue.send(value, headers, group=group)

    @property
    def letters(self):
        """The dead letters of ours."""
        return self.broker.records(LETTERS)

    def letters_of(self) -> set[str]:
        """The ids of the messages that have one."""
        return {dict(each.headers)["pat-dlq-message-id"].decode() for each in self.letters}

    def member(self, handlers, **settings) -> QueueMember:
        return QueueMember(self, handlers, **settings)
