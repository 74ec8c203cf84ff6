"""The contract of a store for payloads that are too large to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pat_events.core.claim import Claim


class PayloadStore(Protocol):
    """Keeps payloads. Every method may be called from any thread, waits, and ends in time."""

    def put(self, claim: Claim, payload: bytes, content_type: str) -> None:
        """Keep a payload where its claim says, with length and SHA-256 beside it.

        What is there already is replaced: it is the same.

        Raises:
            NotPermittedError, AuthenticationError, TopicMissingError, PermanentError: trying again
                does not help; names the bucket and what to do.
            TransportError: trying again may help.
        """

    def get(self, claim: Claim) -> bytes:
        """Return a payload, of which no more is read than its claim says, and one byte.

        Raises:
            ClaimCheckError: it is not there.
            TransportError: the store does not answer, or not to us.
        """

    def ping(self, bucket: str, timeout_s: float) -> None:
        """Return once the store answers; ``timeout_s`` at most.

        Raises:
            TransportUnavailableError: nobody answered in time.
            AuthenticationError: the sign-in was refused.
            TopicMissingError: there is no such bucket.
        """
