"""A record whose dead letter is too large to be sent stops nothing."""

from __future__ import annotations

import hashlib
import zlib

from pat_events import Handlers
from pat_events.core.dead_letter import read_cause
from pat_events.core.headers import size_bytes
from pat_events.errors import PermanentError, RecordTooLargeError
from pat_events.events import EmailReceived

TOPIC = "pat-emails"
TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
STRANGE = ("ce_type", b"pat.events.v1.Unheard")
LARGE = b"x" * 200_000


def limit_letters(stage, most_bytes):
    """Have the broker refuse what is larger, as one with ``max.message.bytes`` does."""
    append = stage.broker.append

    def refuse(outgoing):
        if outgoing.topic.endswith(".dlq"):
            size = len(outgoing.value or b"") + size_bytes(outgoing.headers)
            if size > most_bytes:
                raise RecordTooLargeError(f"{size} bytes are over the limit")
        return append(outgoing)

    stage.broker.append = refuse


def group(stage, **settings):
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        if event.email_id == "bad":
            raise PermanentError("no")
        handled.append(event.email_id)

    return stage.member(handlers, **settings), handled


def test_a_letter_too_large_is_written_without_its_value(stage, caplog):
    limit_letters(stage, 100_000)
    stage.raw(LARGE, [STRANGE, ("mine", b"kept")])
    stage.publish("good")
    member, handled = group(stage)
    member.run_until(lambda: stage.committed == 2)
    (letter,) = stage.dead
    assert (letter.key, letter.value) == (b"k", None)
    assert dict(letter.headers)["mine"] == b"kept"
    cause = read_cause(letter.header_values)
    assert cause.reason == "unknown-event"
    assert str(cause.origin) == f"{TOPIC}/0/0"
    assert cause.value_bytes == len(LARGE)
    assert cause.value_sha256 == hashlib.sha256(LARGE).hexdigest()
    assert handled == ["good"]
    assert (member.stats.dead_lettered, member.stats.held, member.stats.in_flight) == (1, 0, 0)
    (line,) = [r.getMessage() for r in caplog.records if "too large" in r.getMessage()]
    for told in (f"{TOPIC}/0/0", "200000 bytes", "max.message.bytes", "buffer_bytes"):
        assert told in line


def test_a_failed_event_leaves_its_lane_to_those_behind_it_only_once_that_letter_is_written(stage):
    limit_letters(stage, 100_000)
    value = EmailReceived(email_id="bad", subject="s" * 200_000).SerializeToString()
    stage.raw(value, [TYPE], key=b"one")
    stage.raw(EmailReceived(email_id="good").SerializeToString(), [TYPE], key=b"one")
    member, handled = group(stage)
    member.run_until(lambda: stage.committed == 2)
    assert len(stage.dead) == 1
    assert handled == ["good"]


def test_nothing_of_it_counts_against_the_bytes_in_flight(make_stage, caplog):
    stage = make_stage(2)
    refused = stage.broker.append
    limit_letters(stage, 100)  # Not even a letter without the value fits.
    stage.raw(LARGE, [STRANGE])
    (large,) = stage.broker.records(TOPIC)
    other = next(key for key in "abcdefgh" if zlib.crc32(key.encode()) % 2 != large.partition)
    stage.publish(*[other] * 50)
    member, handled = group(stage, max_in_flight_bytes=100_000)
    member.run_until(lambda: len(handled) == 50 and member.stats.held > 0)
    assert "raise max.message.bytes of " in caplog.text
    (state,) = [s for s in member.engine._partitions.values() if s.partition == large.partition]
    assert (len(state.tracker), state.tracker.value_bytes) == (1, 0)
    stage.broker.append = refused
    member.run_until(lambda: stage.dead)
    member.run_until(lambda: len(state.tracker) == 0)
    assert read_cause(stage.dead[0].header_values).value_bytes == len(LARGE)


def test_key_and_headers_beyond_what_a_consumer_reads_are_left_out_as_well(stage):
    limit_letters(stage, 100_000)
    stage.raw(b"v", [TYPE, ("long", LARGE)])
    member, _ = group(stage)
    member.run_until(lambda: stage.committed == 1)
    (letter,) = stage.dead
    assert letter.key is None
    assert "long" not in letter.header_values
    assert read_cause(letter.header_values).value_sha256 == hashlib.sha256(b"v").hexdigest()
