"""Dead letters on their way to their topic."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pat_events.catalog.model import Catalog
from pat_events.consumer.recovery.letter_routes import route_of
from pat_events.core.dead_letter import Cause, dead_letter, without_value
from pat_events.core.recovery.verdict import reason_of
from pat_events.core.replayed import read_replay
from pat_events.errors import DeadLetterError, PatEventsError
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pat_events.consumer.job import DeliverySource
    from pat_events.consumer.recovery.failed_lane import FailedLane
    from pat_events.core.record import Delivery, Record
    from pat_events.transports.sending import Place, Sender


class OutgoingDeadLetter(Outgoing):
    """One dead letter; posts itself to the engine once it is written, or was not.

    Attributes:
        failed_lane: What waits for it; None where no lane does.
        cause: Why, and by whom, it was given up.
        writer: Wrote it, and is told what became of it.
        tries: How often it was sent, this time included.
    """

    __slots__ = (
        "cause",
        "delivery",
        "failed_lane",
        "has_value",
        "record",
        "source",
        "tries",
        "writer",
    )

    def __init__(
        self,
        record: Record,
        source: DeliverySource,
        delivery: Delivery,
        cause: Cause,
        failed_lane: FailedLane | None,
        writer: DeadLetterWriter,
    ) -> None:
        super().__init__(*record)
        self.record = record
        self.cause = cause
        self.source = source
        self.delivery = delivery
        self.failed_lane = failed_lane
        self.tries = 1
        self.has_value = True
        self.writer = writer

    def settle(self, error: PatEventsError | None, place: Place | None) -> None:
        """Record the outcome and tell the engine."""
        super().settle(error, place)
        self.writer.post(self)


class DeadLetterWriter:
    """Writes the dead letters of one group.

    Args:
        group: Its name.
        sender: Takes the letters.
        post: Is called with each that is settled.
        topic: Where they go, all of them; the topic of the group for that of the record when None.
        retries: The group's retry topics, each with the topic whose dead letters are in it.
        routes: Where those of some errors go instead: another topic where there is one for all,
            else a word of the group's topic for that of the record.
    """

    def __init__(
        self,
        group: str,
        sender: Sender,
        post: Callable[[OutgoingDeadLetter], None],
        topic: str | None = None,
        retries: Mapping[str, str] = MappingProxyType({}),
        routes: Mapping[type[BaseException], str] = MappingProxyType({}),
    ) -> None:
        self._group = group
        self._sender = sender
        self.post = post
        self._topic = topic
        self._retries = retries
        self._routes = routes

    def make(
        self,
        source: DeliverySource,
        delivery: Delivery,
        error: BaseException,
        *,
        now_ms: int,
        reason: str | None = None,
        failed_lane: FailedLane | None = None,
    ) -> OutgoingDeadLetter:
        """Return the letter for a delivery that is given up; ``failed_lane`` waits for it."""
        # By the name of its topic alone: what headers say of a replay anybody may have written.
        original = self._retries.get(delivery.topic)
        cause = Cause(
            group=self._group,
            handler=delivery.route.registration.name if delivery.route else "",
            reason=reason or reason_of(error),
            error=error,
            attempts=delivery.attempt if delivery.route else 0,
            first_failed_ms=delivery.first_failed_ms or now_ms,
            last_failed_ms=now_ms,
            replays=0 if original is None else read_replay(delivery.header_values).replays,
        )
        route = route_of(error, self._routes)
        if self._topic is None:
            topic = Catalog.dead_letter_topic(original or delivery.topic, self._group, route or "")
        else:
            topic = route or self._topic
        record = dead_letter(delivery, topic, cause)
        return OutgoingDeadLetter(record, source, delivery, cause, failed_lane, self)

    def again(self, letter: OutgoingDeadLetter) -> OutgoingDeadLetter:
        """Return the same letter for another try."""
        again = self._renewed(letter, letter.record)
        again.tries = letter.tries + 1
        again.has_value = letter.has_value
        return again

    def without_value(self, letter: OutgoingDeadLetter) -> OutgoingDeadLetter:
        """Return the letter as it can be sent where it is too large; see ``core``."""
        smaller = self._renewed(letter, without_value(letter.record))
        smaller.has_value = False
        return smaller

    def _renewed(self, letter: OutgoingDeadLetter, record: Record) -> OutgoingDeadLetter:
        return OutgoingDeadLetter(
            record, letter.source, letter.delivery, letter.cause, letter.failed_lane, self
        )

    def send(self, letter: OutgoingDeadLetter) -> None:
        """Send a letter; its outcome is posted, a full buffer included.

        Where a lane waits for it, its acknowledgement is collected as soon as it arrives.
        """
        try:
            self._sender.send(letter)
            if letter.failed_lane is not None:
                self._sender.expedite()
        except PatEventsError as error:
            letter.settle(error, None)
        except Exception as error:  # noqa: BLE001 - held, whatever it is: the group must go on
            failure = DeadLetterError(f"the client refused it: {error!r}")
            failure.__cause__ = error
            letter.settle(failure, None)
