"""What AWS answers, as errors of ours that name the resource and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pat_events.core.claim import TOO_LARGE_ADVICE
from pat_events.core.shown import one_line
from pat_events.errors import (
    AuthenticationError,
    NotPermittedError,
    RecordTooLargeError,
    SchemaError,
    TopicMissingError,
    TransportError,
    TransportTimeoutError,
    TransportUnavailableError,
)
from pat_events.transports.aws.batching import Refused, Taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.errors import PatEventsError
    from pat_events.transports.aws.batching import Answer

_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_TOO_LARGE: Final = 413
_SHOWN_MAX: Final = 300
# What EventBridge says, with a code that may mean anything, of a call and of an entry in it.
_OVER_LIMIT: Final = "Total size of the entries in the request is over the limit"

_THROTTLED: Final = ("Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown")
_BUSY: Final = frozenset(
    {
        "InternalFailure",
        "InternalError",
        "InternalException",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
    }
)
_MISSING: Final = (
    "NonExistentQueue",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "NotFound",
    "ResourceNotFound",
    "InvalidAccountId",
    "InvalidAddress",  # The queue's URL is that of another region.
)
_DENIED: Final = ("AccessDenied", "AuthorizationError", "NotAuthorized", "UnauthorizedOperation")
_SIGN_IN: Final = (
    "ExpiredToken",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "InvalidToken",
    "InvalidSecurity",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "IncompleteSignature",
    "OptInRequired",
)
# Said of a whole call, while one of its messages is the reason.
_OF_ONE: Final = ("Invalid", "Validation", "TooLong", "Malformed", "Unsupported", "Serialization")


class Resource(NamedTuple):
    """Where something was sent, or received from, in the words of its errors.

    Attributes:
        what: Such as "queue emails".
        region: Its region, or the address that stands for it.
        right: What one needs for that, such as "sqs:SendMessage".
        doing: What was done there.
    """

    what: str
    region: str
    right: str
    doing: str = "sending to"

    def __str__(self) -> str:
        return f"{self.what} in {self.region}"


def of_code(resource: Resource, code: str, message: str, status: int = 0) -> Refused:
    """Return what an error code of a service means, for an entry or a call.

    Args:
        resource: Where something was sent.
        code: The service's word for it, with or without a name in front.
        message: What else it says.
        status: HTTP status of the answer; 0 for that of one entry.
    """
    said = one_line(f"{code}: {message}" if message else code, _SHOWN_MAX)
    name = code.rpartition(".")[2]
    if "hrottl" in code or name.startswith(_THROTTLED) or status == _TOO_MANY:
        return Refused(
            TransportError(f"{resource.doing} {resource}: throttled ({said})"),
            again=True,
            throttled=True,
        )
    access = _of_access(resource, code, name, said)
    if access is not None:
        return Refused(access)
    if name.startswith(_MISSING):
        return Refused(
            TopicMissingError(
                f"there is no {resource} ({said}): create it, or correct its name, region or "
                "account"
            )
        )
    if status >= _SERVER_ERROR or name in _BUSY:
        return Refused(
            TransportError(f"{resource.doing} {resource}: it failed ({said})"), again=True
        )
    return _of_message(resource, name, said, status)


def _of_access(resource: Resource, code: str, name: str, said: str) -> PatEventsError | None:
    """Return what keeps who asks from it; None where it is nothing of that kind."""
    doing = f"{resource.doing} {resource}"
    if name.startswith(_DENIED) or "AccessDenied" in name:
        return NotPermittedError(
            f"{doing}: not permitted ({said}): grant {resource.right} on it, and on its KMS key "
            "kms:GenerateDataKey and kms:Decrypt if it has one"
        )
    # Before the words that would mean the resource itself, such as NotFound.
    if code.startswith(("KMS", "Kms")):
        return TransportError(
            f"{doing}: its KMS key cannot be used ({said}): enable it, or name another"
        )
    return _not_signed_in(resource, said) if name.startswith(_SIGN_IN) else None


def _of_message(resource: Resource, name: str, said: str, status: int) -> Refused:
    doing = f"{resource.doing} {resource}"
    error: PatEventsError
    if (
        name.endswith("TooLong")
        or name == "EntityTooLarge"
        or status == _TOO_LARGE
        or "must be shorter than" in said
        or _OVER_LIMIT in said
    ):
        setting = (
            "PAT_EVENTS_AWS_ENTRY_BYTES (entry_bytes) to"
            if _OVER_LIMIT in said
            else "PAT_EVENTS_CLAIM_CHECK_ABOVE_BYTES below"
        )
        error = RecordTooLargeError(
            f"{doing}: it is too large for it ({said}): {TOO_LARGE_ADVICE}; where there is one, "
            f"set {setting} what it takes"
        )
        return Refused(error, may_be_one=True)
    if name.startswith(_OF_ONE) or any(word in name for word in _OF_ONE):
        return Refused(SchemaError(f"{doing}: it was refused ({said})"), may_be_one=True)
    return Refused(TransportError(f"{doing}: it was refused ({said})"), may_be_one=True)


def of_exception(resource: Resource, error: Exception) -> Refused:
    """Return what an exception of botocore means, for a call.

    Raises:
        Exception: it is none of botocore's.
    """
    from botocore import exceptions as b  # noqa: PLC0415 - needs an extra
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    if isinstance(error, b.ClientError):
        answer = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        found = answer.get("Error", {})
        refused = of_code(resource, found.get("Code", "?"), found.get("Message", ""), status)
    elif isinstance(error, b.ReadTimeoutError | b.ConnectTimeoutError):
        text = f"{resource.doing} {resource}: no answer ({_shown(error)})"
        refused = Refused(TransportTimeoutError(text), again=True)
    elif isinstance(error, b.ConnectionError | b.HTTPClientError):
        text = (
            f"{resource.doing} {resource}: it cannot be reached ({_shown(error)}): correct "
            "region or endpoint_url if this goes on"
        )
        refused = Refused(TransportUnavailableError(text), again=True)
    elif isinstance(error, ResponseParserError | b.IncompleteReadError) or _is_of_parser(error):
        text = f"{resource.doing} {resource}: the answer makes no sense ({_shown(error)})"
        refused = Refused(TransportError(text), again=True)
    elif isinstance(error, b.BotoCoreError) and _is_about_credentials(error):
        refused = Refused(_not_signed_in(resource, _shown(error)))
    elif isinstance(error, b.BotoCoreError):
        text = f"{resource.doing} {resource}: {_shown(error)}"
        refused = Refused(TransportError(text), may_be_one=True)
    else:
        raise error
    refused.error.__cause__ = error
    return refused


def of_batch(resource: Resource, answer: Mapping[str, Any], count: int) -> list[Answer]:
    """Return what SQS or SNS say of ``count`` entries whose ids are their numbers."""
    found: dict[str | None, Answer] = {
        it.get("Id"): Taken(it["MessageId"])
        for it in answer.get("Successful", ())
        if it.get("MessageId")
    }
    for it in answer.get("Failed", ()):
        refused = of_code(resource, it.get("Code", "?"), it.get("Message", ""))
        # By its own words it is none of the sender's faults, whatever the code.
        is_theirs = not it.get("SenderFault", True)
        found[it.get("Id")] = refused._replace(again=True) if is_theirs else refused
    return [found.get(str(number)) or unheard_of(resource) for number in range(count)]


def unheard_of(resource: Resource) -> Refused:
    """Return what it means that an answer does not tell what became of an entry."""
    text = f"{resource.doing} {resource}: the answer does not say what became of it"
    return Refused(TransportError(text), again=True)


def _is_of_parser(error: Exception) -> bool:
    """Tell whether what reads answers has raised this: it trips over what is none of AWS's."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == "botocore.parsers":
            return True
        trace = trace.tb_next
    return False


def _is_about_credentials(error: Exception) -> bool:
    name = type(error).__name__
    return any(word in name for word in ("Credential", "Token", "SSO", "Profile", "Login"))


def _not_signed_in(resource: Resource, said: str) -> AuthenticationError:
    return AuthenticationError(
        f"{resource.doing} {resource}: AWS does not accept who asks ({said}): give boto3 valid "
        "credentials, such as AWS_PROFILE or the role of the task, and set the clock right"
    )


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(str(error), _SHOWN_MAX)}"
