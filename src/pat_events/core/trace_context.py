"""W3C Trace Context, as far as a message needs it: carry on, or begin.

Spans are not made here. A trace that begins without a tracer is marked *not
sampled*, so that nothing downstream records a trace whose root is missing.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_TRACEPARENT: Final = re.compile(
    rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


class TraceContext(NamedTuple):
    """The place in a trace that a message was sent from."""

    traceparent: bytes
    tracestate: bytes | None = None


def begin(trace_id: str, span_id: str) -> bytes:
    """Return the ``traceparent`` of a new, unsampled trace.

    Args:
        trace_id: 32 random hexadecimal digits.
        span_id: 16 or more random hexadecimal digits, of which 16 are used.
    """
    return f"00-{trace_id}-{span_id[:16]}-00".encode()


def carry_on(parent: TraceContext | None, random: str) -> bytes:
    """Return the ``traceparent`` of a message sent because of ``parent``.

    Same trace and flags, new span id. Without a parent a trace begins.

    Args:
        parent: What ``parse`` returned.
        random: 32 random hexadecimal digits.
    """
    if parent is None:
        return begin(random, random[16:])
    return b"00-%s-%s-%s" % (
        parent.traceparent[3:35],
        random[:16].encode(),
        parent.traceparent[53:55],
    )


def parse(traceparent: bytes | None, tracestate: bytes | None = None) -> TraceContext | None:
    """Return the context of the two headers, or None where they hold no valid one."""
    match = _TRACEPARENT.fullmatch(traceparent or b"")
    if match is None:
        return None
    version, trace_id, span_id, _, rest = match.groups()
    known_version = version != b"ff" and not (version == b"00" and rest)
    if not known_version or not trace_id.strip(b"0") or not span_id.strip(b"0"):
        return None
    return TraceContext(match.group(0)[:55], tracestate)
