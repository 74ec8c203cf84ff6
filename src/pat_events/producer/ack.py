"""The handle of a published event: wait for it, or await it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, cast

from pat_events.core.record import Position
from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.errors import TransportTimeoutError
from pat_events.system.signals import ends_the_process
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pat_events.errors import PatEventsError
    from pat_events.transports.sending import Place, Sender

_log = logging.getLogger("pat_events.producer")

# Of all callbacks: one that is broken fails for every event.
_repeats = Repeats()
_SENT: dict[str, bytes | None] = {}


class Ack(Outgoing):
    """What becomes of one published event.

    Wait with ``result()`` in a thread, or ``await`` it in a coroutine. Both return where the event
    is (of a log: its position, once every in-sync replica has it), or raise why it is not.

    Attributes:
        event_id: The id the event carries, also across retries.
    """

    __slots__ = ("_callbacks", "_on_failure", "_sender", "event_id")

    def __init__(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        headers: dict[str, bytes | None],
        timestamp_ms: int,
        event_id: str,
        sender: Sender,
        on_failure: Callable[[Ack], None],
    ) -> None:
        # Not super().__init__: one call less for every event published.
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp_ms = timestamp_ms
        self.settled = False
        self.error: PatEventsError | None = None
        self.place: Place | None = None
        self.slot = None
        self.event_id = event_id
        self._sender = sender
        self._on_failure = on_failure
        self._callbacks: list[Callable[[Ack], object]] | None = None

    def __repr__(self) -> str:
        state = "waiting" if not self.settled else f"{self.error or self.position}"
        return f"<Ack {self.event_id} {state}>"

    @property
    def position(self) -> Position | None:
        """Where the event is: its position in a log, or the id that a queue or bus gave it.

        None while it is not acknowledged. An offset of -1 is unknown: the answer named none, as
        for an event that was sent again and that the broker had already.
        """
        place = self.place
        if place is None:
            return None
        if isinstance(place, str):
            return Position(self.topic, message_id=place)
        return Position(self.topic, *place)

    def done(self) -> bool:
        """Tell whether the event was acknowledged or given up."""
        return self.settled

    def result(self, timeout: float | None = None) -> Position:
        """Wait for the acknowledgement; returns where the event is, see ``position``.

        A done callback cannot wait: there it tells at once that the outcome is not known.

        Args:
            timeout: Longest wait in seconds. None waits for the outcome, which
                comes after ``delivery_timeout_s`` at the latest.

        Raises:
            TransportTimeoutError: still unknown; the event may yet be delivered.
            PatEventsError: the event was given up, and why.
        """
        if not self.settled:
            self._refuse_to_block()
            # A bare lock and not an Event: the handler of a signal may publish, and so settle
            # this event, while this thread is half-way through waiting.
            waiting = threading.Lock()
            waiting.acquire()
            self.add_done_callback(lambda _: waiting.release())
            self._sender.expedite()
            limit = -1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
            if not waiting.acquire(timeout=limit):
                raise TransportTimeoutError(
                    f"event {self.event_id} for {self.topic} was not acknowledged within "
                    f"{timeout} s; it stays in the buffer and may still be delivered"
                )
        return self._outcome()

    def _outcome(self) -> Position:
        if self.error is not None:
            raise self.error
        return cast("Position", self.position)

    def add_done_callback(self, callback: Callable[[Ack], object]) -> None:
        """Call ``callback(ack)`` once the outcome is known, or now if it is.

        It runs on a thread that collects acknowledgements: return quickly. What it
        raises is logged; only ``KeyboardInterrupt`` and ``SystemExit`` leave the main thread's
        call.
        """
        # No call in it, so that neither another thread nor the handler of a signal, which may add
        # one as well, can come between the look and the assignment. A lock it might find held.
        fresh: list[Callable[[Ack], object]] = []
        self._callbacks = fresh if self._callbacks is None else self._callbacks
        self._callbacks.append(callback)
        if self.settled:
            self._run_callbacks()

    def _refuse_to_block(self) -> None:
        if not self._sender.may_wait():
            raise TransportTimeoutError(
                f"event {self.event_id} for {self.topic} is not acknowledged yet, and a callback "
                "that waits keeps it so: give it a callback of its own with add_done_callback, or "
                "wait in another thread"
            )

    def settle(self, error: PatEventsError | None, place: Place | None) -> None:
        """Record the outcome; the sender's to call."""
        self.place = place
        self.error = error
        self.settled = True
        # A handle that is kept does not keep its payload.
        self.value = None
        self.headers = _SENT
        if error is not None:
            self._on_failure(self)
        if self._callbacks:
            self._run_callbacks()

    def not_taken(self, error: BaseException) -> None:
        """Tell callbacks that no sender has it; whoever published is told by what it raises."""
        self.error = error  # type: ignore[assignment]  # nobody else has this handle
        self.settled = True
        if self._callbacks:
            self._run_callbacks()

    def _run_callbacks(self) -> None:
        callbacks = self._callbacks
        ending: BaseException | None = None
        while callbacks:
            try:
                # Popping decides who runs it: settling and adding may happen at once.
                callback = callbacks.pop(0)
            except IndexError:
                break
            try:
                callback(self)
            except BaseException as error:  # noqa: BLE001 - whatever it is
                if ends_the_process(error):
                    ending = error
                    continue
                # It would end the thread that collects everybody's acknowledgements, or be raised
                # by the ``publish`` of somebody else.
                more = _repeats.note(type(error).__name__, time.monotonic())
                if more is not None:
                    _log.exception(
                        "a callback of event %s failed%s",
                        one_line(self.event_id),
                        more_like_it(more),
                        extra={"event_id": one_line(self.event_id)},
                    )
        if ending is not None:
            raise ending

    def __await__(self) -> Generator[object, None, Position]:
        if not self.settled:
            self._refuse_to_block()
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self.add_done_callback(partial(_post, _mailbox(loop), future))
            self._sender.expedite()
            yield from future
        return self._outcome()


class _Mailbox:
    """Wakes a loop once for all the acknowledgements that arrived together.

    One ``call_soon_threadsafe`` per acknowledgement costs more than everything else on the way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weak, or the loop would be kept alive by its own entry below.
        self._loop = weakref.ref(loop)
        self._ready: deque[asyncio.Future[None]] = deque()
        self._scheduled = False

    def post(self, future: asyncio.Future[None]) -> None:
        loop = self._loop()
        # A loop that ended drains nothing, and a future kept here would keep it alive.
        if loop is None or loop.is_closed():
            self._ready.clear()
            return
        self._ready.append(future)
        # No lock, which the handler of a signal might find held. What is scheduled twice finds
        # nothing the second time.
        if self._scheduled:
            return
        self._scheduled = True
        try:
            loop.call_soon_threadsafe(self._drain)
        except RuntimeError:  # It ended just now.
            self._ready.clear()

    def _drain(self) -> None:
        # Before looking: what is posted from now on is scheduled again.
        self._scheduled = False
        while self._ready:
            future = self._ready.popleft()
            if not future.done():
                future.set_result(None)


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = (
    weakref.WeakKeyDictionary()
)


def _mailbox(loop: asyncio.AbstractEventLoop) -> _Mailbox:
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        mailbox = _mailboxes[loop] = _Mailbox(loop)
    return mailbox


def _post(mailbox: _Mailbox, future: asyncio.Future[None], _: Ack) -> None:
    mailbox.post(future)
