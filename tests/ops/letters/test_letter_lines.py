"""Letters as lines of JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.record import Delivery, Record
from pat_events.errors import SchemaError
from pat_events.ops.letters.letter import Letter
from pat_events.ops.letters.letter_lines import digest_of, line_of, record_of

CONTENT = st.none() | st.binary(max_size=20) | st.text(max_size=20).map(str.encode)


@given(CONTENT, CONTENT, st.lists(st.tuples(st.text(max_size=9), CONTENT), max_size=5))
def test_a_line_holds_the_whole_record(key, value, headers):
    delivery = Delivery("t.g.dlq", 3, 41, key, value, headers, 7)
    line = json.dumps(line_of(Letter.of(delivery))).encode()
    assert record_of(line, "t.h.dlq", 8) == Record("t.h.dlq", key, value, headers, 8)
    assert digest_of(key, value, headers) == digest_of(*record_of(line, "x", 1)[1:4])


def test_text_is_shown_as_text_and_the_cause_beside_it():
    headers = [("mine", b"a\nb"), ("bytes", b"\xff"), ("pat-dlq-reason", b"rejected")]
    line = line_of(Letter.of(Delivery("t.g.dlq", 3, 41, b"k", b"\0", headers, 7)))
    assert (line["topic"], line["partition"], line["offset"]) == ("t.g.dlq", 3, 41)
    assert (line["key"], line["value_base64"]) == ("k", "AA==")
    assert line["headers"][:2] == [
        {"name": "mine", "value": "a\nb"},
        {"name": "bytes", "value_base64": "/w=="},
    ]
    assert line["cause"]["reason"] == "rejected"


@given(CONTENT, CONTENT, CONTENT, CONTENT)
def test_what_is_not_the_same_has_another_digest(key, value, other_key, other_value):
    same = (key, value) == (other_key, other_value)
    headers = [("h", value)]
    others = [("h", other_value)]
    assert (digest_of(key, value, headers) == digest_of(other_key, other_value, others)) is same


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(["key", "value", "key_base64", "value_base64", "headers", "name"])
JSON = st.recursive(
    SCALARS, lambda it: st.lists(it, max_size=3) | st.dictionaries(NAMES, it, max_size=6)
)


@given(st.dictionaries(NAMES, JSON) | JSON)
def test_whatever_json_a_line_is_it_is_a_record_or_refused_in_words(told):
    try:
        record = record_of(json.dumps(told).encode(), "t.g.dlq", 1)
    except SchemaError:
        return
    assert all(isinstance(name, str) for name, _ in record.headers)
    contents = [record.key, record.value, *(value for _, value in record.headers)]
    assert all(content is None or isinstance(content, bytes) for content in contents)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("7", "no letter: an exported one"),
        ('{"headers": {"h": "v"}, "key": null, "value": null}', "has a list of headers"),
        ('{"headers": [{"value": "v"}], "key": null, "value": null}', "a header has no name"),
        ('{"headers": [{"name": "h"}], "key": null, "value": null}', "value is missing"),
        ('{"headers": [], "value": null}', "key is missing: give null"),
        ('{"headers": [], "key": 7, "value": null}', "key is neither text nor null"),
        ('{"headers": [], "key": null, "value_base64": "?"}', "value cannot be read"),
        ('{"headers": [], "key": null, "value": "a", "value_base64": "YQ=="}', "both value and"),
        ('{"headers": [], "key": "\\ud800", "value": null}', "key cannot be read"),
        ('{"headers": [{"name": "\\ud800", "value": ""}], "key": null, "value": null}', "no text"),
    ],
)
def test_a_line_that_holds_no_letter_says_why(line, words):
    with pytest.raises(SchemaError, match=words):
        record_of(line.encode(), "t.g.dlq", 1)
