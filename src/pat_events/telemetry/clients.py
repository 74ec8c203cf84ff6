"""What clients tell: what became of records, how long it took, how full they are.

Parts of what an ``Observer`` is told; see there.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Acknowledged(NamedTuple):
    """So many records that were sent are where they belong; told a little later, for many."""

    records: int


class NotDelivered(NamedTuple):
    """So many records were refused, or given up; ``error`` is that of one of them."""

    records: int
    error: BaseException


class SentAgain(NamedTuple):
    """So many records are sent again, with their ids.

    Attributes:
        why: What was wrong.
        new_client: By a new client, in place of one that had died or whose TLS was renewed.
    """

    records: int
    why: str
    new_client: bool = False


class OperationEnded(NamedTuple):
    """A client's operation ended; told where an observer wants operations, of some of them.

    Attributes:
        operation: ``send``, from the call to the acknowledgement: of Kafka one record at a time, of
            AWS the record of a call that was taken first. Of a queue's consumer ``receive``, its
            wait for messages included, and ``settle``: each call. Of a group ``poll``, where it
            brought events or failed and 20 times a second at most, its wait included; and
            ``commit``, to the poll that brought the answer.
        seconds: How long it took; where the thread that publishes has seen the acknowledgement,
            up to 5 ms too long.
        error: Why it failed, or None.
    """

    operation: str
    seconds: float
    error: BaseException | None


class BufferLevel(NamedTuple):
    """How full a sender's buffer is; told about once a second where an observer wants levels.

    Attributes:
        sender: Tells senders apart that tell the same observer.
        events: So many are not acknowledged.
        size_bytes: Payload bytes of those.
        max_events: So many have room; 0 once the sender is closed.
        max_bytes: Likewise.
        oldest_s: How long the oldest has waited, in seconds; 0 where there is none.
    """

    sender: int
    events: int
    size_bytes: int
    max_events: int
    max_bytes: int
    oldest_s: float


class BufferWaited(NamedTuple):
    """Somebody who published has waited so many seconds for room, whether there was some or not."""

    seconds: float


class Throttled(NamedTuple):
    """So many records were not taken for now, as there were too many; they are sent again."""

    records: int


class QueueChanged(NamedTuple):
    """Messages were deleted, kept longer or given back, ``failed`` of them were not.

    Attributes:
        change: What was asked.
        messages: So many it was done for.
        failed: So many it was not done for.
        error: Why not, of one of them; or None.
    """

    change: Literal["delete", "extend", "give back"]
    messages: int
    failed: int
    error: BaseException | None
