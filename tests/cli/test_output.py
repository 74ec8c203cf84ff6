from __future__ import annotations

import json

from pat_events.cli.output import console, print_json, table


def test_a_line_of_json_is_one_line_to_every_reader(capsys):
    text = "a\u2028b\u2029c\x85d\n"
    print_json({"subject": text})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"subject": text}


def test_a_row_is_one_line_in_a_pipe_however_long_it_is(capsys):
    shown = table("group", "topic")
    shown.add_row("g" * 249, "t" * 249)
    console.print(shown)
    _, row = capsys.readouterr().out.splitlines()
    assert row.split() == ["g" * 249, "t" * 249]
