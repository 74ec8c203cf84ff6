import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.shown import one_line, printable

ENDS_OF_LINES = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
# Escape, CSI, left-to-right mark and override, isolate, zero width space, BOM, a tag, a surrogate.
INVISIBLE = "\0\x1b\x9b\u200e\u202e\u2066\u200b\ufeff\U000e0041\ud800"


def test_no_end_of_line_is_left_in_one_line():
    shown = one_line(f"a{ENDS_OF_LINES}b")
    assert shown.splitlines() == [shown]
    assert shown == r"a\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029b"


@pytest.mark.parametrize("show", [one_line, printable])
def test_what_cannot_be_seen_is_spelt_out(show):
    assert show(INVISIBLE).isascii()
    assert json.loads(f'"{show(INVISIBLE)}"') == INVISIBLE


def test_text_of_any_language_stays():
    text = 'Grüße, 日本語 and 👍🏽: C:\\x "y"'
    assert one_line(text) == text


def test_lines_and_tabs_stay_where_there_may_be_several():
    assert printable("a\n\tb\r\u2028c") == "a\n\tb\\r\\u2028c"


def test_a_long_text_is_cut_before_it_is_spelt_out():
    assert one_line("\n" * 1_000, 3) == r"\n\n\n..."
    assert one_line("abc", 3) == "abc"


@given(st.text(st.characters()))
def test_one_line_is_always_one_line_of_visible_characters(text):
    assert one_line(text).isprintable()
