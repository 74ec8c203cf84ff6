"""Payloads in the process: what S3 is for a claim check elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.errors import ClaimCheckError, TransportUnavailableError

if TYPE_CHECKING:
    from pat_events.core.claim import Claim


class MemoryPayloads:
    """Keeps payloads in memory; see ``PayloadStore``.

    Attributes:
        objects: The payloads, by bucket and key.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self._down = False

    def set_down(self, *, down: bool) -> None:
        """Let it answer nobody, or again."""
        self._down = down

    def put(self, claim: Claim, payload: bytes, content_type: str) -> None:
        """Keep a payload; see ``PayloadStore.put``."""
        del content_type
        self.ping(claim.bucket, 0)
        self.objects[claim.bucket, claim.key] = payload

    def get(self, claim: Claim) -> bytes:
        """Return a payload; see ``PayloadStore.get``."""
        self.ping(claim.bucket, 0)
        payload = self.objects.get((claim.bucket, claim.key))
        if payload is None:
            raise ClaimCheckError(f"{claim.uri} is not there")
        return payload

    def ping(self, bucket: str, timeout_s: float) -> None:
        """Return at once, unless it is down."""
        del timeout_s
        if self._down:
            raise TransportUnavailableError(f"bucket {bucket} does not answer")
