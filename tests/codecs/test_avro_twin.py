"""Shapes that the packaged events do not use, but those of another catalogue may."""

import json

import pytest

from pat_events.codecs.avro import AvroCodec
from pat_events.errors import ConfigError
from tests.support.payloads import encode

HEAD = 'syntax = "proto3"; package shop.v1;'
COLOR = {
    "type": "enum",
    "name": "shop.v1.Color",
    "symbols": ["COLOR_UNSPECIFIED", "COLOR_RED"],
}
PART = {"type": "record", "name": "shop.v1.Part", "fields": [{"name": "id", "type": "string"}]}
EVERYTHING = f"""{HEAD}
enum Color {{ COLOR_UNSPECIFIED = 0; COLOR_RED = 1; }}
message Part {{ string id = 1; }}
message Order {{
  optional string note = 1;
  optional Color color = 2;
  repeated Color colors = 3;
  map<string, Part> parts = 4;
  map<string, Color> shades = 5;
  uint32 count = 6;
  oneof first {{ Part only = 7; }}
}}
"""
ORDER = {
    "type": "record",
    "name": "shop.v1.Order",
    "fields": [
        {"name": "note", "type": ["null", "string"]},
        {"name": "color", "type": ["null", COLOR, "int"]},
        {"name": "colors", "type": {"type": "array", "items": ["shop.v1.Color", "int"]}},
        {"name": "parts", "type": {"type": "map", "values": PART}},
        {"name": "shades", "type": {"type": "map", "values": ["shop.v1.Color", "int"]}},
        {"name": "count", "type": "long"},
        {"name": "first", "type": ["null", "shop.v1.Part"]},
    ],
}


@pytest.fixture(scope="module")
def order_class(classes_of):
    return classes_of(EVERYTHING)["shop.v1.Order"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"note": "", "color": 0},
        {"note": "x", "color": 1},
        {"color": 7, "colors": [0, 1, 7]},
        {"parts": {"a": {}, "b": {"id": "p"}}},
        {"shades": {"a": 1, "b": 7}},
        {"count": 2**32 - 1},
        {"only": {}},
        {"only": {"id": "p"}},
    ],
)
def test_every_shape_a_record_can_have_comes_back_from_avro(order_class, fields):
    codec = AvroCodec(json.dumps(ORDER), "shop.avsc")
    order = order_class(**fields)
    decoded = codec.decoder(order_class)(encode(codec, order))
    assert decoded == order
    assert decoded.HasField("note") == ("note" in fields)
    assert decoded.HasField("color") == ("color" in fields)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("uint64 a = 1;", "Avro has no type for unsigned 64-bit numbers"),
        ("map<int32, string> a = 1;", "the keys of an Avro map are strings"),
        ("oneof x { string a = 1; int32 b = 2; }", "a oneof needs messages of different types"),
        ("oneof x { Order a = 1; Order b = 2; }", "a oneof needs messages of different types"),
    ],
)
def test_a_shape_that_avro_cannot_carry_is_refused(classes_of, fields, problem):
    order_class = classes_of(f"{HEAD} message Order {{ {fields} }}")["shop.v1.Order"]
    with pytest.raises(ConfigError, match=f"shop.v1.Order.[ab]: {problem}"):
        AvroCodec(json.dumps(PART), "shop.avsc").encoder(order_class)
