"""What was taken to be sent, until it is acknowledged or given up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pat_events.transports.kafka.expiry import Expiry

if TYPE_CHECKING:
    from pat_events.transports.sending import Outgoing

# A client that has told nothing for so long still has events that were given up, in seconds. It is
# what librdkafka lets a broker take for an answer: nothing that was sent is on its way any more.
SILENT_S: Final = 30.0


class Ledger:
    """Keeps every record in its order. Times are monotonic seconds.

    Several threads settle at once, and handlers of signals send: whoever takes a record out of
    ``outstanding``, in the one step of ``pop``, settles it.

    Args:
        delivery_timeout_s: How long a record may wait, whatever happens to clients.
    """

    def __init__(self, delivery_timeout_s: float) -> None:
        #: What is neither acknowledged nor given up, in its order, with its number.
        self.outstanding: dict[Outgoing, int] = {}
        #: How many records were taken: the number of the last one.
        self.taken = 0
        # Those among them that no client reports to have settled.
        self._unreported = 0
        # Those that were given up before a client reported on them.
        self._late = 0
        # What was given up and may still be delivered by the client at hand.
        self._expired: set[Outgoing] = set()
        # What was reported when something was reported last, and when that was.
        self._heard = (-1, 0.0)
        # Bytes that wait for the next client; None before somebody asked.
        self._kept_bytes: int | None = None
        self._expiry = Expiry(delivery_timeout_s)

    @property
    def settled(self) -> int:
        """How many records clients have reported on."""
        return self.taken - self._unreported - len(self.outstanding)

    @property
    def in_time(self) -> int:
        """How many of those were not given up before."""
        return self.settled - self._late

    def topics(self) -> set[str]:
        """Return the topics of what is outstanding: which were sent to before is noted nowhere."""
        return {outgoing.topic for outgoing in list(self.outstanding)}

    def withdraw(self, outgoing: Outgoing) -> None:
        """Forget a record that no client took."""
        # Its number is not given again: the time of the next record would be this one's.
        self._unreported += 1
        self.outstanding.pop(outgoing, None)

    def keep(self, outgoing: Outgoing, max_events: int, max_bytes: int) -> bool:
        """Tell whether there is room for a record that waits for the next client, and count it."""
        if self._kept_bytes is None:
            self._kept_bytes = sum(len(it.value or b"") for it in list(self.outstanding))
        size = len(outgoing.value or b"")
        if len(self.outstanding) >= max_events or self._kept_bytes + size > max_bytes:
            return False
        self._kept_bytes += size
        return True

    def is_overdue(self, now: float) -> bool:
        """Tell whether the time of a record is over; looks at the clock for what was taken."""
        return self._expiry.look(now, self.taken) and self._oldest() <= self._expiry.over

    def _oldest(self) -> float:
        """Return the number of the oldest, 0 where it was settled just now."""
        # Not copied first, like everywhere else: no call comes between the two steps of it.
        for outgoing in self.outstanding:
            return self.outstanding.get(outgoing, 0)
        return math.inf

    def level(self, now: float) -> tuple[int, int, float]:
        """Return how many records are outstanding, their bytes, and how long the oldest waits."""
        outstanding = list(self.outstanding)
        # Not kept up to date with each record: it is asked once a second.
        size = sum(len(outgoing.value or b"") for outgoing in outstanding)
        oldest_s = now - self._expiry.taken_at(self._oldest(), now) if outstanding else 0.0
        return len(outstanding), size, max(0.0, oldest_s)

    def take_overdue(self, now: float) -> tuple[list[Outgoing], float]:
        """Take out what has waited too long; returns it, and how long that was.

        With the sender's lock held: a rebuild either sends a record again, or never saw it.
        """
        overdue = []
        for outgoing, number in list(self.outstanding.items()):
            if number > self._expiry.over:
                break
            # First, or a report that comes in between would be waited for in vain.
            self._expired.add(outgoing)
            self._unreported += 1
            if self.outstanding.pop(outgoing, None) is None:
                self._expired.discard(outgoing)
                self._unreported -= 1
            else:
                overdue.append(outgoing)
        return overdue, now - self._expiry.taken_by

    def note_late(self, outgoing: Outgoing) -> None:
        """Note a report on what had been given up: its client is at work."""
        if outgoing in self._expired:
            self._expired.discard(outgoing)
            self._late += 1
            self._unreported -= 1

    def is_client_silent(self, now: float) -> bool:
        """Tell whether the client keeps what was given up, and says nothing any more.

        Its buffer would stay full with it for as long as an outage lasts. One that is slow is let
        alone: it works off what it has, in order.
        """
        if not self._expired:
            return False
        reported = self.settled
        if reported != self._heard[0]:
            self._heard = (reported, now)
        return now - self._heard[1] >= SILENT_S

    def begin_client(self) -> None:
        """Note that a new client gets what is outstanding, and nothing of what was given up."""
        self._kept_bytes = None
        self._expired.clear()
        self._heard = (-1, 0.0)

    def take_all(self) -> list[Outgoing]:
        """Take out what is left, to give it up."""
        # One by one: another thread may be settling some of them right now.
        left = []
        for outgoing in list(self.outstanding):
            self._unreported += 1
            if self.outstanding.pop(outgoing, None) is None:
                self._unreported -= 1
            else:
                left.append(outgoing)
        return left
