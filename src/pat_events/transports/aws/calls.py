"""One call of a service, for what an operator asks: its answer, or an error of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pat_events.transports.aws.errors import of_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pat_events.errors import PatEventsError
    from pat_events.transports.aws.errors import Resource

    #: Errors of which a call knows more than its service says, by the service's code.
    Known: TypeAlias = Mapping[str, PatEventsError]

A = TypeVar("A")


def call(
    resource: Resource,
    method: Callable[..., A],
    known: Known | None = None,
    **fields: object,
) -> A:
    """Return what a method of a boto3 client answers; the client's settings bound the wait.

    Args:
        resource: What is asked about, as errors name it.
        method: The client's, or what asks it.
        known: See ``Known``.
        fields: What the method takes.

    Raises:
        PatEventsError: one of ``known``, or what ``of_exception`` makes of it.
    """
    try:
        return method(**fields)
    except Exception as error:
        if known and (found := known.get(code_of(error))):
            raise found from error
        raise of_exception(resource, error).error from error


def may_be_done(error: BaseException | None) -> bool:
    """Tell whether an earlier try of this call, made by boto3 itself, may have been heard."""
    answer = getattr(error, "response", None)
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    return bool(metadata.get("RetryAttempts"))


def code_of(error: Exception) -> str:
    """Return the service's word for an error, without the name it has in front."""
    answer = getattr(error, "response", None)
    code = answer.get("Error", {}).get("Code", "") if isinstance(answer, dict) else ""
    return str(code).rpartition(".")[2]
