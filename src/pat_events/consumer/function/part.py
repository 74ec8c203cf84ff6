"""What one invocation has of a queue, a topic or a partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.core.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pat_events.core.lanes import Lane, Order
    from pat_events.core.record import Delivery

_NO_LIMIT: Final = 2**63
_NONE: Final = -1


class Part:
    """The deliveries of one part of an invocation, until it is answered; its jobs come from here.

    Attributes:
        unfinished: Those that were not handled; the source has them again.
    """

    def __init__(self, deliveries: Iterable[Delivery], order: Order) -> None:
        self.alive = True
        self.running = 0
        self.last_to_begin = _NO_LIMIT
        self.lanes = Lanes(order)
        self.unfinished = dict.fromkeys(deliveries)

    def finished(self, deliveries: Sequence[Delivery]) -> None:
        """These were handled, or are not for us."""
        for delivery in deliveries:
            del self.unfinished[delivery]

    def dropped_value(self, delivery: Delivery) -> None:
        """See ``DeliverySource``; nothing is dropped here."""

    def end(self) -> None:
        """The invocation is answered: what still comes of its jobs is dropped."""
        self.alive = False
        self.last_to_begin = _NONE


class GivenUp:
    """Leaves to the source what is given up, and what is behind it in its lane."""

    def __init__(self) -> None:
        self._lanes: set[Lane] = set()

    def leave(self, delivery: Delivery, wait_s: float, lane: Lane | None) -> None:  # noqa: ARG002
        """This is given up; see ``OwnRedrive``."""
        if lane is not None:
            self._lanes.add(lane)

    def without(self, lanes: Iterable[Lane]) -> list[Lane]:
        """Return the lanes that may go on."""
        return [lane for lane in lanes if lane not in self._lanes]
