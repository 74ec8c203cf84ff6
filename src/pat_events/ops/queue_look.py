"""What is in a queue: looked at and given back, or deleted."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from pat_events.codecs.structured import is_of_type
from pat_events.core import headers as h
from pat_events.core.wording import counted
from pat_events.errors import ConfigError, NotPermittedError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from pat_events.config import Config
    from pat_events.transports.queue import (
        QueueFeatures,
        QueueMessage,
        QueueReceiver,
        Undone,
    )

#: For how long what is looked at is kept from consumers at a time, in seconds.
VISIBILITY_S: Final = 30
# A call waits so long for messages, in seconds: bounds how late the end is seen.
_WAIT_S: Final = 1.0
_BATCH: Final = 10


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages are asked for; what is None may be anything.

    Attributes:
        key: Key of the event, or group of the message.
        full_name: Type of the event.
    """

    key: str | None = None
    full_name: str | None = None

    def matches(self, message: QueueMessage) -> bool:
        """Tell whether this message is asked for."""
        if not is_of_type(message, self.full_name):
            return False
        subject = h.text(message.header_values, h.CE_SUBJECT)
        return self.key is None or self.key in (message.group, subject)


class Looked(Protocol):
    """What is needed of a queue to look into it; see ``Queue``."""

    @property
    def name(self) -> str:
        """Its name."""

    def features(self, timeout_s: float) -> QueueFeatures:
        """Ask what the queue can do."""

    def receiver(self, config: Config | None = None) -> QueueReceiver:
        """Return what receives from it."""


class QueueLook:
    """Receives what is in a queue, each message once, and gives all of it back at the end.

    Meanwhile nobody else gets it. A queue knows no other way to look: each message counts one
    receive more, and of a FIFO queue what is behind those of its group is not seen. Leaving the
    block gives back what was not deleted, also after Ctrl-C: what a call under way receives then
    is waited for.

    Args:
        queue: The queue.
        config: Which catalogue its events are of, and how long an answer may take.
        gives_back: Whether what is looked at is not deleted.

    Raises:
        PatEventsError: as ``Queue.features``, unless it lacks the right to ask for these.
        ConfigError: to look at a message would move it to the dead-letter queue.
    """

    def __init__(self, queue: Looked, config: Config, *, gives_back: bool = True) -> None:
        #: After how many receives a message is moved away; None where never.
        self.max_receives: int | None = None
        #: Why that is not known; empty where it is.
        self.untold = ""
        try:
            self.max_receives = queue.features(config.answer_timeout_s).max_receives
        except NotPermittedError as error:
            self.untold = str(error)
        if gives_back and self.max_receives == 1:
            raise ConfigError(
                f"{queue.name} moves a message to its dead-letter queue after one receive: looking "
                "at messages would move them; raise its maxReceiveCount first"
            )
        self._name = queue.name
        self._receiver = queue.receiver(config)
        # A call is not interrupted: who has its messages would be known to nobody.
        self._thread = ThreadPoolExecutor(1, "pat-events-look")
        self._call: Future[Any] | None = None
        # Receipts by message id: what is here, and what of it is to be deleted.
        self._held: dict[str, str] = {}
        self._done: dict[str, str] = {}
        self._extend_at = 0.0
        #: How many were received as often as the queue allows: it moves them away next.
        self.last_receives = 0

    def messages(self, timeout_s: float) -> Iterator[QueueMessage]:
        """Yield what is there, until nothing has come for so many seconds.

        Raises:
            TransportError: as ``QueueReceiver.receive``.
        """
        came_at = time.monotonic()
        self._extend_at = came_at + VISIBILITY_S / 2
        while True:
            left_s = came_at + timeout_s - time.monotonic()
            found = self._ask(self._receive, max(0.0, min(_WAIT_S, left_s)))
            yield from found
            self._delete()
            now = time.monotonic()
            if found:
                came_at = now
            elif now >= came_at + timeout_s:
                return
            if now >= self._extend_at:
                self._extend_at = now + VISIBILITY_S / 2
                self._change(VISIBILITY_S)

    def _receive(self, wait_s: float) -> list[QueueMessage]:
        """Return what was not here before; a queue may hand out a message twice."""
        found = self._receiver.receive(_BATCH, wait_s, VISIBILITY_S)
        fresh = [each for each in found if each.message_id not in self._held]
        # Of one that came again the new receipt is good.
        self._held |= {each.message_id: each.receipt for each in found}
        if self.max_receives is not None:
            self.last_receives += sum(each.receive_count >= self.max_receives for each in fresh)
        return fresh

    def done(self, message: QueueMessage) -> None:
        """Delete this one, soon: before more are received, or at the end."""
        self._done[message.message_id] = self._held.pop(message.message_id)

    def _delete(self) -> None:
        # Known until it is done: what is interrupted is asked once more at the end.
        undone = self._in_batches(self._receiver.delete, self._done.values())
        self._done.clear()
        if undone:
            raise TransportError(
                f"{counted(len(undone), 'message')} could not be deleted from {self._name} and "
                f"come again: {undone[0].error}"
            )

    def _change(self, visibility_s: int) -> list[Undone]:
        return self._in_batches(
            lambda receipts: self._receiver.change_visibility(receipts, visibility_s),
            self._held.values(),
        )

    def _in_batches(
        self, ask: Callable[[Sequence[str]], list[Undone]], receipts: Iterable[str]
    ) -> list[Undone]:
        undone: list[Undone] = []
        waiting = list(receipts)
        for begin in range(0, len(waiting), _BATCH):
            batch = waiting[begin : begin + _BATCH]
            undone += [each for each in self._ask(ask, batch) if not each.gone]
        return undone

    def _ask(self, method: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - the method's
        self._call = self._thread.submit(method, *arguments)
        return self._call.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failures: list[TransportError] = []
        for step in (self._delete, self._give_back):
            try:
                self._wait()
                step()
            except TransportError as failure:
                failures.append(failure)
        self._receiver.release()
        self._thread.shutdown(wait=False)
        if failures and error is None:
            raise failures[0]
        for each in failures:
            assert error is not None  # noqa: S101 - or it was raised above
            error.add_note(str(each))

    def _wait(self) -> None:
        """Wait for a call that was interrupted; it is bounded."""
        if self._call is not None:
            with contextlib.suppress(TransportError):
                self._call.result()

    def _give_back(self) -> None:
        try:
            undone = self._change(0)
        except TransportError as error:
            raise self._not_given_back(len(self._held), error) from error
        if undone:
            raise self._not_given_back(len(undone), undone[0].error)

    def _not_given_back(self, count: int, error: Exception) -> TransportError:
        return TransportError(
            f"{counted(count, 'message')} of {self._name} could not be given back, and come again "
            f"within {VISIBILITY_S} s: {error}"
        )
