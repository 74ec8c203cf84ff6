"""What the audit topic is told of a run."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from pat_events.errors import ClosedError, TransportError
from pat_events.ops.letters import audit, writing
from pat_events.ops.letters.writing import audited

RUN = audit.Run("desk", "dlq import", "r-1", {"why": "a test"})


@pytest.fixture
def lines():
    return []


@pytest.fixture
def write(lines):
    return lambda records: lines.extend(json.loads(record.value) for record in records)


def ends(lines):
    return [(line["state"], line.get("result")) for line in lines]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "done"),
        (TransportError("no answer"), "failed: no answer"),
        (KeyboardInterrupt(), "interrupted"),
        (ZeroDivisionError(), "interrupted"),
    ],
)
def test_how_a_run_ends_is_told_with_what_was_done(lines, write, error, result):
    with suppress(type(error)), audited(RUN, write) as told:
        told.counts["written"] = 3
        if error is not None:
            raise error
    assert ends(lines) == [("started", None), ("ended", result)]
    assert lines[0]["why"] == "a test"
    assert lines[1]["counts"] == {"written": 3}


def test_a_run_that_was_shut_out_tells_nothing_more(lines, write):
    with pytest.raises(ClosedError), audited(RUN, write):
        raise ClosedError("another one")
    assert ends(lines) == [("started", None)]


def test_nothing_is_done_where_the_beginning_cannot_be_told():
    def refuse(_records):
        raise TransportError("not permitted")

    with pytest.raises(TransportError), audited(RUN, refuse):
        pytest.fail("it went on")


def test_how_far_it_is_is_told_where_nothing_was_for_a_while(write, lines, monkeypatch):
    with audited(RUN, write) as told:
        assert told.progress() == []
        monkeypatch.setattr(writing, "_TOLD_S", 0.0)
        told.counts["written"] = 2
        write(told.progress())
    assert [line.get("counts") for line in lines] == [None, {"written": 2}, {"written": 2}]
