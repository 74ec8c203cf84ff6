"""S3, where a claim check keeps payloads."""

from __future__ import annotations

import base64
import threading
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pat_events.errors import ClaimCheckError, TransportError, TransportTimeoutError
from pat_events.transports.aws.client import Clients
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.errors import Resource, of_exception

if TYPE_CHECKING:
    from pat_events.core.claim import Claim
    from pat_events.errors import PatEventsError

# As many as ask at a time: uploads, and the workers of a consumer.
_CONNECTIONS: Final = 32
# Longest for one payload, whose pieces come with waits between them, in seconds.
_READ_S: Final = 60.0
_PIECE_BYTES: Final = 1_048_576
# Without the second S3 says of an object that is not there that it may not be read.
_READ_RIGHTS: Final = "s3:GetObject and s3:ListBucket"
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchVersion"})
# A question about a bucket is answered without a body, and so without a code of S3's own.
_HEAD: Final = {"404": "NoSuchBucket", "403": "AccessDenied"}


class S3Payloads:
    """Keeps payloads in S3; see ``PayloadStore``.

    The client is made when it is first used.

    Args:
        config: Where S3 is, and how long calls may take; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: an impossible setting.
    """

    def __init__(self, config: AwsConfig | None = None) -> None:
        config = replace(AwsConfig.given(config), calls_in_flight=_CONNECTIONS)
        self._clients = Clients("s3", config)
        self._lock = threading.Lock()
        self._client: Any = None

    def put(self, claim: Claim, payload: bytes, content_type: str) -> None:
        """Keep a payload; see ``PayloadStore.put``."""
        client = self._made()
        try:
            client.put_object(
                Bucket=claim.bucket,
                Key=claim.key,
                Body=payload,
                ContentType=content_type,
                # What S3 receives is compared with it there.
                ChecksumSHA256=base64.b64encode(bytes.fromhex(claim.sha256)).decode(),
                Metadata={"length": str(claim.length), "sha256": claim.sha256},
            )
        except Exception as error:
            place = _place("s3:PutObject", "uploading to", claim.bucket, client.meta.region_name)
            raise of_exception(place, error).error from error

    def get(self, claim: Claim) -> bytes:
        """Return a payload; see ``PayloadStore.get``."""
        client = self._made()
        try:
            answer = client.get_object(Bucket=claim.bucket, Key=claim.key)
            with closing(answer["Body"]) as body:
                return _read(body, claim)
        except TransportTimeoutError:
            raise
        except Exception as error:
            raise _why_not_read(claim, client.meta.region_name, error) from error

    def ping(self, bucket: str, timeout_s: float) -> None:
        """Ask whether the bucket is there; see ``PayloadStore.ping``."""
        place = partial(_place, "s3:PutObject", "uploading to", bucket)
        self._clients.ask(timeout_s, place, partial(_look, bucket))

    def _made(self) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        client = self._client
        if client is None:
            with self._lock:
                client = self._client = self._client or self._clients.make()
        return client


def _read(body: Any, claim: Claim) -> bytes:  # noqa: ANN401 - as above
    """Return what is there: one byte more than there should be tells that it is another."""
    deadline = time.monotonic() + _READ_S
    pieces: list[bytes] = []
    left = claim.length + 1
    while left > 0 and (piece := body.read(min(left, _PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
        if time.monotonic() > deadline:
            raise TransportTimeoutError(
                f"reading {claim.uri}: {claim.length - left + 1} of {claim.length} bytes came in "
                f"{_READ_S:g} s"
            )
    return b"".join(pieces)


def _why_not_read(claim: Claim, region: str, error: Exception) -> PatEventsError:
    # Other errors have a response as well, which is none of S3's answers.
    response = getattr(error, "response", None)
    found = response.get("Error", {}) if isinstance(response, dict) else {}
    if found.get("Code") in _MISSING:
        return ClaimCheckError(
            f"{claim.uri} is not there: it was deleted, by a lifecycle rule or somebody, before "
            "the event was handled"
        )
    place = _place(_READ_RIGHTS, "reading from", claim.bucket, region)
    refused = of_exception(place, error).error
    # What is wrong with a request for an object, such as one that was archived, is no fault of the
    # event's, which would be given up for it.
    return refused if isinstance(refused, TransportError) else TransportError(str(refused))


def _place(right: str, doing: str, bucket: str, region: str) -> Resource:
    return Resource(f"bucket {bucket}", region, right, doing)


def _look(bucket: str, client: Any) -> None:  # noqa: ANN401 - as above
    from botocore.exceptions import ClientError  # noqa: PLC0415 - needs an extra

    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        found = error.response.get("Error", {})
        found["Code"] = _HEAD.get(found.get("Code", ""), found.get("Code", "?"))
        raise
