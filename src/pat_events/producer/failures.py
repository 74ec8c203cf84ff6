"""The events that were not delivered: logged as they fail, and told to who flushes or closes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.errors import NotDeliveredError
from pat_events.producer.ack import Ack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pat_events.transports.sending import Outgoing, SendingTransport

_log = logging.getLogger("pat_events.producer")

# A service that fails every event for an hour must not fill the memory with their ids.
_KEPT: Final = 10_000


class Failures:
    """Counts the events of a producer that failed, and keeps the ids of the first ones.

    Args:
        transport: Where they were to go.
        monotonic: Monotonic seconds.
    """

    def __init__(self, transport: SendingTransport, monotonic: Callable[[], float]) -> None:
        self._transport = transport
        self._monotonic = monotonic
        self._ids: list[str] = []
        self._count = 0
        self._repeats = Repeats()

    def note(self, ack: Ack) -> None:
        """Note an event that failed; called by whichever thread settles it."""
        self._count += 1
        if len(self._ids) < _KEPT:
            self._ids.append(ack.event_id)
        # Once for each kind and window: an outage fails all that waits, and each ack tells.
        more = self._repeats.note(type(ack.error).__name__, self._monotonic())
        if more is not None:
            _log.error(
                "event %s was not delivered: %s%s",
                one_line(ack.event_id),
                one_line(str(ack.error)),
                more_like_it(more),
                extra={"event_id": one_line(ack.event_id)},
            )

    def forget(self, records: Iterable[Outgoing]) -> None:
        """Forget events that were noted and are told in another way."""
        event_ids = _ids(records)
        told = set(event_ids)
        self._ids = [event_id for event_id in self._ids if event_id not in told]
        self._count -= len(event_ids)

    def tell(self, records: Iterable[Outgoing], state: str) -> None:
        """Tell what failed since the last call, and which records are in another ``state``.

        Raises:
            NotDeliveredError: there is any; names them.
        """
        waiting = _ids(records)
        failed, self._ids = self._ids, []
        count, self._count = self._count, 0
        if count or waiting:
            parts = [f"{count} failed"] if count else []
            parts += [f"{len(waiting)} {state}"] if waiting else []
            ids = [*failed, *waiting]
            known = "their ids" if count <= len(failed) else f"the ids of {len(ids)} of them"
            raise NotDeliveredError(
                f"events were not delivered to {self._transport.address}: "
                f"{', '.join(parts)}; {known} are in event_ids",
                ids,
            )


def _ids(records: Iterable[Outgoing]) -> list[str]:
    return [it.event_id for it in records if isinstance(it, Ack)]
