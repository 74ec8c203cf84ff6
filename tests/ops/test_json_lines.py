from __future__ import annotations

import pytest

from pat_events.ops.written_events import events_from_json

# What str.splitlines takes for the end of a line, and JSON for a character like any other; those
# below U+0020 JSON has only as escapes.
SEPARATORS = ["\x7f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_of_json_ends_at_a_newline_alone(types, separator, end):
    lines = [f'{{"email_id": "e-{n}", "subject": "a{separator}b"}}' for n in range(2)]
    written = list(events_from_json(types, "EmailReceived", end.join(lines)))
    assert [it.event.subject for it in written] == [f"a{separator}b"] * 2


def test_what_is_wrong_is_said_with_the_line_that_an_editor_shows(types):
    text = '{"email_id": "a\u2028b"}\r\n\r\n{"email_id": 7}'
    with pytest.raises(Exception, match=r"^line 3: no EmailReceived"):
        list(events_from_json(types, "EmailReceived", text))
