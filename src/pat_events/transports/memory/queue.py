"""A queue inside the process, real in what it does: visibility, receive counts, groups, redrive.

It behaves as SQS does, in one process and without a disk.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.errors import ClosedError, TransportError
from pat_events.system.clock import CLOCK
from pat_events.transports.queue import QueueFeatures, QueueMessage, Undone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pat_events.config import Config
    from pat_events.core.clock import Clock
    from pat_events.core.record import Headers

# As SQS has them.
MAX_VISIBILITY_S: Final = 43_200
MAX_BATCH: Final = 10


@dataclass(slots=True, eq=False)
class _Stored:
    """A message that is neither deleted nor moved away."""

    message_id: str
    value: bytes | None
    headers: Headers
    group: str | None
    key: bytes | None
    sent_ms: int
    receipt: str = ""
    receive_count: int = 0
    first_received_ms: int = 0
    received_at: float = 0.0
    #: When it comes (again), by the monotonic clock in seconds.
    visible_at: float = 0.0


class MemoryQueue:
    """A queue; those who share one receive each other's messages.

    Args:
        name: Its name.
        fifo: Whether it keeps the order of each group.
        redrive: Where messages go that were received so many times.
        clock: For visibility and for waiting.
    """

    system = "memory"

    def __init__(
        self,
        name: str,
        *,
        fifo: bool = False,
        redrive: tuple[MemoryQueue, int] | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        self._name = name
        self._fifo = fifo
        self._redrive = redrive
        self._clock = clock
        self._ids = itertools.count(1)
        # By id, in the order they were sent.
        self._messages: dict[str, _Stored] = {}
        self._by_receipt: dict[str, _Stored] = {}
        self._down = False
        self.changed = threading.Condition(threading.RLock())

    @property
    def name(self) -> str:
        """Its name; see ``Queue.name``."""
        return self._name

    def features(self, timeout_s: float) -> QueueFeatures:
        """Tell what it can do; see ``Queue.features``."""
        del timeout_s
        max_receives = self._redrive[1] if self._redrive is not None else None
        return QueueFeatures(self._fifo, max_receives, MAX_VISIBILITY_S, MAX_BATCH)

    def queue_id(self, timeout_s: float) -> str:
        """Return a name for this very queue, which is another one's once it is gone."""
        del timeout_s
        return f"{self._name}@{id(self):x}"

    def receiver(self, config: Config | None = None) -> MemoryQueueReceiver:
        """Return a new receiver."""
        del config
        return MemoryQueueReceiver(self)

    def send(
        self,
        value: bytes | None,
        headers: Headers = (),
        *,
        key: bytes | None = None,
        group: str | None = None,
    ) -> str:
        """Put a message at the end; returns its id.

        Args:
            value: The payload.
            headers: The headers.
            key: The key, on a queue that keeps no order.
            group: On one that does: messages of one group stay in their order.
        """
        with self.changed:
            message_id = f"{self._name}-{next(self._ids)}"
            if not self._fifo:
                group = None
            elif group is None:
                raise TransportError(f"{self._name} is a FIFO queue: a message needs a group")
            else:
                key = group.encode()
            sent_ms = self._clock.time_ns() // 1_000_000
            self._put(_Stored(message_id, value, tuple(headers), group, key, sent_ms))
            return message_id

    def _put(self, stored: _Stored) -> None:
        with self.changed:
            self._messages[stored.message_id] = stored
            self.changed.notify_all()

    def set_down(self, *, down: bool) -> None:
        """Take the queue away, or bring it back: meanwhile every call fails."""
        with self.changed:
            self._down = down
            self.changed.notify_all()

    def __len__(self) -> int:
        """How many messages there are, received or not."""
        return len(self._messages)

    @property
    def message_ids(self) -> list[str]:
        """What is there, received or not, in the order it was sent."""
        with self.changed:
            return list(self._messages)

    def receive(
        self, receiver: MemoryQueueReceiver, count: int, wait_s: float, visibility_s: int
    ) -> list[QueueMessage]:
        """Return what is there; see ``QueueReceiver.receive``."""
        deadline = self._clock.monotonic() + wait_s
        with self.changed:
            while not receiver.closed:
                self._refuse_if_down()
                now = self._clock.monotonic()
                found = [self._received(each, visibility_s) for each in self._next(count, now)]
                if found or now >= deadline:
                    return found
                later = [m.visible_at for m in self._messages.values() if m.visible_at > now]
                self._clock.wait(self.changed, min([deadline, *later]) - now)
        raise ClosedError("the receiver was closed: make a new one")

    def _next(self, count: int, now: float) -> Iterator[_Stored]:
        """Yield what is to be received now; what was received too often is moved away."""
        blocked = {each.group for each in self._messages.values() if each.visible_at > now}
        for each in list(self._messages.values()):
            if each.visible_at > now or (self._fifo and each.group in blocked):
                continue
            if self._redrive is not None and each.receive_count >= self._redrive[1]:
                self._forget(each)
                each.receipt, each.receive_count, each.first_received_ms = "", 0, 0
                self._redrive[0]._put(each)  # noqa: SLF001 - another of this class
                continue
            yield each
            count -= 1
            if not count:
                return

    def _received(self, stored: _Stored, visibility_s: int) -> QueueMessage:
        now_ms = self._clock.time_ns() // 1_000_000
        self._by_receipt.pop(stored.receipt, None)
        stored.receive_count += 1
        stored.first_received_ms = stored.first_received_ms or now_ms
        stored.received_at = self._clock.monotonic()
        stored.visible_at = stored.received_at + visibility_s
        stored.receipt = f"{stored.message_id}/{stored.receive_count}"
        self._by_receipt[stored.receipt] = stored
        return QueueMessage(
            self._name,
            stored.key,
            stored.value,
            stored.headers,
            stored.sent_ms,
            message_id=stored.message_id,
            receipt=stored.receipt,
            receive_count=stored.receive_count,
            group=stored.group,
            first_received_ms=stored.first_received_ms,
        )

    def _forget(self, stored: _Stored) -> None:
        del self._messages[stored.message_id]
        self._by_receipt.pop(stored.receipt, None)
        self.changed.notify_all()

    def delete(self, receipts: Sequence[str]) -> list[Undone]:
        """Delete; see ``QueueReceiver.delete``."""
        undone = []
        with self.changed:
            self._refuse_if_down()
            for receipt in receipts:
                stored = self._by_receipt.get(receipt)
                if stored is None and receipt.partition("/")[0] not in self._messages:
                    continue
                # Of a queue that keeps no order a receipt is good until the message comes again.
                if stored is None or (self._fifo and not self._is_kept(stored)):
                    undone.append(self._gone(receipt))
                else:
                    self._forget(stored)
        return undone

    def change_visibility(self, receipts: Sequence[str], visibility_s: int) -> list[Undone]:
        """Keep messages, or give them back; see ``QueueReceiver.change_visibility``."""
        undone = []
        with self.changed:
            self._refuse_if_down()
            now = self._clock.monotonic()
            for receipt in receipts:
                stored = self._by_receipt.get(receipt)
                if stored is None or not self._is_kept(stored):
                    undone.append(self._gone(receipt))
                elif now + visibility_s > stored.received_at + MAX_VISIBILITY_S:
                    error = TransportError(f"no message is kept for more than {MAX_VISIBILITY_S} s")
                    undone.append(Undone(receipt, gone=False, error=error))
                else:
                    stored.visible_at = now + visibility_s
                    self.changed.notify_all()
        return undone

    def _is_kept(self, stored: _Stored) -> bool:
        return stored.visible_at > self._clock.monotonic()

    def _gone(self, receipt: str) -> Undone:
        error = TransportError(f"receipt {receipt} of {self._name} is good no more")
        return Undone(receipt, gone=True, error=error)

    def _refuse_if_down(self) -> None:
        if self._down:
            raise TransportError(f"queue {self._name} is down")


class MemoryQueueReceiver:
    """Receives from a ``MemoryQueue``; see ``QueueReceiver``."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self.closed = False

    def receive(self, max_messages: int, wait_s: float, visibility_s: int) -> list[QueueMessage]:
        """Return what is there."""
        return self._queue.receive(self, max_messages, wait_s, visibility_s)

    def delete(self, receipts: Sequence[str]) -> list[Undone]:
        """Delete messages."""
        return self._queue.delete(receipts)

    def change_visibility(self, receipts: Sequence[str], visibility_s: int) -> list[Undone]:
        """Keep messages, or give them back."""
        return self._queue.change_visibility(receipts, visibility_s)

    def close(self) -> None:
        """Receive no more; who waits is told."""
        with self._queue.changed:
            self.closed = True
            self._queue.changed.notify_all()

    def release(self) -> None:
        """There is nothing to let go of."""
        self.close()
