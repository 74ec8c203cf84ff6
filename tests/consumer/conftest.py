"""A group on the memory transport: stepped by hand (``Stage``), or with real threads (``Live``)."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from pat_events import Config, ConsumerGroup, Producer
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.letter_limit import limits_of
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.routes import Routes
from pat_events.core.replayed import replayed
from pat_events.events import EmailReceived
from pat_events.testing.simulation import Member, VirtualClock
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from pat_events.transports.sending import Outgoing
from tests.support import planted
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pat_events import DeadLetterLimit, Dedupe, Handlers
    from pat_events.core.record import Delivery
    from pat_events.telemetry.observer import Observer

GROUP = "email-processor"
TOPIC = "pat-emails"
DEAD = f"{TOPIC}.{GROUP}.dlq"
RETRY = f"{TOPIC}.{GROUP}.retry"
CATALOG = load_catalog()
TYPES = EventTypes(CATALOG)


def config(**settings: object) -> Config:
    return Config(**settings)


def new_broker(partitions: int = 1, **settings: object) -> MemoryBroker:
    broker = MemoryBroker(**settings)
    for topic in CATALOG.topics:
        broker.create_topic(topic, partitions)
        broker.create_topic(CATALOG.dead_letter_topic(topic, GROUP), 1)
    return broker


def text(delivery: Delivery, name: str) -> str | None:
    """The last header of that name."""
    values = [value for key, value in delivery.headers if key == name]
    return values[-1].decode() if values else None


class Log:
    """A broker's topics as a test writes and reads them."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.producer = Producer(config(), transport=MemoryTransport(broker))

    def publish(self, *email_ids: str) -> None:
        """One EmailReceived each; what follows a slash tells events of one key apart."""
        for email_id in email_ids:
            key, _, subject = email_id.partition("/")
            event = EmailReceived(email_id=key, subject=subject, text_body=planted.PAYLOAD)
            ack = self.producer.publish(event)
            assert ack.done()

    def raw(self, value: bytes | None, headers: list, key: bytes | None = b"k") -> None:
        self.broker.append(Outgoing(TOPIC, key, value, headers, 1))

    def again(self, *, index: int = -1, topic: str = TOPIC) -> None:
        """One of the records once more, as a producer without idempotence repeats it."""
        record = self.broker.records(topic)[index]
        self.broker.append(Outgoing(TOPIC, record.key, record.value, record.headers, 1))

    def replay(self, letter: Delivery, run: str = "run-1") -> None:
        """Hand a dead letter to its group again."""
        record = replayed(letter, RETRY, run, self.broker.clock.time_ns() // 1_000_000)
        self.broker.append(Outgoing(*record))

    @property
    def dead(self) -> list[Delivery]:
        return self.broker.records(DEAD)

    @property
    def committed(self) -> int:
        """Committed position of the first partition."""
        return self.broker.committed(GROUP).get((TOPIC, 0), -1)


class Stage(Log):
    """Members stepped by hand on one broker under a virtual clock."""

    def __init__(self, partitions: int = 1) -> None:
        self.clock = VirtualClock()
        super().__init__(new_broker(partitions, clock=self.clock, session_timeout_s=45))

    def member(
        self,
        handlers: Handlers,
        *,
        order: str = "key",
        max_in_flight: int = 1_000,
        max_in_flight_bytes: int = 1_000_000,
        max_uncommitted: int = 10_000,
        dead_letter_limit: DeadLetterLimit | None = None,
        observers: Iterable[Observer] = (),
        while_waiting: Callable[[float], None] | None = None,
        dedupe: Dedupe | None = None,
    ) -> Member:
        return Member(
            self.broker,
            GROUP,
            Routes(handlers, TYPES, 1_000_000),
            self.clock,
            producer=self.producer,
            order=order,
            limits=Limits(
                max_in_flight=max_in_flight,
                max_in_flight_bytes=max_in_flight_bytes,
                max_uncommitted=max_uncommitted,
                drain_timeout_s=5,
                commit_interval_s=0.5,
            ),
            dead_letter_limits=limits_of(handlers, dead_letter_limit),
            observers=observers,
            while_waiting=while_waiting,
            dedupe=dedupe,
        )

    @staticmethod
    def refuse_letters(member: Member, error: Exception, times: int = 1) -> None:
        """Let a member's next dead letters be refused, so many times."""
        refused = [error] * times
        send = member.sender.send

        def send_or_not(outgoing):
            if refused:
                raise refused.pop()
            send(outgoing)

        member.sender.send = send_or_not


class Live(Log):
    """Groups with real threads, stopped at the end of the test."""

    def __init__(self, stack: ExitStack, partitions: int = 1) -> None:
        super().__init__(new_broker(partitions))
        self._stack = stack

    def group(
        self, handlers: Handlers, *, started: bool = True, **settings: object
    ) -> ConsumerGroup:
        defaults = {"config": config(), "drain_timeout_s": 5.0, "commit_interval_s": 0.02}
        transport = MemoryTransport(self.broker)
        group = ConsumerGroup(GROUP, handlers, transport=transport, **(defaults | settings))
        if started:
            group.start()
            self._stack.callback(group.stop)
        return group

    @staticmethod
    def slow_start(group: ConsumerGroup) -> tuple[threading.Event, threading.Event]:
        """Let a group ask its cluster for topics; it hears nothing until the second is set."""
        asked, answer = threading.Event(), threading.Event()
        partitions = group._transport.partitions

        def slow_partitions(topics, timeout_s):
            asked.set()
            answer.wait(10)
            return partitions(topics, timeout_s)

        group._transport.partitions = slow_partitions
        return asked, answer


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def live() -> Iterator[Live]:
    with ExitStack() as stack:
        yield Live(stack)


@pytest.fixture
def make_stage() -> Callable[..., Stage]:
    return Stage


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return until


@pytest.fixture
def header() -> Callable[[Delivery, str], str | None]:
    return text
