"""Lines of a pipe, as they come."""

from __future__ import annotations

import os

import pytest

from pat_events.errors import ConfigError, SchemaError
from pat_events.ops import lines


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0) as end:
        yield reading, end


def test_a_pause_is_told_before_it_is_waited_for(pipe):
    source, end = pipe
    found = lines.lines_as_they_come(source)
    assert next(found) is None
    end.write(b"one\ntw")
    assert next(found) == b"one"
    assert next(found) is None
    end.write(b"o\n\nthree")
    end.close()
    assert list(found) == [b"two", b"", b"three"]


def test_only_a_newline_ends_a_line(pipe):
    source, end = pipe
    text = "a\u2028b\u0085c\r".encode()
    end.write(text + b"\n")
    end.close()
    assert list(lines.lines_as_they_come(source)) == [text]


def test_a_line_without_end_is_given_up(pipe, monkeypatch):
    monkeypatch.setattr(lines, "_LINE_MAX", 100)
    source, end = pipe
    end.write(b"one\n" + b"x" * 101)
    end.close()
    found = lines.lines_as_they_come(source)
    assert next(found) == b"one"
    with pytest.raises(SchemaError, match="line 2 is longer than 100 bytes"):
        next(found)


def test_what_cannot_be_read_is_said(tmp_path):
    writing = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    try:
        with pytest.raises(ConfigError, match="cannot be read on"):
            next(lines.lines_as_they_come(writing))
    finally:
        os.close(writing)
