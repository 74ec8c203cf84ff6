"""What a cluster answers to the requests of an admin client."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Final, TypeVar

from confluent_kafka import KafkaException

from pat_events.errors import TransportTimeoutError
from pat_events.transports.kafka.errors import translate

if TYPE_CHECKING:
    from collections.abc import Container
    from concurrent.futures import Future

T = TypeVar("T")

# Longest wait for one answer, in seconds. Creating topics waits for every replica.
ANSWER_S: Final = 15.0
# The client gives up first, and says which broker did not answer.
_FUTURE_S: Final = ANSWER_S + 5.0


class Answers:
    """Waits for them, within bounds.

    Both methods take what is asked as ``doing``, which begins the sentence of an error. They raise
    ``TransportError`` where the cluster refuses, and ``TransportTimeoutError`` where it is silent.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def of(self, future: Future[T], doing: str) -> T:
        """Return the answer."""
        try:
            return self._result(future, doing)
        except KafkaException as error:
            raise translate(error.args[0], doing) from error

    def succeeded(self, future: Future[None], doing: str, *, unless: Container[int]) -> bool:
        """Tell whether it was done; False where the cluster refused it with one of these codes."""
        try:
            self._result(future, doing)
        except KafkaException as error:
            if error.args[0].code() in unless:
                return False
            raise translate(error.args[0], doing) from error
        return True

    def _result(self, future: Future[T], doing: str) -> T:
        try:
            return future.result(_FUTURE_S)
        except FutureTimeoutError:
            raise TransportTimeoutError(
                f"{doing}: no answer from {self._address} in {_FUTURE_S:g} s"
            ) from None
