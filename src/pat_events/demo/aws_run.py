"""The demo's walk over a bus and queues: the same handlers, dead letters, and their redrive."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pat_events import Producer, QueueConsumer
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core.dead_letter import class_of, message_of, read_cause, root_cause
from pat_events.demo.mail import email_received
from pat_events.demo.pipeline import processor, validator
from pat_events.demo.run import LETTERS_SHOWN, STALL_S, Tally
from pat_events.demo.sites import PROCESSOR, VALIDATOR
from pat_events.errors import ClosedError, PermanentError, TransportTimeoutError
from pat_events.ops.json_records import record_as_json
from pat_events.ops.letters.showing import StoredLetter
from pat_events.telemetry.observer import GivenUp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pat_events import ConsumerStats, Handlers
    from pat_events.core.stored_cause import StoredCause
    from pat_events.demo.aws_site import AwsSite
    from pat_events.telemetry.observer import Happening
    from pat_events.transports.queue import QueueMessage

_LOOK_S: Final = 0.02
_LOOK_EVERY: Final = 20
_MOST: Final = 10
# How long a dead letter is kept by who looks at it; it is given back before that.
_KEPT_S: Final = 60
_LETTERS_WAIT_S: Final = 1


@dataclass(slots=True)
class Returned:
    """What became of the dead letters that were given back to the processor, repaired."""

    given_back: int = 0
    handled: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether each of them was handled."""
        return self.given_back == self.handled


class _GivenUp:
    """Keeps why messages were given up last; an observer."""

    def __init__(self) -> None:
        self.by_id: dict[str, GivenUp] = {}

    def saw(self, what: Happening) -> None:
        if isinstance(what, GivenUp):
            self.by_id[what.position.message_id] = what


class _Service:
    """A consumer of a queue, and what it has given up."""

    def __init__(self, site: AwsSite, name: str, handlers: Handlers) -> None:
        self._name = name
        self.given_up = _GivenUp()
        self.consumer = QueueConsumer(
            site.queue(name),
            handlers,
            config=site.config,
            transport=site.bus,
            observers=[self.given_up],
        )

    def stats(self) -> ConsumerStats:
        """Return what it did; what it has given up becomes a dead letter."""
        return replace(self.consumer.stats(), dead_lettered=len(self.given_up.by_id))

    def refuse_end(self) -> None:
        """Raise why it ended, if it has."""
        if not self.consumer.running:
            self.consumer.stop()
            raise ClosedError(f"{self._name} was stopped before it was through")


class _Letters:
    """The dead-letter queue of a service, as it is read."""

    def __init__(self, site: AwsSite, name: str, given_up: Mapping[str, GivenUp]) -> None:
        self._receiver = site.letters(name).receiver(site.config)
        self._types = EventTypes(load_catalog(site.config.catalog))
        self._given_up = given_up
        self._found: dict[str, QueueMessage] = {}

    def count(self) -> int:
        """Read on; returns how many there are so far."""
        for message in self._receiver.receive(_MOST, _LETTERS_WAIT_S, _KEPT_S):
            self._found[message.message_id] = message
        return len(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def give_back(self) -> None:
        """Let others have what was read."""
        receipts = [message.receipt for message in self._found.values()]
        for at in range(0, len(receipts), _MOST):
            self._receiver.change_visibility(receipts[at : at + _MOST], 0)

    def stored(self) -> list[StoredLetter]:
        """Return some of them, with their causes."""
        messages = list(self._found.values())[:LETTERS_SHOWN]
        return [
            StoredLetter(it.position, self._cause(it), record_as_json(self._types, it))
            for it in messages
        ]

    def _cause(self, message: QueueMessage) -> StoredCause:
        """Return what its consumer said: the queue keeps no cause."""
        told = self._given_up.get(message.message_id)
        if told is None:
            return read_cause({})
        return read_cause({})._replace(
            origin=told.position,
            handler=told.handler,
            reason=told.reason,
            error_class=class_of(told.error),
            root_cause_class=class_of(root_cause(told.error)),
            message=message_of(told.error),
            attempts=told.attempts,
        )


class _Walk:
    """Looks at both services until they are through."""

    def __init__(
        self, first: _Service, second: _Service, report: Callable[[Tally], None], stall_s: float
    ) -> None:
        self.tally = Tally()
        self._services = (first, second)
        self._report = report
        self._stall_s = stall_s

    def look(self) -> None:
        """Take the counts."""
        tally = self.tally
        tally.processor, tally.validator = (it.stats() for it in self._services)
        self._report(tally)

    def is_through(self) -> bool:
        """Tell whether everything was handled or given up."""
        self.look()
        first, second = self.tally.processor, self.tally.validator
        return (
            first.handled + first.dead_lettered >= self.tally.published
            and second.handled + second.dead_lettered >= first.handled
        )

    def until(self, done: Callable[[], bool], *services: _Service) -> None:
        """Wait for something, as long as anything moves."""
        seen, moved_at = None, time.monotonic()
        while not done():
            time.sleep(_LOOK_S)
            counts = [it.stats() for it in services or self._services]
            if counts != seen:
                seen, moved_at = counts, time.monotonic()
            for service in services or self._services:
                service.refuse_end()
            if time.monotonic() - moved_at > self._stall_s:
                raise TransportTimeoutError(
                    f"nothing moved for {self._stall_s:g} s: {self.tally.published} published, "
                    f"{self.tally.processor.handled} processed, "
                    f"{self.tally.validator.handled} validated"
                )


def run(
    site: AwsSite,
    mails: Iterable[bytes],
    report: Callable[[Tally], None],
    stall_s: float = STALL_S,
) -> tuple[Tally, Returned]:
    """Send mails through both queues, then give back what became a dead letter.

    Args:
        site: Where.
        mails: What, as bytes in Internet Message Format.
        report: Called with the counts so far.
        stall_s: Longest time without progress, in seconds.

    Raises:
        TransportTimeoutError: nothing moved for ``stall_s``.
        PatEventsError: what stopped a consumer, or the events that were not delivered.
    """
    first = _Service(site, PROCESSOR, processor())
    second = _Service(site, VALIDATOR, validator())
    walk = _Walk(first, second, report, stall_s)
    tally = walk.tally
    began = time.monotonic()
    with _running(first, second):
        _publish(site, mails, walk)
        walk.until(walk.is_through)
        tally.elapsed_s = time.monotonic() - began
        letters = _Letters(site, PROCESSOR, first.given_up.by_id)
        wanted = tally.published - tally.processor.handled
        if wanted:
            walk.until(lambda: letters.count() >= wanted)
            tally.processor.dead_lettered = len(letters)
    tally.letters = letters.stored()
    returned = Returned(len(letters))
    if returned.given_back:
        letters.give_back()
        _redrive(site, returned, walk)
    return tally, returned


@contextmanager
def _running(*services: _Service) -> Iterator[None]:
    """Run services inside the block; they stop side by side, as each waits for a last answer."""
    consumers = [it.consumer for it in services]
    try:
        for consumer in consumers:
            consumer.start()
        yield
    finally:
        with ThreadPoolExecutor(len(consumers)) as pool:
            list(pool.map(QueueConsumer.stop, consumers))


def _publish(site: AwsSite, mails: Iterable[bytes], walk: _Walk) -> None:
    with Producer(site.config, transport=site.bus) as producer:
        for raw in mails:
            try:
                producer.publish(email_received(raw, site.config.max_event_bytes))
            except PermanentError as error:
                walk.tally.refused.append(str(error))
                continue
            walk.tally.published += 1
            if not walk.tally.published % _LOOK_EVERY:
                walk.look()


def _redrive(site: AwsSite, returned: Returned, walk: _Walk) -> None:
    """Let a repaired processor have the dead letters, and the validator what it makes of them."""
    repaired = _Service(site, PROCESSOR, processor(repaired=True))
    second = _Service(site, VALIDATOR, validator())
    with _running(repaired, second):
        site.redrive(PROCESSOR)
        walk.until(lambda: second.stats().handled >= returned.given_back, repaired, second)
        returned.handled = repaired.stats().handled
