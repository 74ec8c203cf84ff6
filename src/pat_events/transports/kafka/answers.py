"""Answers of the admin client, which come as futures: each is waited for with a bound."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import KafkaException

from pat_events.errors import NotPermittedError, PatEventsError, TransportTimeoutError
from pat_events.transports.kafka.errors import translate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

T = TypeVar("T")

# Longest wait for one answer, in seconds. Creating topics waits for every replica.
ANSWER_S: Final = 15.0
# The client gives up first, and says which broker did not answer.
FUTURE_S: Final = ANSWER_S + 5.0


def answer(future: Future[T], doing: str) -> T:
    """Return an answer; ``doing`` begins the sentence of what is raised without one.

    Raises:
        TransportTimeoutError: none came in time.
        TransportError: the cluster refused.
    """
    try:
        return future.result(FUTURE_S)
    except KafkaException as error:
        raise translate(error.args[0], doing) from error
    except FutureTimeoutError:
        raise TransportTimeoutError(f"{doing}: no answer in {FUTURE_S:g} s") from None


def was_done(future: Future[None], doing: str, otherwise: int) -> bool:
    """Tell whether something was done now, and not before, which is the error ``otherwise``."""
    try:
        answer(future, doing)
    except PatEventsError as error:
        cause = error.__cause__
        if isinstance(cause, KafkaException) and cause.args[0].code() == otherwise:
            return False
        raise
    return True


def refusals(
    futures: Mapping[str, Future[None]], doing: str, otherwise: int
) -> list[PatEventsError]:
    """Return what was refused; not what need not be done, which is the error ``otherwise``."""
    found = []
    for name, future in futures.items():
        try:
            was_done(future, f"{doing} {name}", otherwise)
        except PatEventsError as error:
            found.append(error)
    return found


def permitted_by(future: Future[Any], what: str) -> frozenset[str] | None:
    """Return what a description says this client may do; None where the cluster does not say."""
    try:
        operations = answer(future, f"asking what is permitted on {what}").authorized_operations
    except NotPermittedError:
        return frozenset()
    return None if operations is None else frozenset(it.name for it in operations)
