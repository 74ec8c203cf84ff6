"""Whether a trace that begins here is sampled, known before there is a span.

A span that is not recorded costs many times as much as the decision. OpenTelemetry's own samplers
decide about a new trace by its id alone, as the specification has it: ``TraceIdRatioBased``, the
one that is always off, and ``ParentBased`` around them. Any other is asked when the span is made.
"""

from __future__ import annotations

import copy
from binascii import hexlify
from functools import partial
from random import getrandbits
from typing import TYPE_CHECKING, Any, Final

from pat_events.core import headers as h
from pat_events.telemetry.span_parts import NAME, SCHEMA_URL, trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer, TracerProvider

# Samplers look at the lower half of a trace id.
_MOST: Final = 1 << 64
_TRACEPARENT: Final = h.TRACEPARENT


class Beginnings:
    """Traces that begin here; callable from any thread.

    Args:
        provider: Whose tracer; the global one's when None, even if that is set later.

    Attributes:
        tracer: Makes spans below others.
    """

    def __init__(self, provider: TracerProvider | None) -> None:
        self._provider = provider
        # A new trace is sampled if the lower half of its id, as text, is below; None where only a
        # span tells.
        self._bound: bytes | None = None
        # Draws the ids of a trace and of its first span, as one number.
        self._draw: Callable[[], int] = partial(getrandbits, 192)
        self._not_sampled = b"00-%b-%b-00"
        self._look()

    def _look(self) -> None:
        self.tracer: Tracer = trace.get_tracer(
            NAME, tracer_provider=self._provider, schema_url=SCHEMA_URL
        )
        # Of the SDK's tracer alone; any other one does as it likes.
        sampler, ids = (getattr(self.tracer, it, None) for it in ("sampler", "id_generator"))
        if sampler is None or ids is None:
            return
        self._bound = _bound_of(sampler)
        if not _are_random(ids):  # Those of X-Ray begin with the time.
            self._draw = lambda: ids.generate_trace_id() << 64 | ids.generate_span_id()
        # Of later versions: the flag of Trace Context level 2.
        if getattr(ids, "is_trace_id_random", bool)():
            self._not_sampled = b"00-%b-%b-02"

    def begin(self, headers: dict[str, bytes | None] | None = None) -> Tracer | None:
        """Begin a trace; returns what makes its first span, or None where it is not sampled.

        Args:
            headers: Of what is sent. They get the trace that is not sampled.
        """
        bound = self._bound
        if bound is None:
            if type(self.tracer) is trace.ProxyTracer:
                self._look()
            return self.tracer
        ids = self._draw()
        text = hexlify(ids.to_bytes(24, "big"))
        if text[16:32] < bound:
            # A tracer of its own, as many threads share the other. One of many traces is sampled.
            tracer: Any = copy.copy(self.tracer)
            tracer.id_generator = _Drawn(ids, tracer.id_generator)
            return tracer  # type: ignore[no-any-return]
        if headers is not None:
            headers[_TRACEPARENT] = self._not_sampled % (text[:32], text[32:])
        return None


class _Drawn:
    """The ids that were drawn, as the SDK's tracer asks for them."""

    def __init__(self, ids: int, generator: Any) -> None:  # noqa: ANN401 - the SDK's, if it is there
        self._ids = ids
        self.is_trace_id_random = getattr(generator, "is_trace_id_random", None)

    def generate_trace_id(self) -> int:
        return self._ids >> 64

    def generate_span_id(self) -> int:
        return self._ids % _MOST


def _bound_of(sampler: object) -> bytes | None:
    """Return below what a new trace id's lower half is sampled; None where that does not tell."""
    from opentelemetry.sdk.trace.sampling import (  # noqa: PLC0415 - not of the extra
        ALWAYS_OFF,
        ParentBased,
        TraceIdRatioBased,
    )

    if type(sampler) is ParentBased:
        # What is asked where there is no parent; in no public attribute.
        sampler = getattr(sampler, "_root", None)
    bound = _MOST
    if sampler is ALWAYS_OFF:
        bound = 0
    elif type(sampler) is TraceIdRatioBased:
        bound = sampler.bound
    return b"%016x" % bound if bound < _MOST else None


def _are_random(ids: object) -> bool:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415 - likewise

    return type(ids) is RandomIdGenerator
