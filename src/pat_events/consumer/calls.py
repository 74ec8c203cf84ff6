"""How a job's deliveries become calls of a handler: one by one, or all of them in one call."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pat_events.consumer.context import Context
from pat_events.core.recovery.verdict import holds_back

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from google.protobuf.message import Message

    from pat_events.consumer.job import Job
    from pat_events.core.record import Delivery
    from pat_events.producer.ack import Ack
    from pat_events.producer.producer import Producer


class Calls(NamedTuple):
    """What differs between the ways to make calls of deliveries: what is noted on the job.

    Attributes:
        undecodable: Notes that this cannot be decoded, and so was not called for.
        settle: Notes what a call published and failed with; tells whether the next one is made.
    """

    undecodable: Callable[[Any, Job, Exception], None]
    settle: Callable[[Any, Job], bool]


def _undecodable(delivery: Delivery, job: Job, error: Exception) -> None:
    # With those directly before it: no handler is called between them, so their dead letters need
    # not wait for each other.
    if job.failures is None:
        job.failures = []
    at = job.done + len(job.failures)
    job.failures.append((at, delivery.route.undecodable(delivery, error)))


def _settle(context: Context, job: Job) -> bool:
    if context.failure is not None:
        job.failures = [(job.done, context.failure)]
        return False
    if context.acks is not None:
        job.note_acks(job.done, context)
    job.done += 1
    return True


class Batch:
    """All deliveries of a job in the place of one.

    To the attempt it is a delivery, the route of it, and what goes with the call.
    """

    __slots__ = ("_contexts", "_failures", "_indexes", "failure", "offset", "value")

    #: Not None: what came of a batch is looked at event by event.
    acks: Final = ()

    def __init__(self, deliveries: list[Delivery]) -> None:
        self.value = deliveries
        self.offset = deliveries[-1].offset
        #: What failed the call as a whole.
        self.failure: BaseException | None = None
        self._failures: list[tuple[int, BaseException]] = []
        # Of those that can be decoded.
        self._indexes: list[int] = []
        self._contexts: list[Context] = []

    @property
    def route(self) -> Batch:
        """What decodes and calls."""
        return self

    @property
    def fetch(self) -> Callable[[Job, bool], Generator[Any, Any, None]] | None:
        """What has payloads that are kept elsewhere, if there are such; see ``Route``."""
        for delivery in self.value:
            if delivery.route.fetch is not None:
                return self._fetch
        return None

    def _fetch(self, job: Job, is_async: bool) -> Generator[Any, Any, None]:  # noqa: FBT001 - as above
        for delivery in self.value:
            if delivery.route.fetch is None:
                continue
            outage = yield from delivery.route.fetch(job, is_async)
            if outage is not None:
                # All of them: what comes after it may be of its key.
                self._failures = [(index, outage) for index in range(len(self.value))]
                return

    def decode(self, deliveries: list[Delivery]) -> list[Message]:
        """Decode what can be.

        Raises:
            Exception: nothing can; the error of the first.
        """
        if self._failures:
            raise self._failures[0][1]
        events = []
        for index, delivery in enumerate(deliveries):
            try:
                event = delivery.route.decode(delivery.value)
            except Exception as error:  # noqa: BLE001 - as in the attempt
                self._failures.append((index, delivery.route.undecodable(delivery, error)))
            else:
                if event is not None:  # Else it was handled.
                    events.append(event)
                    self._indexes.append(index)
        if self._failures and not events:
            raise self._failures[0][1]
        return events

    def make_contexts(self, producer: Producer | None) -> Batch:
        """Make a context for each event."""
        self._contexts = [Context(self.value[index], producer) for index in self._indexes]
        return self

    def call(self, events: list[Message], _: Batch) -> Awaitable[None] | None:
        """Call the handler with all events and their contexts."""
        pairs = list(zip(events, self._contexts, strict=True))
        # Of a duplicate the route calls nothing.
        first = self._indexes[0] if pairs else 0
        result: Awaitable[None] | None = self.value[first].route.call(pairs)
        return result

    def note(self, ack: Ack) -> None:
        """Wait for what stands for the whole batch, with its first event.

        The first that has not failed: what a failed one published is published again.
        """
        contexts = self._contexts
        next((each for each in contexts if each.failure is None), contexts[0]).note(ack)

    def undecodable(self, job: Job, _: Exception) -> None:
        """Note that nothing can be decoded, of what was not handled before."""
        job.failures = self._failures
        job.done = len(self.value)

    def settle(self, job: Job) -> bool:
        """Note what each event published and failed with."""
        raised = self.failure
        if (
            raised is not None
            and len(self._contexts) > 1
            and not holds_back(raised, job.registration.retry)
        ):
            job.raised = raised
        for index, context in zip(self._indexes, self._contexts, strict=True):
            # Not "or": an error's class may say that it is false.
            error = context.failure if raised is None else raised
            if error is not None:
                self._failures.append((index, error))
            elif context.acks is not None:
                job.note_acks(index, context)
        if self._failures:
            job.failures = sorted(self._failures, key=itemgetter(0))
        job.done = len(self.value)
        return False


ONE_BY_ONE: Final = Calls(_undecodable, _settle)
IN_ONE_CALL: Final = Calls(Batch.undecodable, Batch.settle)
