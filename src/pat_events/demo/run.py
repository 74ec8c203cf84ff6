"""The demo's walk: publish, wait until everything is settled, look at what was given up."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pat_events import ConsumerGroup, ConsumerStats, Producer
from pat_events.catalog.binding import EventTypes
from pat_events.demo.mail import email_received
from pat_events.demo.pipeline import processor, validator
from pat_events.errors import ClosedError, PermanentError, TransportTimeoutError
from pat_events.ops.letters.showing import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pat_events.demo.sites import Site
    from pat_events.ops.letters.showing import StoredLetter

# Without progress for this long something is wrong, in seconds.
STALL_S: Final = 60.0
# The embedded broker keeps 5 MiB per partition: what is under way stays well below.
_UNDER_WAY_BYTES: Final = 2 * 1024 * 1024
_LOOK_S: Final = 0.02
LETTERS_SHOWN: Final = 10


@dataclass(slots=True)
class Tally:
    """Where every mail is: published, and what both groups did.

    Attributes:
        published: Mails that became events.
        refused: Why mails did not.
        processor: Counts of the first group.
        validator: Counts of the second group.
        letters: Dead letters, ``LETTERS_SHOWN`` at most.
        elapsed_s: From the first mail to the last verdict.
    """

    published: int = 0
    refused: list[str] = field(default_factory=list)
    processor: ConsumerStats = field(default_factory=ConsumerStats)
    validator: ConsumerStats = field(default_factory=ConsumerStats)
    letters: list[StoredLetter] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def settled(self) -> bool:
        """Whether both groups have seen every event there is."""
        events = self.published + self.processor.handled + self.validator.handled
        groups = (self.processor, self.validator)
        return self.adds_up and all(g.delivered >= events and not g.in_flight for g in groups)

    @property
    def adds_up(self) -> bool:
        """Whether each event that went in was handled or became a dead letter."""
        first, second = self.processor, self.validator
        return (
            self.published == first.handled + first.dead_lettered
            and first.handled == second.handled + second.dead_lettered
        )


def run(
    site: Site,
    mails: Iterable[bytes],
    report: Callable[[Tally], None],
    stall_s: float = STALL_S,
) -> Tally:
    """Send mails through both groups and return the final counts.

    Args:
        site: Where.
        mails: What, as bytes in Internet Message Format.
        report: Called with the counts so far, some fifty times a second.
        stall_s: Longest time without progress, in seconds.

    Raises:
        TransportTimeoutError: nothing moved for ``stall_s``.
        PatEventsError: what stopped a group, or the events that were not delivered.
    """
    tally = Tally()
    config, transport = site.config, site.transport
    first = ConsumerGroup(site.processor, processor(), config=config, transport=transport)
    second = ConsumerGroup(site.validator, validator(), config=config, transport=transport)
    began = time.monotonic()
    with ExitStack() as stack:
        producer = stack.enter_context(Producer(config, transport=transport))
        walk = _Walk(
            tally, stack.enter_context(first), stack.enter_context(second), report, stall_s
        )
        under_way = 0
        for raw in mails:
            event = email_received(raw, config.max_event_bytes)
            try:
                producer.publish(event)
            except PermanentError as error:
                tally.refused.append(str(error))
                continue
            tally.published += 1
            under_way += event.ByteSize()
            walk.look()
            if under_way >= _UNDER_WAY_BYTES:
                walk.settle()
                under_way = 0
        producer.flush()
        walk.settle()
        tally.elapsed_s = time.monotonic() - began
    if tally.processor.dead_lettered or tally.validator.dead_lettered:
        _fetch_letters(site, tally)
    return tally


class _Walk:
    """Looks at both groups until they are through."""

    def __init__(
        self,
        tally: Tally,
        first: ConsumerGroup,
        second: ConsumerGroup,
        report: Callable[[Tally], None],
        stall_s: float,
    ) -> None:
        self._tally = tally
        self._groups = (first, second)
        self._report = report
        self._stall_s = stall_s
        self._next = 0.0

    def look(self) -> None:
        """Take the counts, if it is time to."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_S
            self._tally.processor, self._tally.validator = (g.stats() for g in self._groups)
            self._report(self._tally)

    def settle(self) -> None:
        """Wait until nothing is under way."""
        seen, moved_at = None, time.monotonic()
        while not self._tally.settled:
            time.sleep(_LOOK_S)
            self.look()
            counts = (self._tally.processor, self._tally.validator)
            if counts != seen:
                seen, moved_at = counts, time.monotonic()
            for group in self._groups:
                if not group.running:
                    group.stop()  # Raises why it ended.
                    raise ClosedError(f"group {group.name} was stopped before it was through")
            if time.monotonic() - moved_at > self._stall_s:
                raise TransportTimeoutError(
                    f"nothing moved for {self._stall_s:g} s: {self._tally.published} published, "
                    f"{counts[0].handled} processed, {counts[1].handled} validated"
                )


def _fetch_letters(site: Site, tally: Tally) -> None:
    types = EventTypes(site.catalog)
    for topic in site.dead_letter_topics:
        limit = LETTERS_SHOWN - len(tally.letters)
        if limit > 0:
            tally.letters.extend(show(site.cluster, types, topic, limit=limit))
