"""What is asked of a queue, and what came of it: values that one thread after another has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from pat_events.errors import PatEventsError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.transports.queue import QueueMessage, QueueReceiver, Undone

Kind: TypeAlias = Literal["delete", "extend", "give back"]


class Receive:
    """Receive messages.

    Attributes:
        messages: What came.
        error: Why nothing came, where something failed.
        asked_at: When this was made, by the monotonic clock in seconds.
        at: When the answer was there, likewise.
    """

    __slots__ = ("asked_at", "at", "count", "error", "messages", "visibility_s", "wait_s")

    def __init__(self, count: int, wait_s: float, visibility_s: int, asked_at: float) -> None:
        self.count = count
        self.wait_s = wait_s
        self.visibility_s = visibility_s
        self.asked_at = asked_at
        self.messages: list[QueueMessage] = []
        self.error: PatEventsError | None = None
        self.at = 0.0

    def run(self, receiver: QueueReceiver, clock: Callable[[], float]) -> None:
        """Ask; raises nothing."""
        try:
            self.messages = receiver.receive(self.count, self.wait_s, self.visibility_s)
        except Exception as error:  # noqa: BLE001 - told to the engine
            self.error = _typed(error)
        self.at = clock()


class Change:
    """Delete messages, keep them longer, or give them back.

    Attributes:
        messages: Which, by the receipts that were theirs when this was made.
        at: When it was made, by the monotonic clock in seconds.
        undone: For which of them it was not done, though there was an answer.
        error: Why there was none.
    """

    __slots__ = ("at", "error", "kind", "messages", "undone", "visibility_s")

    def __init__(
        self, kind: Kind, messages: Sequence[QueueMessage], at: float, visibility_s: int = 0
    ) -> None:
        self.kind: Kind = kind
        self.messages = {message.receipt: message for message in messages}
        self.visibility_s = visibility_s
        self.at = at
        self.undone: list[Undone] = []
        self.error: PatEventsError | None = None

    def run(self, receiver: QueueReceiver, clock: Callable[[], float]) -> None:
        """Ask; raises nothing."""
        del clock
        try:
            if self.kind == "delete":
                self.undone = receiver.delete(list(self.messages))
            else:
                self.undone = receiver.change_visibility(list(self.messages), self.visibility_s)
        except Exception as error:  # noqa: BLE001 - told to the engine
            self.error = _typed(error)


def _typed(error: Exception) -> PatEventsError:
    if isinstance(error, PatEventsError):
        return error
    unforeseen = TransportError(f"the queue's client failed: {error!r}")
    unforeseen.__cause__ = error
    return unforeseen


Request: TypeAlias = Receive | Change


class Requests(Protocol):
    """Whoever asks, in the order of his own choice; each request is then posted to the inbox."""

    def submit(self, request: Request) -> None:
        """Ask this, soon; called from the engine's thread."""

    def stop_receiving(self) -> None:
        """Receive no more: calls under way may end early. All else goes on."""
