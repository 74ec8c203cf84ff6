"""Letters that are read from their topic."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from pat_events.cli import dlq
from pat_events.ops.letters.reading import LetterReading
from pat_events.ops.letters.selection import Selection
from pat_events.ops.letters.showing import show
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

LETTERS = "pat-emails.email-processor.dlq"
HOUR_MS = 3_600_000


def letter(topic, reason, *, failed_ms, recorded_ms):
    headers = [("pat-dlq-reason", reason), ("pat-dlq-last-failed-ms", b"%d" % failed_ms)]
    return Outgoing(topic, b"k", b"v", headers, recorded_ms)


@pytest.mark.kafka
def test_letters_are_found_by_their_time_though_a_brokers_clock_is_an_hour_off(site):
    cluster, _, topic, _ = site
    now_ms = int(time.time() * 1000)
    day_ms = 24 * HOUR_MS
    send(
        cluster.kafka.bootstrap_servers,
        letter(topic, b"old", failed_ms=now_ms - day_ms, recorded_ms=now_ms - day_ms),
        letter(topic, b"behind", failed_ms=now_ms, recorded_ms=now_ms - HOUR_MS),
        letter(topic, b"ahead", failed_ms=now_ms, recorded_ms=now_ms + HOUR_MS),
    )
    since = datetime.fromtimestamp(now_ms / 1000, UTC)
    found = LetterReading(cluster, topic, Selection(since=since))
    assert {it.cause.reason for it in found} == {"behind", "ahead"}
    # Not read from the beginning, which takes long where there are many.
    assert (found.passed, found.total) == (2, 2)
    ahead = Selection(since=since + timedelta(milliseconds=1))
    assert not list(LetterReading(cluster, topic, ahead))
    before = Selection(until=since)
    assert [it.cause.reason for it in LetterReading(cluster, topic, before)] == ["old"]


def test_a_letter_whose_type_the_catalogue_no_longer_has_is_shown_as_bytes(cluster, types, capsys):
    headers = [("ce_type", b"pat.events.v1.EmailForgotten"), ("pat-dlq-reason", b"unknown-event")]
    send(cluster.kafka.bootstrap_servers, Outgoing(LETTERS, b"k", b"\xff", headers, 1))
    [found] = show(cluster, types, LETTERS)
    dlq._show(found)
    shown = capsys.readouterr().out
    assert "unreadable not an event of the catalogue: b'pat.events.v1.EmailForgotten'" in shown
    assert "bytes      /w== (base64)" in shown
