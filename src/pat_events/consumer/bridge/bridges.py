"""Bridges: consumers whose handler sends each event on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.consumer.bridge.forwarding import Forwarding
from pat_events.consumer.bridge.routing import classes_of, routed_to
from pat_events.consumer.log.group import ConsumerGroup
from pat_events.consumer.queue.consumer import QueueConsumer
from pat_events.consumer.setup import DEFAULT_LIMIT
from pat_events.core.checks import wrong_type
from pat_events.errors import ConfigError
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from pat_events.transports.default import transport_or_default
from pat_events.transports.sending import place_of_log, place_of_queue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from google.protobuf.message import Message

    from pat_events.core.lanes import Order
    from pat_events.core.recovery.limit import DeadLetterLimit
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import Spans
    from pat_events.transports.log import Start, Transport
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.queue import Queue
    from pat_events.transports.sending import BridgeTarget, Sender, SendingTransport

# Where events keep their order each lane waits for its acknowledgement: so many side by side.
_TASKS: Final = 1_000
# One waits for room in the buffer as well as many.
_THREADS: Final = 1


class Bridge(ConsumerGroup):
    """A consumer group that forwards events, such as of Kafka, to EventBridge, SQS or SNS.

    Each event goes on as it is, with its id, envelope, trace and headers, at least once: its offset
    is committed when the target has acknowledged it. While the target is out of reach, or lacks
    rights or itself, events are held. What the target refuses for good, such as an event that is
    too large for it, is a dead letter of the group with its cause. Start more processes with the
    same name to share the work.

    An event that a bridge has taken from the target before is not brought back: extension
    attribute ``bridgedfrom`` names the places it was taken from.

    Of a group's settings it has neither ``dedupe``, as what it sends on twice has one id for who
    handles it, nor ``dead_letter_routes``, as no handler of yours raises anything in it.

    Args:
        name: Name of the group; dead letters go to ``<topic>.<name>.dlq``.
        to: Where to send, such as ``EventBridge("pat-dev")``.
        types: The events to forward, by class or by name in the catalogue. When None what the
            catalogue says: what its group of that name consumes; or else, for EventBridge, the
            events with ``targets``, and for a queue of SQS those that have it among their targets.
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where to read; the Kafka cluster of ``PAT_EVENTS_*`` when None.
        payloads: Where payloads are read, and those go that are too large for the target, as
            ``Config`` says under ``claim_check_``; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        start: Where to begin where the group has no position yet, as of ``ConsumerGroup``.
        order: What is kept in order, as of ``ConsumerGroup``. When None the events of one
            ``"key"`` where the target keeps order, such as a FIFO queue, and else ``"none"``: no
            event waits for another.
        max_in_flight: As of ``ConsumerGroup``, as is all that follows.
        max_in_flight_bytes: Most bytes of payload taken and not settled.
        max_uncommitted: How far a partition may go on above its lowest event that is not settled.
        drain_timeout_s: How long to wait for acknowledgements when it stops, in seconds.
        commit_interval_s: Time between commits, in seconds.
        dead_letter_limit: When what the target refuses is too much to be bad data; as of
            ``ConsumerGroup``.
        observers: Are told what happens to events, to partitions, and to what is sent.
        tracing: Makes spans of each event that is taken, and sent on with its place in the trace.

    Raises:
        ConfigError: impossible settings, or the catalogue does not say which events go there.
        UnknownEventError: the catalogue lacks one of ``types``.
    """

    def __init__(
        self,
        name: str,
        to: BridgeTarget,
        *,
        types: Iterable[type[Message] | str] | None = None,
        config: Config | None = None,
        transport: Transport | None = None,
        payloads: PayloadStore | None = None,
        start: Start = "earliest",
        order: Order | None = None,
        max_in_flight: int = 10_000,
        max_in_flight_bytes: int = 100_000_000,
        max_uncommitted: int = 10_000,
        drain_timeout_s: float = 30.0,
        commit_interval_s: float = 1.0,
        dead_letter_limit: DeadLetterLimit | None = DEFAULT_LIMIT,
        observers: Iterable[GivenObserver] = (),
        tracing: Spans | None = None,
    ) -> None:
        config = Config.given(config)
        self._to = _checked(to)
        known = EventTypes(load_catalog(config.catalog))
        if types is None:
            types = routed_to(to, name, known.catalog)
        classes = classes_of(known, types)
        order = order or ("key" if to.keeps_order else "none")
        #: Names of the events that are forwarded.
        self.types = tuple(known.of(each).event_type.name for each in classes)
        self._to.check_events(self.types)
        self._forwarding = Forwarding(
            config, known, None if tracing is None else tracing.of_sender(self._to.system)
        )
        super().__init__(
            name,
            self._forwarding.handlers(classes, in_order=order != "none"),
            config=config,
            transport=transport,
            payloads=payloads,
            start=start,
            order=order,
            max_threads=_THREADS,
            max_tasks=_TASKS,
            max_in_flight=max_in_flight,
            max_in_flight_bytes=max_in_flight_bytes,
            max_uncommitted=max_uncommitted,
            drain_timeout_s=drain_timeout_s,
            commit_interval_s=commit_interval_s,
            dead_letter_limit=dead_letter_limit,
            observers=observers,
            tracing=tracing,
        )

    def _prepare(self) -> None:
        super()._prepare()
        timeout_s = self._config.answer_timeout_s
        self._to.ping(timeout_s)
        cluster = self._transport.cluster_id(timeout_s)

        def place_from(topic: str) -> str:
            # What is replayed came from the topic of its dead letter first.
            return place_of_log(cluster, self._retries.get(topic, topic))

        place_to = self._to.places(timeout_s)
        for topic in self._routes.topics:
            if place_from(topic) == place_to(topic):
                raise ConfigError(
                    f"the bridge {self.name} would send {topic} to itself: give it another target"
                )
        self._forwarding.between(place_from, place_to)

    def _open(self, stack: ExitStack, transport: SendingTransport) -> Sender:
        sender = super()._open(stack, self._to)
        self._forwarding.through(sender, Observers(self._setup.observers, Origin(self._to.system)))
        tracing = self._setup.tracing
        spans = None if tracing is None else tracing.of_sender(transport.system)
        letters = transport.sender(self._config, self._setup.observers, spans)
        stack.callback(letters.close, 0)
        return letters


class QueueBridge(QueueConsumer):
    """Forwards the events of a queue, such as one of SQS, to Kafka: each to its topic.

    Each event goes on as it is, with its id, envelope, trace and headers, whatever AWS's buses have
    wrapped around it, at least once: its message is deleted when the target has acknowledged it.
    While the target is out of reach messages are held. What it refuses for good, and messages that
    are no event of ``types``, are given up as by ``QueueConsumer``.

    An event that a bridge has taken from the target before is not brought back, see ``Bridge``.

    Of a consumer's settings it has neither ``dedupe`` nor ``dead_letter_routes``, as ``Bridge``.

    Args:
        queue: Where to receive, such as ``SqsQueue("pat-dev-imports")``.
        to: Where to send; the Kafka cluster of ``PAT_EVENTS_*`` when None.
        types: The events to forward, by class or by name in the catalogue; all when None.
        config: Settings; from ``PAT_EVENTS_*`` when None.
        payloads: Where payloads are read, and those go that are too large for the target, as
            ``Config`` says under ``claim_check_``; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        dead_letters: Topic of ``to`` for what is given up, as of ``QueueConsumer``. When None that
            is left to the queue's own redrive, which it must have.
        order: As of ``QueueConsumer``, as is all that follows. With ``"none"`` no event waits for
            another, also where the target keeps order.
        max_in_flight: Most messages taken and not settled.
        max_in_flight_bytes: Most bytes of payload taken and not settled.
        visibility_s: How long a message is kept at a time, in whole seconds.
        drain_timeout_s: How long to wait for acknowledgements when it stops, in seconds.
        dead_letter_limit: When what the target refuses is too much to be bad data; as of
            ``ConsumerGroup``.
        observers: Are told what happens to messages, and to what is sent.
        tracing: Makes spans of each event that is taken, and sent on with its place in the trace.

    Raises:
        ConfigError: impossible settings.
        UnknownEventError: the catalogue lacks one of ``types``.
    """

    def __init__(
        self,
        queue: Queue,
        to: BridgeTarget | None = None,
        *,
        types: Iterable[type[Message] | str] | None = None,
        config: Config | None = None,
        payloads: PayloadStore | None = None,
        dead_letters: str | None = None,
        order: Literal["key", "none"] | None = None,
        max_in_flight: int = 1_000,
        max_in_flight_bytes: int = 100_000_000,
        visibility_s: int = 60,
        drain_timeout_s: float = 30.0,
        dead_letter_limit: DeadLetterLimit | None = DEFAULT_LIMIT,
        observers: Iterable[GivenObserver] = (),
        tracing: Spans | None = None,
    ) -> None:
        config = Config.given(config)
        self._to = _checked(transport_or_default(None, "places") if to is None else to)
        known = EventTypes(load_catalog(config.catalog))
        classes = classes_of(known, list(known.catalog.events) if types is None else types)
        #: Names of the events that are forwarded.
        self.types = tuple(known.of(each).event_type.name for each in classes)
        self._to.check_events(self.types)
        self._forwarding = Forwarding(
            config, known, None if tracing is None else tracing.of_sender(self._to.system)
        )
        # Whether a queue keeps order is not known before it is asked.
        in_order = self._to.keeps_order if order is None else order == "key"
        super().__init__(
            queue,
            self._forwarding.handlers(classes, in_order=in_order),
            config=config,
            transport=self._to,
            payloads=payloads,
            dead_letters=dead_letters,
            order=order,
            max_threads=_THREADS,
            max_tasks=_TASKS,
            max_in_flight=max_in_flight,
            max_in_flight_bytes=max_in_flight_bytes,
            visibility_s=visibility_s,
            drain_timeout_s=drain_timeout_s,
            dead_letter_limit=dead_letter_limit,
            observers=observers,
            tracing=tracing,
        )

    def _prepare(self) -> None:
        super()._prepare()
        timeout_s = self._config.answer_timeout_s
        queue = place_of_queue(self._queue.queue_id(timeout_s))
        place_to = self._to.places(timeout_s)
        if place_to("") == queue:
            raise ConfigError(
                f"the bridge would send {self._queue.name} to itself: give it another target"
            )
        self._forwarding.between(lambda _: queue, place_to)

    def _open(self, stack: ExitStack, transport: SendingTransport) -> Sender:
        sender = super()._open(stack, transport)
        self._forwarding.through(sender, Observers(self._setup.observers, Origin(transport.system)))
        return sender


def _checked(to: BridgeTarget) -> BridgeTarget:
    # Of a class the method is there as well, and cannot be called.
    if isinstance(to, type) or not hasattr(to, "places"):
        raise wrong_type("to", to, "where to send, such as EventBridge('pat-dev')")
    return to
