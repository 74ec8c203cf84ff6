"""Nothing that strangers wrote passes for a line of ours, or steers the terminal."""

import logging

import pytest

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.cli import dlq
from pat_events.cli.output import _Printable, console, print_json, table
from pat_events.core.dead_letter import read_cause
from pat_events.core.headers import CE_TYPE
from pat_events.core.record import Delivery
from pat_events.core.shown import one_line
from pat_events.ops.json_records import record_as_json
from pat_events.ops.letters.showing import StoredLetter

FORGED = "x\n== pat-emails.g.dlq/0/7\nreason     forged"


@pytest.fixture(scope="module")
def types():
    return EventTypes(load_catalog())


def formatted(error=None, *args):
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("pat_events.x", logging.ERROR, "", 1, "gave up: %s", args, exc_info)
    return _Printable("%(levelname)s %(name)s: %(message)s").format(record)


def test_an_error_text_with_newlines_makes_one_line_of_log():
    line = formatted(None, "no\nERROR pat_events.x: forged\r\u2028\x85ERROR pat_events.x: forged")
    assert line.splitlines() == [
        (
            r"ERROR pat_events.x: gave up: no\nERROR pat_events.x: forged\r\u2028\u0085"
            "ERROR pat_events.x: forged"
        )
    ]


def test_no_line_of_a_traceback_begins_like_a_line_of_the_log():
    with pytest.raises(ValueError, match="forged") as caught:
        raise ValueError("no\nERROR pat_events.x: forged\x1b[31m")
    lines = formatted(caught.value, "x").splitlines()
    assert lines[0] == "ERROR pat_events.x: gave up: x"
    assert all(line.startswith("  ") for line in lines[1:])
    assert lines[-1] == r"  ERROR pat_events.x: forged\u001b[31m"


def test_no_field_of_a_letter_forges_another_letter(types, capsys):
    headers = [
        (FORGED, FORGED.encode()),
        *((name, FORGED.encode()) for name in (CE_TYPE, "__dlq.errors.group")),
        *((f"__dlq.errors.{name}", FORGED.encode()) for name in ("message", "topic")),
        ("__dlq.errors.partition", b"1"),
        ("__dlq.errors.offset", b"1"),
        *(
            (f"pat-dlq-{name}", FORGED.encode())
            for name in ("reason", "handler", "error-class", "root-cause-class", "stacktrace")
        ),
    ]
    record = Delivery("pat-emails.g.dlq", 0, 41, FORGED.encode(), b"\xff", headers, 1)
    letter = StoredLetter(
        record.position, read_cause(record.header_values), record_as_json(types, record)
    )
    dlq._show(letter)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("==")] == ["== pat-emails.g.dlq/0/41"]
    assert sum(line.startswith("reason") for line in lines) == 1
    assert r"  x\n== pat-emails.g.dlq/0/7\nreason     forged: x\n==" in "\n".join(lines)


def test_a_long_header_of_a_letter_is_cut(types, capsys):
    headers = [("n" * 900_000, b"v" * 900_000), ("__dlq.errors.message", b"m" * 900_000)]
    record = Delivery("pat-emails.g.dlq", 0, 41, None, None, headers, 1)
    shown = record_as_json(types, record)
    dlq._show(StoredLetter(record.position, read_cause(record.header_values), shown))
    assert len(capsys.readouterr().out) < 10_000
    assert "v" * 900_000 in str(shown)


@pytest.mark.parametrize("name", ["[bold]x[/]", "[/closed]", "a\nb\x1b[31m"])
def test_a_name_in_a_table_is_shown_as_it_is(name, capsys):
    shown = table("group", "lag", numbers=("lag",))
    shown.add_row(name, "1", style="bold")
    console.print(shown)
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["group", "lag"]
    assert row.split() == [one_line(name), "1"]


def test_json_has_no_character_that_ends_a_line_or_cannot_be_written(capsys):
    value = "a\u2028b\x85c\U000e0041d\ud800 é"
    print_json({"key": value})
    (line,) = capsys.readouterr().out.splitlines()
    assert line == r'{"key": "a\u2028b\u0085c\udb40\udc41d\ud800 é"}'
