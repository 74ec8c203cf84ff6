"""Names of the headers on the wire, what a consumer reads of them, and a header as text.

CloudEvents 1.0.2 Kafka binding in binary mode, and W3C Trace Context. Those that tell the
cause of a dead letter are in ``dead_letter``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.core.record import Header, HeaderValues

CE_ID: Final = "ce_id"
CE_SOURCE: Final = "ce_source"
CE_SPECVERSION: Final = "ce_specversion"
CE_SUBJECT: Final = "ce_subject"
CE_TIME: Final = "ce_time"
CE_TYPE: Final = "ce_type"
# Extension attributes: lower case and digits only, no separators (CloudEvents §3.1).
CE_CAUSATION_ID: Final = "ce_causationid"
CE_CORRELATION_ID: Final = "ce_correlationid"
# Where bridges took an event from, one place after another with spaces between.
CE_BRIDGED_FROM: Final = "ce_bridgedfrom"
# Where the payload is, if it is not in the record: CloudEvents' dataref extension, and of our own
# what is compared with what is found there.
CE_DATAREF: Final = "ce_dataref"
CE_DATAREF_LENGTH: Final = "ce_datareflength"
CE_DATAREF_SHA256: Final = "ce_datarefsha256"
CE_TENANT_ID: Final = "ce_tenantid"
CONTENT_TYPE: Final = "content-type"
TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
# Of AWS X-Ray: read where there is no traceparent.
X_RAY: Final = "x-amzn-trace-id"
# An event that EventBridge's archive hands out again: the replay's name, as EventBridge calls it.
REPLAY_NAME: Final = "replay-name"

# The cause of a dead letter: under Kafka's own names, and what it has no names for.
KIP_1191_PREFIX: Final = "__dlq.errors."
OWN_PREFIX: Final = "pat-dlq-"
# Of a dead letter that is handed to its group again: see ``replayed``.
REPLAY_PREFIX: Final = "pat-replay-"
REPLAY_ID: Final = f"{REPLAY_PREFIX}id"
# What a record has only while it is a dead letter, or is handled again.
OF_LETTERS: Final = (KIP_1191_PREFIX, OWN_PREFIX, REPLAY_PREFIX)

# Headers a caller cannot set: they are the envelope's or the consumer's own.
RESERVED_PREFIXES: Final = ("ce_", *OF_LETTERS)
RESERVED: Final = frozenset({CONTENT_TYPE, TRACEPARENT, TRACESTATE})

# What a consumer reads: far above what an envelope needs, far below what makes a process slow.
# A producer refuses more, or its events would be dead letters.
MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 65_536
# Of an offset, for one.
MAX_NUMBER: Final = 2**63 - 1
# Milliseconds since 1970 at the end of the year 9999: no calendar shows a later time.
MAX_MS: Final = 253_402_300_799_999


def text(values: HeaderValues, name: str) -> str | None:
    """Return a header as text, or None where it is absent or not UTF-8."""
    value = values.get(name)
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def number(values: HeaderValues, name: str, most: int = MAX_NUMBER) -> int | None:
    """Return a header as a number, or None where it is none, or above ``most``."""
    shown = values.get(name) or b""
    # The length first: making a number of thousands of digits takes long, or is refused.
    if not shown.isdigit() or len(shown) > len(str(most)):
        return None
    found = int(shown)
    return found if found <= most else None


def size_bytes(headers: Iterable[Header]) -> int:
    """Return the bytes that keys and values take, without the record's framing."""
    return sum(len(key) + len(value or b"") for key, value in headers)
