"""What handlers publish with where their consumer was given no transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pat_events.errors import HoldError
from pat_events.producer.producer import Producer

if TYPE_CHECKING:
    from google.protobuf.message import Message


class NoTransport(Producer):
    """A producer that has nowhere to publish to.

    It is the same for every event and no event is to blame: whose handler publishes is held, so
    that none is lost, or counted as failed, for what its service forgot.

    Args:
        title: What messages call the consumer.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def publish(self, event: Message, **_: Any) -> NoReturn:  # noqa: ANN401 - as a producer has it
        """Refuse it.

        Raises:
            HoldError: says what to give the consumer.
        """
        raise HoldError(
            f"{type(event).__name__} cannot be published: {self._title} has no transport; give "
            "QueueConsumer(..., transport=...) one, and start it again"
        )

    async def apublish(self, event: Message, **_: Any) -> NoReturn:  # noqa: ANN401 - as above
        """Refuse it; see ``publish``."""
        self.publish(event)

    def close(self, timeout_s: float = 0.0) -> None:
        """Nothing was taken."""
