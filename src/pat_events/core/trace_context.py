"""W3C Trace Context, as far as a message needs it, and X-Ray's: carry on what there is.

Spans are not made here, and no trace begins here: one without a tracer would have a root that is
recorded nowhere, and "not sampled" in it would keep everybody downstream from recording theirs.
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


def carry_on(parent: TraceContext, random: str) -> bytes:
    """Return the ``traceparent`` of a message sent because of ``parent``.

    Same trace and flags, new span id.

    Args:
        parent: What ``parse`` returned.
        random: 16 or more random hexadecimal digits, of which 16 are used.
    """
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


def parse_x_ray(header: bytes) -> TraceContext | None:
    """Return the context of a trace header of AWS X-Ray, or None where none is recorded there.

    "Not sampled" is what Lambda says where tracing is off, too: it is no trace to carry on.
    """
    fields = dict(field.strip().partition(b"=")[::2] for field in header.split(b";"))
    version, _, root = fields.get(b"Root", b"").partition(b"-")
    if version != b"1" or fields.get(b"Sampled") != b"1":
        return None
    trace_id = root.replace(b"-", b"", 1)
    return parse(b"00-%s-%s-01" % (trace_id, fields.get(b"Parent", b"")))
