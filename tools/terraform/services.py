"""A consumer on every queue of the platform: what it got, and handled once it was repaired."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pat_events import Config, Handlers, QueueConsumer, SqsQueue
from pat_events import events as generated
from pat_events.errors import PermanentError
from pat_events.events import EmailProcessed, EmailReceived, EmailValidated
from tools.terraform.walks import Seen

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from google.protobuf.message import Message

    from pat_events import AwsConfig, Context
    from pat_events.catalog.binding import EventTypes
    from pat_events.transports.sending import SendingTransport

# What the services of e-mails answer.
FOLLOW_UPS = {EmailReceived: EmailProcessed, EmailProcessed: EmailValidated}


@dataclass(frozen=True, slots=True)
class QueueOfPlatform:
    """A queue, and where it moves what is given up."""

    url: str
    dead_letter_url: str
    dead_letter_arn: str


class Services:
    """Run inside a ``with`` block; none handles what was caused by ``first`` until ``repair``.

    Args:
        queues: Queue by name.
        types: The events there are.
        bus: Where handlers publish.
        config: Where the queues are.
        first: Id that began everything.
    """

    def __init__(
        self,
        queues: dict[str, QueueOfPlatform],
        types: EventTypes,
        bus: SendingTransport,
        config: AwsConfig,
        first: str,
    ) -> None:
        self._types = types
        self._first = first
        self._repaired = threading.Event()
        #: Every call there was; handlers append, each in a thread of its own.
        self.seen: list[Seen] = []
        self._consumers = [
            QueueConsumer(
                SqsQueue(queue.url, config), self._handlers(name), config=Config(), transport=bus
            )
            for name, queue in queues.items()
        ]

    def repair(self) -> None:
        """Let handlers succeed from now on."""
        self._repaired.set()

    def _handlers(self, queue: str) -> Handlers:
        handlers = Handlers()
        first, *others = (b.message_class for b in self._types.by_full_name.values())

        @handlers.on(first, *others)
        def handle(event: Any, ctx: Context) -> None:  # noqa: ANN401 - any event there is
            broken = ctx.envelope.causation_id == self._first and not self._repaired.is_set()
            self._note(queue, event, ctx, handled=not broken)
            if broken:
                raise PermanentError("not repaired yet")
            answer = FOLLOW_UPS.get(type(event))
            if answer is not None:
                ctx.publish(answer(email_id=event.email_id))

        return handlers

    def _note(self, queue: str, event: Message, ctx: Context, *, handled: bool) -> None:
        envelope = ctx.envelope
        trace = envelope.trace
        self.seen.append(
            Seen(
                queue=queue,
                event=type(event).__name__,
                event_id=ctx.event_id,
                causation_id=envelope.causation_id,
                correlation_id=ctx.correlation_id,
                trace_id=None if trace is None else trace.traceparent.split(b"-")[1].decode(),
                group=None if ctx.key is None else ctx.key.decode(),
                handled=handled,
            )
        )

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(len(self._consumers)) as pool:
            list(pool.map(QueueConsumer.start, self._consumers))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Side by side: each waits for the call with which it waits for messages.
        with ThreadPoolExecutor(len(self._consumers)) as pool:
            list(pool.map(QueueConsumer.stop, self._consumers))


def made(event: str, key: str, value: str, event_id: str) -> Message:
    """Return an event of the catalogue by its name, with key and id."""
    message: Message = getattr(generated, event)(**{key: value})
    message.metadata.event_id = event_id  # type: ignore[attr-defined] # every event has it
    return message
