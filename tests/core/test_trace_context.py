from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.trace_context import TraceContext, carry_on, parse, parse_x_ray

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01".encode()


@pytest.mark.parametrize(
    "traceparent",
    [
        VALID,
        f"00-{TRACE}-{SPAN}-00".encode(),
        f"00-{TRACE}-{SPAN}-ff".encode(),
        f"01-{TRACE}-{SPAN}-01".encode(),
        f"cc-{TRACE}-{SPAN}-01-what-comes-later".encode(),
        f"fe-{TRACE}-{SPAN}-01-".encode(),
    ],
)
def test_a_valid_traceparent_is_read(traceparent):
    assert parse(traceparent) == TraceContext(traceparent[:55])


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        b"",
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN.upper()}-01".encode(),
        f"00-{TRACE}-{SPAN}-0A".encode(),
        f"0A-{TRACE}-{SPAN}-01".encode(),
        VALID + b"-extra",
        VALID + b"-",
        VALID + b"\n",
        VALID + b" ",
        b" " + VALID,
        b"\n" + VALID,
        f"cc-{TRACE}-{SPAN}-01.extra".encode(),
        f"00-{TRACE[:-1]}-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN}".encode(),
        f"00_{TRACE}_{SPAN}_01".encode(),
        VALID.replace(b"4", b"g"),
        VALID[:-1] + b"\xff",
    ],
)
def test_an_invalid_traceparent_is_no_context(traceparent):
    assert parse(traceparent, b"vendor=1") is None


def test_the_tracestate_goes_with_its_traceparent():
    assert parse(VALID, b"vendor=1") == TraceContext(VALID, b"vendor=1")


@given(st.binary(max_size=80))
def test_no_bytes_from_the_wire_raise(wire):
    parse(wire)


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_carrying_on_keeps_trace_and_flags_and_has_a_span_of_its_own(flags):
    parent = parse(f"00-{TRACE}-{SPAN}-{flags}".encode())
    random = "c" * 32
    assert carry_on(parent, random) == f"00-{TRACE}-{'c' * 16}-{flags}".encode()


def test_carrying_on_a_later_version_writes_ours():
    parent = parse(f"cc-{TRACE}-{SPAN}-01-more".encode())
    assert carry_on(parent, "c" * 32) == f"00-{TRACE}-{'c' * 16}-01".encode()


X_RAY = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=1".encode()


@pytest.mark.parametrize(
    "header",
    [X_RAY, X_RAY + b";Lineage=a87bd80c:0", b"Self=1-1-2; " + X_RAY.replace(b";", b"; ")],
)
def test_a_trace_of_x_ray_is_read(header):
    assert parse_x_ray(header) == TraceContext(VALID)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Root",
        X_RAY.replace(b"Sampled=1", b"Sampled=0"),
        X_RAY.replace(b"Sampled=1", b"Sampled=?"),
        X_RAY.replace(b";Sampled=1", b""),
        X_RAY.replace(b"Root=1-", b"Root=2-"),
        X_RAY.replace(b"Parent=", b"Parent=0"),
        X_RAY.replace(SPAN.encode(), b"0" * 16),
        X_RAY.replace(TRACE[8:].encode(), TRACE[9:].encode()),
        f"Root=1-{TRACE[:8]}-{TRACE[8:]};Sampled=1".encode(),
    ],
)
def test_what_x_ray_does_not_record_is_no_trace(header):
    assert parse_x_ray(header) is None


@given(st.binary(max_size=120))
def test_no_trace_header_raises(header):
    parse_x_ray(header)
