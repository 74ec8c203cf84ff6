from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.dead_letter import (
    MAX_REPLAYS,
    Cause,
    dead_letter,
    read_cause,
    without_value,
)
from pat_events.core.headers import RESERVED_PREFIXES
from pat_events.core.record import Delivery, Position
from pat_events.core.replayed import Replay, read_replay, replayed

DLQ = "orders.billing.dlq"
RETRY = "orders.billing.retry"
OWN = [("ce_id", b"e-1"), ("traceparent", b"00-1-2-01"), ("h", None), ("h", b"\xff")]


def delivered(record, offset=7):
    return Delivery(record.topic, 2, offset, *record[1:])


def letter(*, topic="orders", headers=OWN, value=b"\x00payload", replays=0):
    event = Delivery(topic, 3, 42, b"key", value, list(headers), 1_000)
    cause = Cause("billing", "h", "rejected", ValueError("x"), 5, 2_000, 3_000, replays)
    return dead_letter(event, DLQ, cause)


def test_a_replayed_letter_is_its_event_again_with_which_letter_it_was():
    record = replayed(delivered(letter()), RETRY, "run-1", 9_000)
    assert (record.topic, record.key, record.value) == (RETRY, b"key", b"\x00payload")
    assert record.timestamp_ms == 9_000
    assert record.headers == [
        *OWN,
        ("pat-replay-id", b"run-1"),
        ("pat-replay-letter", b"orders.billing.dlq/2/7"),
        ("pat-replay-letter-ms", b"3000"),
        ("pat-replay-count", b"1"),
    ]
    assert read_replay(dict(record.headers)) == Replay("run-1", Position(DLQ, 2, 7), 1, 3_000)


def test_a_letter_of_a_replayed_letter_tells_how_often_and_the_next_replay_goes_on():
    first = replayed(delivered(letter()), RETRY, "run-1", 9_000)
    replays = read_replay(dict(first.headers)).replays
    again = letter(topic=RETRY, headers=first.headers, replays=replays)
    assert read_cause(dict(again.headers)).replays == 1
    assert read_replay(dict(again.headers)) == Replay("", None, 0)
    second = replayed(delivered(again, 8), RETRY, "run-2", 9_000)
    assert read_replay(dict(second.headers)) == Replay("run-2", Position(DLQ, 2, 8), 2, 3_000)
    assert second.headers[: len(OWN)] == OWN


def test_a_letter_that_was_never_replayed_does_not_say_so():
    assert "pat-dlq-replays" not in dict(letter().headers)
    assert read_cause(dict(letter().headers)).replays == 0


def test_headers_of_a_replay_elsewhere_do_not_get_into_a_letter():
    forged = [("pat-replay-count", b"7"), ("pat-replay-letter", b"a/1/1")]
    assert letter(headers=[*OWN, *forged]).headers[: len(OWN) + 1][-1][0] == "__dlq.errors.topic"
    assert not any(name.startswith("pat-replay-") for name, _ in letter(headers=forged).headers)


def test_of_a_letter_without_its_value_the_original_is_handed_over():
    small = without_value(letter(headers=[("h", b"x" * 70_000)], value=b"large"))
    assert (small.key, small.value) == (None, None)
    forged = ("pat-dlq-replays", b"9")
    original = Delivery("orders", 3, 42, b"key", b"large", [*OWN, forged], 1_000)
    record = replayed(delivered(small), RETRY, "run-1", 9_000, original)
    assert (record.key, record.value) == (b"key", b"large")
    assert record.headers[:-4] == OWN
    assert read_replay(dict(record.headers)).replays == 1


@pytest.mark.parametrize("shown", [b"", b"-1", b"9" * 5_000, b"%d" % (MAX_REPLAYS + 1), None])
def test_a_count_that_cannot_be_is_none(shown):
    assert read_replay({"pat-replay-count": shown}).replays == 0
    assert read_cause({"pat-dlq-replays": shown}).replays == 0


def test_a_count_never_gets_so_large_that_it_is_none():
    record = replayed(delivered(letter(replays=MAX_REPLAYS)), RETRY, "run-1", 9_000)
    assert read_replay(dict(record.headers)).replays == MAX_REPLAYS


@pytest.mark.parametrize(
    "shown",
    [b"\xff", b"", b"t", b"t/1", b"t/1/2/3", b"/1/2", b"t/-1/2", b"t/1/x", b"t/1/" + b"9" * 5_000],
)
def test_a_place_that_no_log_has_is_no_letter(shown):
    assert read_replay({"pat-replay-letter": shown}).letter is None


NAMES = ("pat-replay-id", "pat-replay-letter", "pat-replay-letter-ms", "pat-replay-count")


@given(st.dictionaries(st.sampled_from(NAMES), st.none() | st.binary(max_size=9)))
def test_whatever_a_stranger_writes_can_be_read(values):
    assert len(read_replay(values)) == len(NAMES)


def test_no_producer_can_forge_a_replay():
    assert all(name.startswith(RESERVED_PREFIXES) for name in NAMES)
