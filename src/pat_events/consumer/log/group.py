"""A consumer group: its settings, and what runs in its thread."""

from __future__ import annotations

import contextlib
import logging
import random
import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from pat_events.config import Config
from pat_events.consumer.engine_consumer import EngineConsumer
from pat_events.consumer.log.lag_watch import ASK_S, LagWatch
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.log.wiring import make_engine
from pat_events.consumer.recovery.letter_routes import check_routes, check_words
from pat_events.consumer.setup import DEFAULT_LIMIT, Setup
from pat_events.consumer.workers.inbox import Inbox
from pat_events.core.checks import require_text
from pat_events.core.lanes import ORDERS
from pat_events.errors import ConfigError, NotPermittedError, TopicMissingError
from pat_events.telemetry.observer import Origin
from pat_events.transports.default import transport_or_default

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.handlers import Handlers
    from pat_events.core.lanes import Order
    from pat_events.core.recovery.limit import DeadLetterLimit
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import Spans
    from pat_events.transports.log import Start, Transport
    from pat_events.transports.payloads import PayloadStore

_log = logging.getLogger("pat_events.consumer")

# Beyond draining: the last commit, leaving the group, and the producer's own flush.
_LEAVE_S: Final = 30.0


class ConsumerGroup(EngineConsumer):
    """One member of a consumer group, running a service's handlers.

    Every event is handled at least once: its offset is committed only after its
    handler returned and everything the handler published was acknowledged, or after its
    dead letter was written. A dead letter that is too large for its topic or the send buffer is
    written without its value, with its size and SHA-256 instead: the value stays where the letter
    says it came from, for as long as that topic keeps it. Start more processes with the same name
    to share the work.

    Beside the topics of its handlers it reads ``<topic>.<name>.retry`` of each, in which it meets
    its dead letters again that somebody replays. What fails there again is a dead letter as before.

    ``run`` and ``serve`` are a process of its own; ``with`` runs it beside something else, and
    ``async with`` within the running event loop, which then runs the coroutine handlers.

    Args:
        name: Name of the group; dead letters go to ``<topic>.<name>.dlq``.
        handlers: What to run; the topics follow from their event types.
        config: Settings; from ``PAT_EVENTS_*`` when None.
        transport: Where to read and write; the Kafka cluster of ``PAT_EVENTS_*`` when None.
        payloads: Where payloads are read, and those of what handlers publish go, as ``Config`` says
            under ``claim_check_``; S3, as ``PAT_EVENTS_AWS_*`` say, when None.
        start: Where to begin where the group has no position yet: ``"earliest"``,
            ``"latest"``, or an aware datetime. A known position always wins, and a
            partition added to a topic later begins with its first event.
        order: What is kept in order: the events of one ``"key"``, a whole
            ``"partition"``, or ``"none"``.
        max_threads: Threads for handlers that are plain functions.
        max_tasks: Most coroutine handlers at work at a time.
        max_in_flight: Most events taken and not settled; beyond it partitions are paused.
        max_in_flight_bytes: Most bytes of payload taken and not settled, give or take one poll of
            500 events; beyond it partitions are paused. Keys, headers and decoded events are not
            counted, and what the client reads ahead comes on top: 64 MiB, the client property
            ``queued.max.messages.kbytes``. A compressed batch is unpacked whole: one of 1,000
            events of 900 kB took 500 MB.
        max_uncommitted: How far a partition may go on above its lowest event that is not settled,
            in offsets (gaps in the log count), give or take one poll of 500 events; beyond it the
            partition is paused. An event that waits for a retry, is held or is slow keeps the
            commit below it, and all that others finished above it comes again after a crash: this
            bounds it, and how long one event lets its partition go on. 10,000 is what
            ``max_in_flight`` takes anyway, and a second's work of quick handlers.
        drain_timeout_s: How long handlers may take to finish when partitions move or the group
            stops, in seconds. Those at work may use all of it. In the first half of it handlers
            are also called for what lies below the highest finished offset of its partition,
            retries that are due by then included: otherwise what was finished above would come
            again. What is held is not waited for.
        commit_interval_s: Time between commits, in seconds. After a crash the group sees again
            what it finished since the last commit, and what was above the lowest event that was
            not settled then: ``max_uncommitted``.
        dead_letter_routes: Where dead letters go that are of these errors, or of classes that
            inherit from them; the first that fits decides. ``{ValueError: "quarantine"}`` writes
            them to ``<topic>.<name>.quarantine.dlq``, which the group's entry in the catalogue has
            under ``dead_letter_routes``. It is a word of the topic's name, where a
            ``QueueConsumer`` has a whole one.
        dead_letter_limit: When a handler gives up too many events to be bad data; they are held
            then. Without a limit when None.
        observers: Are told what happens, as ``pat_events.telemetry`` lists it: to events, to
            partitions, and to what handlers publish and dead letters.
        tracing: Makes a span of each call of a handler, which is current in there, and of each
            event that one publishes, such as ``pat_events.telemetry.Tracing()``.
        dedupe: Has an event that comes twice, by its id and source, handled once; see ``Dedupe``.

    Raises:
        ConfigError: impossible settings, or handlers that do not fit them.
    """

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        *,
        config: Config | None = None,
        transport: Transport | None = None,
        payloads: PayloadStore | None = None,
        start: Start = "earliest",
        order: Order = "key",
        max_threads: int = 8,
        max_tasks: int = 100,
        max_in_flight: int = 10_000,
        max_in_flight_bytes: int = 100_000_000,
        max_uncommitted: int = 10_000,
        drain_timeout_s: float = 30.0,
        commit_interval_s: float = 1.0,
        dead_letter_routes: Mapping[type[BaseException], str] | None = None,
        dead_letter_limit: DeadLetterLimit | None = DEFAULT_LIMIT,
        observers: Iterable[GivenObserver] = (),
        tracing: Spans | None = None,
        dedupe: Dedupe | None = None,
    ) -> None:
        _check(name, start, order)
        self.name = name
        config = Config.given(config)
        self._transport = transport_or_default(transport, "receiver")
        self._start: Start = start
        self._order: Order = order
        self._limits = Limits(
            max_in_flight=max_in_flight,
            max_in_flight_bytes=max_in_flight_bytes,
            max_uncommitted=max_uncommitted,
            drain_timeout_s=drain_timeout_s,
            commit_interval_s=commit_interval_s,
        )
        setup = Setup.of(
            handlers,
            config,
            Origin(self._transport.system, name),
            payloads=payloads,
            max_threads=max_threads,
            max_tasks=max_tasks,
            dead_letter_limit=dead_letter_limit,
            observers=observers,
            tracing=tracing,
            dedupe=dedupe,
        )
        self._catalog = setup.types.catalog
        self._routes = setup.routes
        # Also refuses a name that makes no topic name.
        self._letter_routes = check_routes(dead_letter_routes)
        check_words(self._letter_routes)
        self._check_routes_are_listed()
        self._dead_letter_topics = [
            self._catalog.dead_letter_topic(topic, name, route)
            for topic in self._routes.topics
            for route in ("", *dict.fromkeys(self._letter_routes.values()))
        ]
        #: Where its dead letters are handled again, each with the topic they came from first.
        self._retries = {
            self._catalog.retry_topic(topic, name): topic for topic in self._routes.topics
        }
        self._own = list(self._retries)
        super().__init__(
            f"group {name}",
            setup,
            drain_timeout_s=drain_timeout_s,
            leave_s=_LEAVE_S,
        )

    def _check_routes_are_listed(self) -> None:
        if self.name not in self._catalog.groups:
            return  # Whoever made its other topics makes these.
        listed = self._catalog.groups[self.name].dead_letter_routes
        for route in self._letter_routes.values():
            if route not in listed:
                raise ConfigError(
                    f"dead_letter_routes leads to {route!r}, which the group {self.name} in the "
                    "catalogue does not have: add it to its dead_letter_routes there, and run "
                    "'pat-events topics apply'"
                )

    def _prepare(self) -> None:
        needed = [*self._routes.topics, *self._dead_letter_topics]
        try:
            self._ask_for([*needed, *self._retries])
        except (TopicMissingError, NotPermittedError):
            self._require(needed)
            self._own = self._readable_retries()

    def _ask_for(self, topics: Sequence[str]) -> None:
        self._transport.partitions(topics, self._config.answer_timeout_s)

    def _require(self, topics: Sequence[str]) -> None:
        try:
            self._ask_for(topics)
        except TopicMissingError as error:
            unlisted = self._catalog.unlisted(self.name)
            if unlisted and any(topic in str(error) for topic in self._dead_letter_topics):
                raise TopicMissingError(f"{error}; {unlisted}") from error
            raise

    def _readable_retries(self) -> list[str]:
        """Return the retry topics to read, and say of the others why dead letters stay there."""
        missing, found = [], []
        for topic in self._retries:
            try:
                self._ask_for([topic])
            except NotPermittedError as error:
                # Subscribed to, a broker may refuse the member for it (KIP-848).
                _log.warning("%s; dead letters cannot be replayed before a restart then", error)
                continue
            except TopicMissingError:
                missing.append(topic)
            found.append(topic)
        if missing:
            _log.warning(
                "dead letters of group %s cannot be replayed yet: there is no topic %s; %s. It is "
                "read as soon as it is there",
                self.name,
                ", ".join(missing),
                self._catalog.unlisted(self.name) or "'pat-events topics apply' creates it",
            )
        return found

    def _drive(self, loop: asyncio.AbstractEventLoop | None) -> None:
        with contextlib.ExitStack() as stack:
            sender = self._open(stack, self._transport)
            make_workers = self._makes_workers(stack, loop)
            engine, workers = make_engine(
                self.name,
                self._routes,
                self._retries,
                receiver=self._transport.receiver(self.name, self._start),
                sender=sender,
                make_workers=make_workers,
                inbox=Inbox(),
                order=self._order,
                limits=self._limits,
                observers=self._all_observers(),
                system=self._transport.system,
                clock=time.monotonic,
                wall_clock=time.time,
                random=random.random,
                dead_letter_limits=self._setup.dead_letter_limits,
                dead_letter_routes=self._letter_routes,
            )
            ask = partial(self._transport.log_ends, timeout_s=ASK_S)
            stack.enter_context(LagWatch(engine.readiness, ask, time.monotonic, time.time))
            topics, own = self._routes.topics, self._own
            self._step_until_stopped(engine, workers, lambda: engine.subscribe(topics, own))


def _check(name: str, start: Start, order: Order) -> None:
    require_text("name", name)
    if not name:
        raise ConfigError("the group has no name: those who share its work share its name")
    if isinstance(start, datetime):
        if start.tzinfo is None:
            raise ConfigError("start is a datetime without a time zone: say which, such as UTC")
    elif start not in ("earliest", "latest"):
        raise ConfigError(f"start is {start!r}: use 'earliest', 'latest' or an aware datetime")
    if order not in ORDERS:
        raise ConfigError(f"order is {order!r}: use one of {', '.join(ORDERS)}")
