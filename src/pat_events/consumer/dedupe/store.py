"""Where claims are kept: the contract of every store."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self


class DedupeAnswer(Enum):
    """What a store says of an event that somebody wants to handle."""

    #: It is the caller's now.
    OURS = "ours"
    #: It was completed.
    DONE = "done"
    #: Somebody else has claimed it.
    BUSY = "busy"


class DedupeStore(Protocol):
    """Remembers which events are being handled, and which were.

    Called by several threads at a time, and again with the same where no answer came: each call may
    be repeated. It answers or raises within a time of its own; whatever it raises means that
    nothing is known, and holds the events. No consumer closes it, as others may share it.

    Attributes:
        waits: Its calls wait for somebody else, such as a server: they have a thread of their own.
    """

    waits: bool

    def claim_many(
        self, keys: Sequence[bytes], owner: str, claim_s: float
    ) -> Sequence[DedupeAnswer]:
        """Claim these events for so many seconds; of each what came of it, in their order.

        What the owner has claimed already is claimed from now on. No key comes twice.
        """

    def complete_many(self, keys: Sequence[bytes], ttl_s: float) -> None:
        """These were handled, which is remembered for so many seconds, whoever has claimed them."""

    def release_many(self, keys: Sequence[bytes], owner: str) -> None:
        """Give up the claims that the owner still has of these; what is completed stays so."""


class ClosableStore:
    """A store of this package: who made it closes it, or uses ``with``, when its consumers ended.

    A call after that opens its connections again.
    """

    def close(self) -> None:
        """Close its connections, where it has any; what is known stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
