from __future__ import annotations

import json

from pat_events.cli.output import print_json


def test_a_line_of_json_is_one_line_to_every_reader(capsys):
    text = "a\u2028b\u2029c\x85d\n"
    print_json({"subject": text})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"subject": text}
