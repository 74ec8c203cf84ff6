from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.dead_letter import (
    MAX_MESSAGE_BYTES,
    MAX_STACK_BYTES,
    Cause,
    dead_letter,
    read_cause,
)
from pat_events.core.headers import KIP_1191_PREFIX, OWN_PREFIX, RESERVED_PREFIXES
from pat_events.core.record import Delivery, Position
from pat_events.core.stored_cause import StoredCause

HEADERS = [("ce_id", b"e-1"), ("h", None), ("h", b"\xff")]


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def letter(error, headers=HEADERS, **delivered):
    fields = {"key": b"\xffkey", "value": b"\x00\xffpayload", **delivered}
    delivery = Delivery(
        "orders", 3, 42, fields["key"], fields["value"], list(headers), 1_700_000_000_000
    )
    cause = Cause(
        group="billing",
        handler="service.on_order",
        reason="attempts-exhausted",
        error=error,
        attempts=3,
        first_failed_ms=1_700_000_001_000,
        last_failed_ms=1_700_000_002_000,
    )
    return dead_letter(delivery, "orders.billing.dlq", cause)


def test_a_dead_letter_names_cause_and_origin_under_the_agreed_headers():
    record = letter(raised(ValueError("no such account")))
    assert record.topic == "orders.billing.dlq"
    headers = dict(record.headers[len(HEADERS) :])
    stack = headers.pop("pat-dlq-stacktrace")
    assert stack.startswith(b"Traceback")
    assert stack.endswith(b"ValueError: no such account\n")
    assert headers == {
        "__dlq.errors.topic": b"orders",
        "__dlq.errors.partition": b"3",
        "__dlq.errors.offset": b"42",
        "__dlq.errors.group": b"billing",
        "__dlq.errors.delivery.count": b"3",
        "__dlq.errors.message": b"no such account",
        "pat-dlq-reason": b"attempts-exhausted",
        "pat-dlq-attempts": b"3",
        "pat-dlq-handler": b"service.on_order",
        "pat-dlq-error-class": b"builtins.ValueError",
        "pat-dlq-root-cause-class": b"builtins.ValueError",
        "pat-dlq-timestamp-ms": b"1700000000000",
        "pat-dlq-first-failed-ms": b"1700000001000",
        "pat-dlq-last-failed-ms": b"1700000002000",
    }


@given(
    st.none() | st.binary(max_size=50),
    st.none() | st.binary(max_size=200),
    st.lists(st.tuples(st.text(max_size=9), st.none() | st.binary(max_size=9)), max_size=9),
)
def test_key_payload_and_headers_are_the_originals(key, value, headers):
    headers = [it for it in headers if not it[0].startswith(("pat-dlq-", "__dlq.errors."))]
    record = letter(ValueError("x"), headers, key=key, value=value)
    assert (record.key, record.value) == (key, value)
    assert record.headers[: len(headers)] == headers


def test_retention_of_a_letter_counts_from_its_failure_and_not_from_the_age_of_its_event():
    assert letter(ValueError("x")).timestamp_ms == 1_700_000_002_000


def test_headers_of_an_earlier_dead_letter_are_replaced():
    first = letter(raised(ValueError("first")))
    second = letter(raised(KeyError("second")), first.headers)
    names = [name for name, _ in second.headers]
    assert len(names) == len(first.headers)
    assert names.count("pat-dlq-reason") == 1
    assert dict(second.headers)["pat-dlq-error-class"] == b"builtins.KeyError"
    assert second.headers[: len(HEADERS)] == HEADERS


def test_message_and_stack_are_cut_to_their_limits():
    headers = dict(letter(raised(ValueError("ä" * 1_000_000))).headers)
    assert len(headers["__dlq.errors.message"]) <= MAX_MESSAGE_BYTES
    assert len(headers["pat-dlq-stacktrace"]) <= MAX_STACK_BYTES
    for name in ("__dlq.errors.message", "pat-dlq-stacktrace"):
        assert len(headers[name]) > 900
        assert set(headers[name].decode().strip()) == {"ä"}


def test_the_end_of_a_long_stack_is_kept():
    def deeper(depth):
        if not depth:
            raise ValueError("the line that matters")
        deeper(depth - 1)

    with pytest.raises(ValueError, match="matters") as caught:
        deeper(200)
    stack = dict(letter(caught.value).headers)["pat-dlq-stacktrace"]
    assert stack.endswith(b"ValueError: the line that matters\n")


def test_text_that_is_not_utf_8_does_not_keep_a_letter_from_being_written():
    headers = dict(letter(raised(ValueError("bad \udcff text"))).headers)
    assert headers["__dlq.errors.message"] == b"bad ? text"


def test_the_root_of_a_chain_of_causes_is_named():
    error = ValueError("outer")
    error.__cause__ = TypeError("middle")
    error.__cause__.__cause__ = OSError("root")
    headers = dict(letter(error).headers)
    assert headers["pat-dlq-error-class"] == b"builtins.ValueError"
    assert headers["pat-dlq-root-cause-class"] == b"builtins.OSError"


def test_a_ring_of_causes_ends():
    error = ValueError("a")
    error.__cause__ = TypeError("b")
    error.__cause__.__cause__ = error
    assert b"builtins." in dict(letter(error).headers)["pat-dlq-root-cause-class"]


def test_an_error_that_cannot_be_printed_still_becomes_a_letter():
    class Rude(Exception):  # noqa: N818
        def __str__(self):
            raise RuntimeError("no")

    headers = dict(letter(raised(Rude())).headers)
    assert headers["__dlq.errors.message"] == b"(its text cannot be read: builtins.RuntimeError)"
    assert headers["pat-dlq-error-class"].endswith(b"Rude")


def test_an_error_whose_stack_cannot_be_printed_still_becomes_a_letter():
    class UnreadableError(SyntaxError):  # Its text is part of the stack, in every Python.
        @property
        def text(self):
            return {}["text"]

    headers = dict(letter(raised(UnreadableError("x"))).headers)
    assert headers["pat-dlq-stacktrace"] == b"(its stack cannot be read: builtins.KeyError)"


def test_what_is_written_is_what_is_read():
    error = LookupError("no such account")
    error.__cause__ = OSError("root")
    record = letter(raised(error))
    cause = read_cause(dict(record.headers))
    assert cause.stacktrace.endswith("LookupError: no such account\n")
    assert cause._replace(stacktrace="") == StoredCause(
        origin=Position("orders", 3, 42),
        group="billing",
        handler="service.on_order",
        reason="attempts-exhausted",
        error_class="builtins.LookupError",
        root_cause_class="builtins.OSError",
        message="no such account",
        stacktrace="",
        attempts=3,
        timestamp_ms=1_700_000_000_000,
        first_failed_ms=1_700_000_001_000,
        last_failed_ms=1_700_000_002_000,
    )


NOTHING_TOLD = StoredCause()


NO_NUMBERS = [
    None,
    b"",
    b"\xff",
    b"-1",
    b" 7",
    "\N{ARABIC-INDIC DIGIT SEVEN}".encode(),
    b"9" * 5_000,
]


@pytest.mark.parametrize("value", [*NO_NUMBERS, b"9" * 15])
def test_a_time_that_no_calendar_has_is_not_told(value):
    names = ("timestamp-ms", "first-failed-ms", "last-failed-ms")
    headers = [(f"{OWN_PREFIX}{name}", value) for name in names]
    assert read_cause(dict(headers)) == NOTHING_TOLD


@pytest.mark.parametrize("value", [*NO_NUMBERS, b"9" * 19])
def test_a_place_that_no_log_has_is_no_origin(value):
    headers = [
        (f"{KIP_1191_PREFIX}topic", b"orders"),
        (f"{KIP_1191_PREFIX}partition", b"3"),
        (f"{KIP_1191_PREFIX}offset", value),
        (f"{OWN_PREFIX}attempts", value),
        (f"{OWN_PREFIX}reason", b""),
    ]
    assert read_cause(dict(headers)) == NOTHING_TOLD


@given(
    st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in letter(ValueError("x"), []).headers]),
            st.none() | st.binary(max_size=9) | st.integers().map(lambda n: str(n).encode()),
        ),
    )
)
def test_whatever_a_stranger_writes_can_be_read(headers):
    assert len(read_cause(dict(headers))) == len(NOTHING_TOLD)


def test_no_producer_can_forge_a_cause():
    written = [name for name, _ in letter(ValueError("x"), []).headers]
    assert all(name.startswith(RESERVED_PREFIXES) for name in written)
