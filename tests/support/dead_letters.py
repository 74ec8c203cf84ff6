"""Dead letters of a topic, as a group writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.catalog.model import Catalog
from pat_events.core.dead_letter import Cause, dead_letter, without_value
from pat_events.core.record import Delivery
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from pat_events.core.record import Record

TOPIC = "pat-emails"
GROUP = "email-processor"
LETTERS = Catalog.dead_letter_topic(TOPIC, GROUP)
RETRY = Catalog.retry_topic(TOPIC, GROUP)
AUDIT = Catalog.audit_topic(GROUP)
FAILED_MS = 1_795_000_000_000


def letter(
    key: str,
    *,
    value: bytes | None = b"\xff no event",
    error: BaseException | None = None,
    reason: str = "attempts-exhausted",
    handler: str = "emails.process",
    failed_ms: int = FAILED_MS,
    replays: int = 0,
    origin: tuple[str, int, int] = (TOPIC, 0, 7),
    large: bool = False,
    topic: str = LETTERS,
    group: str = GROUP,
) -> Outgoing:
    """A letter of an event with the id ``id-KEY``; without its value where that is ``large``."""
    headers = [
        ("ce_id", f"id-{key}".encode()),
        ("ce_type", b"pat.events.v1.EmailReceived"),
        ("content-type", b"application/protobuf"),
    ]
    delivery = Delivery(*origin, key.encode(), value, headers, failed_ms - 5_000)
    cause = Cause(
        group,
        handler,
        reason,
        error or ConnectionError("mail API unreachable"),
        5,
        failed_ms - 1_000,
        failed_ms,
        replays,
    )
    made: Record = dead_letter(delivery, topic, cause)
    if large:
        made = without_value(made)
    return Outgoing(made.topic, made.key, made.value, list(made.headers), made.timestamp_ms)
