"""Back pressure: waiting for room in a full buffer, within bounds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pat_events.errors import BufferFullError
from pat_events.telemetry.clients import BufferWaited

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.telemetry.observer import Observer
    from pat_events.transports.sending import Outgoing, Sender

# A coroutine asks again after so long, doubled each time, in seconds.
_FIRST_S: Final = 0.001
_MAX_S: Final = 0.05


class BackPressure:
    """Hands over records, also those that a sender has no room for.

    Args:
        sender: Takes them.
        timeout_s: Longest wait, in seconds.
        monotonic: Monotonic seconds.
        observer: Is told how long somebody has waited.
    """

    def __init__(
        self,
        sender: Sender,
        timeout_s: float,
        monotonic: Callable[[], float],
        observer: Observer | None = None,
    ) -> None:
        self._sender = sender
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._observer = observer

    def take(self, outgoing: Outgoing) -> None:
        """Send, and wait for room if there is none; in a thread that may wait.

        Raises:
            BufferFullError: there is none in time, or nobody may wait here; it was not taken.
            PatEventsError: as ``Sender.send``.
        """
        try:
            self._sender.send(outgoing)
        except BufferFullError:
            self.send(outgoing)

    async def atake(self, outgoing: Outgoing) -> None:
        """Send, and await room if there is none; on an event loop.

        Raises:
            BufferFullError: there is none in time; it was not taken.
            PatEventsError: as ``Sender.send``.
        """
        try:
            self._sender.send(outgoing)
        except BufferFullError:
            await self.asend(outgoing)

    def send(self, outgoing: Outgoing) -> None:
        """Send what was refused for want of room, as soon as there is some; see ``take``."""
        self._refuse_to_block()
        began = self._monotonic()
        try:
            self._send_until(outgoing, began + self._timeout_s)
        finally:
            self._waited(began)

    def _send_until(self, outgoing: Outgoing, deadline: float) -> None:
        while True:
            left = deadline - self._monotonic()
            self._sender.wait_for_room(max(0.0, left))
            try:
                self._sender.send(outgoing)
            except BufferFullError:
                if left <= 0:
                    raise
            else:
                return

    async def asend(self, outgoing: Outgoing) -> None:
        """Send what was refused for want of room, as soon as there is some; see ``atake``."""
        began = self._monotonic()
        try:
            await self._asend_until(outgoing, began + self._timeout_s)
        finally:
            self._waited(began)

    async def _asend_until(self, outgoing: Outgoing, deadline: float) -> None:
        wait_s = _FIRST_S
        # Nothing is awaited where no time is given: who steps a coroutine may have no event loop.
        while self._monotonic() < deadline:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _MAX_S)
            try:
                self._sender.send(outgoing)
            except BufferFullError:
                continue
            return
        self._sender.send(outgoing)

    def _waited(self, began: float) -> None:
        if self._observer is not None:
            self._observer.saw(BufferWaited(self._monotonic() - began))

    def _refuse_to_block(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise BufferFullError(
                "the send buffer is full; a coroutine must not block its event loop: use "
                "'await producer.apublish(event)', which waits for room"
            )
        if not self._sender.may_wait():
            raise BufferFullError(
                "the send buffer is full, and a callback that waits keeps it so: publish from "
                "another thread"
            )
