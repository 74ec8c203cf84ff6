"""A consumer of a queue: the public face, and what runs in its thread."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING, Final, Literal, cast

from pat_events.config import Config
from pat_events.consumer.engine_consumer import EngineConsumer
from pat_events.consumer.queue.limits import Limits
from pat_events.consumer.queue.request_threads import RequestThreads
from pat_events.consumer.queue.wiring import make_engine
from pat_events.consumer.recovery.letter_routes import check_routes
from pat_events.consumer.setup import DEFAULT_LIMIT, Setup
from pat_events.consumer.workers.inbox import Inbox
from pat_events.core.checks import require_text, wrong_type
from pat_events.errors import ConfigError
from pat_events.telemetry.observer import Origin
from pat_events.transports.default import transport_or_default

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.handlers import Handlers
    from pat_events.consumer.queue.requests import Request
    from pat_events.core.lanes import Order
    from pat_events.core.recovery.limit import DeadLetterLimit
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import Spans
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.queue import Queue, QueueFeatures
    from pat_events.transports.sending import DeadLetterTransport, SendingTransport

# Beyond draining: the answers of the queue, and the producer's own flush.
_LEAVE_S: Final = 15.0


class QueueConsumer(EngineConsumer):
    """Runs a service's handlers for the messages of one queue, such as one of SQS.

    Every message is handled at least once: it is deleted only after its handler returned and
    everything the handler published was acknowledged, or after its dead letter was written. While
    it is here, whatever it waits for, it is kept from other consumers, up to the queue's limit (12
    hours): none is handled twice because it was slow. Its receive count is its attempt. An event
    that no handler here is for is given up, not skipped. Start more processes to share the work.

    What is given up is left to the queue, which moves it to its dead-letter queue after so many
    receives; that of a FIFO queue is counted for those behind it in its group, too, which are given
    back with it. With ``dead_letters`` it is written there instead, with its cause, and its group
    goes on.

    ``run`` and ``serve`` are a process of its own; ``with`` runs it beside something else, and
    ``async with`` within the running event loop, which then runs the coroutine handlers.

    Args:
        queue: Where to receive.
        handlers: What to run.
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where handlers publish; when None what tries to is held.
        payloads: Where payloads are read, and those of what handlers publish go, as ``Config`` says
            under ``claim_check_``; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        dead_letters: Topic of Kafka, or queue of SQS, for what is given up, which ``transport``
            writes there. When None that is left to the queue's own redrive, which it must have.
        order: What is kept in order: the events of one ``"key"``, which is the message group, on
            FIFO queues alone; or ``"none"``. By what the queue is when None.
        max_threads: Threads for handlers that are plain functions.
        max_tasks: Most coroutine handlers at work at a time.
        max_in_flight: Most messages taken and not settled; beyond it none are received.
        max_in_flight_bytes: Most bytes of payload taken and not settled, give or take what the
            calls under way bring; beyond it none are received.
        visibility_s: How long a message is kept at a time, in whole seconds. It is extended as long
            as it is here, and comes again so long after a crash at the latest.
        drain_timeout_s: How long handlers may take to finish when the consumer stops, in seconds.
            What was not begun is given back at once.
        dead_letter_routes: Where dead letters go instead that are of these errors, or of classes
            that inherit from them; the first that fits decides. As in
            ``{ValueError: "emails-quarantine"}``, a topic or queue as ``dead_letters`` is: its
            whole name, where a ``ConsumerGroup`` has a word of one.
        dead_letter_limit: When a handler gives up too many events to be bad data; they are held
            then. Without a limit when None.
        observers: Are told what happens, as ``pat_events.telemetry`` lists it: to messages, and to
            what handlers publish and dead letters.
        tracing: Makes a span of each call of a handler, which is current in there, and of each
            event that one publishes, such as ``pat_events.telemetry.Tracing()``.
        dedupe: Has an event that comes twice, by its id and source, handled once; see ``Dedupe``.

    Raises:
        ConfigError: impossible settings, or handlers that do not fit them.
    """

    def __init__(
        self,
        queue: Queue,
        handlers: Handlers,
        *,
        config: Config | None = None,
        transport: SendingTransport | None = None,
        payloads: PayloadStore | None = None,
        dead_letters: str | None = None,
        order: Literal["key", "none"] | None = None,
        max_threads: int = 8,
        max_tasks: int = 100,
        max_in_flight: int = 1_000,
        max_in_flight_bytes: int = 100_000_000,
        visibility_s: int = 60,
        drain_timeout_s: float = 30.0,
        dead_letter_routes: Mapping[type[BaseException], str] | None = None,
        dead_letter_limit: DeadLetterLimit | None = DEFAULT_LIMIT,
        observers: Iterable[GivenObserver] = (),
        tracing: Spans | None = None,
        dedupe: Dedupe | None = None,
    ) -> None:
        _check(queue, transport, dead_letters, order)
        config = Config.given(config)
        self._limits = Limits(
            max_in_flight=max_in_flight,
            max_in_flight_bytes=max_in_flight_bytes,
            visibility_s=visibility_s,
            drain_timeout_s=drain_timeout_s,
        )
        self._queue = queue
        self._transport = transport
        self._dead_letters = dead_letters
        self._letter_routes = check_routes(dead_letter_routes)
        if self._letter_routes and dead_letters is None:
            raise ConfigError(
                "dead_letter_routes leads some dead letters elsewhere: say where all others go, "
                "with dead_letters"
            )
        self._order: Order | None = order
        setup = Setup.of(
            handlers,
            config,
            Origin(queue.system, queue.name),
            payloads=payloads,
            max_threads=max_threads,
            max_tasks=max_tasks,
            dead_letter_limit=dead_letter_limit,
            observers=observers,
            tracing=tracing,
            dedupe=dedupe,
        )
        self._routes = setup.routes
        self._registrations = [registration for _, registration in handlers]
        super().__init__(
            f"consumer of {queue.name}",
            setup,
            drain_timeout_s=drain_timeout_s,
            leave_s=_LEAVE_S,
        )
        self._features: QueueFeatures | None = None

    def _prepare(self) -> None:
        timeout_s = self._config.answer_timeout_s
        features = self._queue.features(timeout_s)
        if self._transport is not None:
            self._transport.ping(timeout_s)
        if self._dead_letters is not None:
            to = cast("DeadLetterTransport", self._transport)
            for name in dict.fromkeys((self._dead_letters, *self._letter_routes.values())):
                to.check_dead_letters(name, timeout_s)
        self._require(features)
        self._features = features

    def _require(self, features: QueueFeatures) -> None:
        """Refuse what the queue lacks."""
        name = self._queue.name
        if self._order == "key" and not features.fifo:
            raise ConfigError(
                f"order is 'key', and {name} keeps no order: use a FIFO queue, or order='none'"
            )
        if self._dead_letters is None and features.max_receives is None:
            raise ConfigError(
                f"{name} has no dead-letter queue: what is given up would come again until it is "
                "deleted for its age. Give the queue a redrive policy, or set dead_letters"
            )
        if self._limits.visibility_s > features.max_visibility_s:
            raise ConfigError(
                f"visibility_s is {self._limits.visibility_s}: {name} keeps a message for at most "
                f"{features.max_visibility_s} s"
            )
        for registration in self._registrations:
            if registration.timeout_s > features.max_visibility_s:
                raise ConfigError(
                    f"timeout_s of {registration.name} is {registration.timeout_s:g}: {name} keeps "
                    f"a message for at most {features.max_visibility_s} s, and it would be handled "
                    "twice"
                )

    def _drive(self, loop: asyncio.AbstractEventLoop | None) -> None:
        features = self._features
        assert features is not None  # noqa: S101 - or it would not have started
        with contextlib.ExitStack() as stack:
            sender = None
            if self._transport is not None:
                sender = self._open(stack, self._transport)
            letters = None
            if sender is not None and self._dead_letters is not None:
                letters = (sender, self._dead_letters)
            engine, workers = make_engine(
                self._queue.name,
                self._routes,
                features=features,
                make_requests=self._makes_requests(stack),
                letters=letters,
                make_workers=self._makes_workers(stack, loop),
                inbox=Inbox(),
                order=self._order or ("key" if features.fifo else "none"),
                limits=self._limits,
                observers=self._all_observers(),
                system=self._queue.system,
                clock=time.monotonic,
                wall_clock=time.time,
                random=random.random,
                dead_letter_limits=self._setup.dead_letter_limits,
                dead_letter_routes=self._letter_routes,
            )
            self._step_until_stopped(engine, workers)

    def _makes_requests(
        self, stack: contextlib.ExitStack
    ) -> Callable[[Callable[[Request], None]], RequestThreads]:
        receiver = self._queue.receiver(self._config)
        stack.callback(receiver.release)

        def make_requests(post: Callable[[Request], None]) -> RequestThreads:
            requests = RequestThreads(receiver, post)
            stack.callback(requests.close)
            return requests

        return make_requests


def _check(
    queue: Queue,
    transport: SendingTransport | None,
    dead_letters: str | None,
    order: str | None,
) -> None:
    if not (hasattr(queue, "receiver") and hasattr(queue, "features")):
        raise wrong_type("queue", queue, "a queue, such as SqsQueue('emails')")
    if transport is not None:
        transport_or_default(transport, "sender")
    if dead_letters is not None:
        require_text("dead_letters", dead_letters)
        if transport is None:
            raise ConfigError("dead_letters names where to, and transport how: give that, too")
        if not hasattr(transport, "check_dead_letters"):
            raise ConfigError(
                f"{type(transport).__name__} cannot carry dead letters: leave them to the queue's "
                "redrive policy, or give a KafkaTransport or Sqs"
            )
        if dead_letters.rpartition("/")[2] == queue.name:
            raise ConfigError(f"dead_letters is {queue.name} itself: name another queue or topic")
    if order not in ("key", "none", None):
        raise ConfigError(f"order is {order!r}: a queue knows 'key' and 'none'")
