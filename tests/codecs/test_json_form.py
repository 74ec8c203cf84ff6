"""The quick way to Protobuf's JSON form says what json_format says."""

from __future__ import annotations

import math

import pytest
from google.protobuf import json_format

from pat_events.codecs.json import to_json
from pat_events.codecs.json_form import by_json_format, form_of
from pat_events.events import EmailDeleted, EmailProcessed, PluginExecutionCompleted

ALL_KINDS = """
syntax = "proto3";
package test.kinds;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; }
message Common {
  string text = 1; bytes raw = 2; bool flag = 3; int32 small = 4; uint64 large = 5; double real = 6;
  Colour colour = 7; repeated Colour colours = 8; repeated int64 numbers = 9;
  repeated string texts = 10; map<string, string> table = 11; map<string, int64> counts = 12;
  repeated Common parts = 13; map<string, Common> named = 14;
  google.protobuf.Timestamp at = 15; repeated google.protobuf.Timestamp times = 16;
  google.protobuf.Duration took = 17; google.protobuf.Struct any = 18;
  google.protobuf.StringValue wrapped = 19; google.protobuf.Value value = 20;
  oneof choice { string left = 21; Common right = 22; }
  repeated google.protobuf.Value values = 23; repeated bytes raws = 24; sfixed64 fixed = 25;
}
message RareMap { map<int32, string> table = 1; map<bool, string> flags = 2; }
message RareFloat { float real = 1; repeated float reals = 2; }
message Nothing {
  google.protobuf.NullValue nothing = 1; repeated google.protobuf.NullValue many = 2;
}
"""
FILLED = """
text: "a\\"\\n\\303\\251" raw: "\\000\\377" flag: true small: -1 large: 18446744073709551615
real: 0.1 colour: COLOUR_RED
colours: [COLOUR_RED, 7] numbers: [1, -9223372036854775808] texts: ["", "b"]
table { key: "k" value: "v" } counts { key: "n" value: 5 } parts { text: "p" } parts { }
named { key: "x" value { small: 3 } } at { seconds: -62135596800 } times { nanos: 1000 }
times { seconds: 253402300799 nanos: 999999999 } times { seconds: 1 nanos: 5000000 }
took { seconds: 3 nanos: 500000000 } any { fields { key: "a" value { number_value: 1 } } }
wrapped { value: "w" } value { null_value: NULL_VALUE } right { raw: "z" }
values { bool_value: true } raws: ["a", ""] fixed: -4
"""


@pytest.fixture(scope="module")
def classes(classes_of):
    return classes_of(ALL_KINDS)


def parsed(message_class, text):
    from google.protobuf import text_format  # noqa: PLC0415

    return text_format.Parse(text, message_class(), allow_unknown_field=False)


def test_every_kind_of_field_is_as_json_format_has_it(classes):
    message = parsed(
        classes["test.kinds.Common"], FILLED.replace("[COLOUR_RED, 7]", "[COLOUR_RED]")
    )
    message.colours.append(7)
    assert form_of(message) is not by_json_format
    assert to_json(message) == json_format.MessageToDict(message, preserving_proto_field_name=True)


@pytest.mark.parametrize("real", [math.inf, -math.inf, math.nan, -0.0, 1e300])
def test_numbers_that_json_lacks_are_as_json_format_has_them(real):
    event = EmailProcessed()
    event.result.spam_score = real
    assert repr(to_json(event)) == repr(by_json_format(event))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RareMap", 'table { key: 5 value: "v" } flags { key: true value: "t" }'),
        ("RareFloat", "real: 0.1 reals: [0.1, 3]"),
        ("Nothing", "nothing: NULL_VALUE many: [NULL_VALUE]"),
    ],
)
def test_what_is_rare_is_left_to_json_format(classes, name, text):
    message = parsed(classes[f"test.kinds.{name}"], text)
    assert form_of(message) is by_json_format
    assert to_json(message) == by_json_format(message)


@pytest.mark.parametrize(
    "event",
    [
        EmailDeleted(deleted_at={"seconds": 1, "nanos": -1}),
        EmailDeleted(deleted_at={"seconds": 1, "nanos": 1_000_000_000}),
        EmailDeleted(deleted_at={"seconds": -62135596801}),
        PluginExecutionCompleted(output_data={"type_url": "type.googleapis.com/no.Such"}),
    ],
)
def test_what_has_no_json_form_is_refused_in_json_formats_words(event):
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - whatever it is
        by_json_format(event)
    with pytest.raises(Exception, match=r"EmailDeleted|PluginExecutionCompleted") as ours:
        to_json(event)
    assert str(theirs.value)[:40] in str(ours.value)
