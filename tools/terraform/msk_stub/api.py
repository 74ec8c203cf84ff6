"""What the stubbed services share: requests, refusals, names."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

ACCOUNT = "000000000000"
REGION = "eu-west-1"
CREATED = "2026-01-01T00:00:00Z"

Body = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One call: segments of its path, or the action of a JSON-RPC service, and its body.

    A client that got no answer sends the call again with the same ``invocation``.
    """

    method: str
    segments: list[str]
    action: str
    invocation: str
    body: Body

    def __str__(self) -> str:
        """The call as a log line."""
        return self.action or f"{self.method} /{'/'.join(self.segments)}"


class RefusedError(Exception):
    """An answer of the service that says no."""

    def __init__(self, status: HTTPStatus, kind: str, message: str) -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


def refused(message: str) -> RefusedError:
    """A request the service does not accept."""
    return RefusedError(HTTPStatus.BAD_REQUEST, "BadRequestException", message)


def conflict(message: str) -> RefusedError:
    """A name that is taken."""
    return RefusedError(HTTPStatus.CONFLICT, "ConflictException", message)


def missing(message: str) -> RefusedError:
    """Something that is not there."""
    return RefusedError(HTTPStatus.NOT_FOUND, "NotFoundException", message)


def new_arn(service: str, kind: str, name: str) -> str:
    """An ARN in the form the service gives."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{name}/{uuid.uuid4()}-1"
