"""Shapes that the packaged events do not use, but those of another catalogue may."""

import io

import fastavro
import pytest

from pat_events.codecs.avro.codec import AvroCodec
from pat_events.errors import CodecError, ConfigError
from tests.support.payloads import encode

HEAD = 'syntax = "proto3"; package shop.v1;'
STRUCT = 'import "google/protobuf/struct.proto";'
TWO_NAMES = "message Order_A {} message X { message A {} }"
EVERYTHING = f"""{HEAD}
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color {{
  option allow_alias = true;
  COLOR_UNSPECIFIED = 0; COLOR_RED = 5; COLOR_CRIMSON = 5; COLOR_BLUE = -2;
}}
message Part {{ string id = 1; }}
message Empty {{}}
message Order {{
  enum Status {{ STATUS_UNSPECIFIED = 0; STATUS_OPEN = 1; }}
  optional string note = 1;
  optional Color color = 2;
  repeated Color colors = 3;
  map<string, Part> parts = 4;
  map<string, Color> shades = 5;
  uint32 count = 6;
  oneof first {{ Part only = 7; }}
  oneof way {{ string air = 8; int32 sea = 9; Part land = 10; Part rail = 11; Color hue = 12; }}
  uint64 total = 13;
  optional fixed64 weight = 14;
  repeated uint64 sums = 15;
  map<int64, string> by_number = 16;
  map<bool, uint64> by_truth = 17;
  map<uint64, Part> by_id = 18;
  google.protobuf.Duration took = 19;
  google.protobuf.StringValue title = 20;
  google.protobuf.UInt64Value ticket = 21;
  repeated google.protobuf.Int32Value levels = 22;
  map<string, google.protobuf.BoolValue> flags = 23;
  float ratio = 24;
  bytes stamp = 25;
  repeated google.protobuf.Timestamp times = 26;
  Empty nothing = 27;
  Status status = 28;
  Basket basket = 29;
  oneof label {{ google.protobuf.StringValue text = 30; google.protobuf.UInt64Value digits = 31; }}
}}
message Basket {{
  enum Status {{ STATUS_UNSPECIFIED = 0; STATUS_FULL = 1; }}
  repeated Status statuses = 1;
}}
"""


@pytest.fixture(scope="module")
def order_class(classes_of):
    return classes_of(EVERYTHING)["shop.v1.Order"]


@pytest.fixture
def codec():
    return AvroCodec()


VALUES = [
    {},
    {"note": "", "color": 0},
    {"note": "x", "color": 5},
    {"color": 7, "colors": [0, 5, 7, -2]},
    {"parts": {"a": {}, "b": {"id": "p"}}},
    {"shades": {"a": 5, "b": 7}},
    {"count": 2**32 - 1},
    {"only": {}},
    {"only": {"id": "p"}},
    {"air": ""},
    {"sea": 0},
    {"land": {}},
    {"rail": {"id": "p"}},
    {"hue": 0},
    {"hue": 77},
    *({"total": n, "weight": n, "sums": [n, 0]} for n in (0, 1, 127, 128, 2**63, 2**64 - 1)),
    {"by_number": {-(2**63): "a", 0: "b", 7: "c"}},
    {"by_truth": {True: 1, False: 2**64 - 1}},
    {"by_id": {2**64 - 1: {"id": "p"}}},
    {"took": {"seconds": -3, "nanos": -5}},
    {"title": {"value": ""}, "ticket": {"value": 2**64 - 1}},
    {"levels": [{"value": -7}, {}], "flags": {"a": {"value": True}, "b": {}}},
    {"ratio": 0.1, "stamp": b"\x00\xff"},
    {"times": [{"seconds": -1, "nanos": 999_999_999}]},
    {"nothing": {}},
    {"text": {}},
    {"digits": {"value": 2**64 - 1}},
    {"status": 1, "basket": {"statuses": [1, 9]}},
]


@pytest.mark.parametrize("fields", VALUES, ids=str)
def test_every_shape_a_record_can_have_comes_back_from_avro(codec, order_class, fields):
    order = order_class(**fields)
    decoded = codec.decoder(order_class)(encode(codec, order))
    assert decoded == order
    for field in order_class.DESCRIPTOR.fields:
        if field.has_presence:
            assert decoded.HasField(field.name) == order.HasField(field.name), field.name


@pytest.mark.parametrize("fields", VALUES, ids=str)
def test_any_reader_of_the_schema_can_read_it(codec, order_class, fields):
    payload = io.BytesIO(encode(codec, order_class(**fields)))
    schema = fastavro.parse_schema(codec.schema(order_class))
    record = fastavro.schemaless_reader(payload, schema, None)
    assert not payload.read()
    assert record["total"] == fields.get("total", 0)  # a Decimal
    assert record["title"] == fields.get("title", {}).get("value")


def test_every_field_has_a_default_so_that_versions_can_read_each_other(codec, order_class):
    found = []

    def visit(part):
        for inner in part.values() if isinstance(part, dict) else part:
            if isinstance(inner, dict | list):
                visit(inner)
        if isinstance(part, dict):
            found.extend(field for field in part.get("fields", ()) if "default" not in field)

    visit(codec.schema(order_class))
    assert [field["name"] for field in found] == ["micros"]


def test_types_of_one_name_are_called_after_what_they_are_in(codec, order_class):
    text = str(codec.schema(order_class))
    assert "shop.v1.Order_Status" in text
    assert "shop.v1.Basket_Status" in text


def test_two_members_of_a_oneof_are_refused(codec, order_class):
    air, sea = (encode(codec, order_class(**way)) for way in ({"air": "a"}, {"sea": 1}))
    [place] = [i for i in range(len(air)) if air[i : i + 3] == b"\x02\x02a"]
    # Null, 0, and what stands before them is the same in both.
    both = air[: place + 3] + sea[place + 1 :]
    with pytest.raises(CodecError, match="air, sea are there, and exclude each other as oneof way"):
        codec.decoder(order_class)(both)


@pytest.mark.parametrize(
    ("map_type", "key", "wrong"),
    [
        ("map<int32, string>", "7", "+7"),
        ("map<int32, string>", "7", "x"),
        ("map<bool, string>", "true", "True"),
    ],
)
def test_a_key_that_is_not_of_its_type_is_refused(codec, classes_of, map_type, key, wrong):
    order_class = classes_of(f"{HEAD} message Order {{ {map_type} a = 1; }}")["shop.v1.Order"]

    def payload(text):
        return bytes([2, len(text) * 2]) + text.encode() + b"\0\0"

    assert len(codec.decoder(order_class)(payload(key)).a) == 1
    with pytest.raises(CodecError, match=r"shop\.v1\.Order: (ValueError|KeyError)"):
        codec.decoder(order_class)(payload(wrong))


@pytest.mark.parametrize("value", [b"\xff", b"\x01" + b"\0" * 8, b"\x7f" * 40])
def test_an_unsigned_number_out_of_its_range_is_refused(codec, classes_of, value):
    order_class = classes_of(f"{HEAD} message Order {{ uint64 a = 1; }}")["shop.v1.Order"]
    with pytest.raises(CodecError, match=r"shop\.v1\.Order: ValueError"):
        codec.decoder(order_class)(bytes([len(value) * 2]) + value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "message Order { repeated Order parts = 1; }",
            r"shop\.v1\.Order\.parts: shop\.v1\.Order contains itself.*use Protobuf",
        ),
        (
            "message Order { oneof x { A a = 1; } } message A { map<string, Order> back = 1; }",
            r"shop\.v1\.A\.back: shop\.v1\.Order contains itself.*use Protobuf",
        ),
        (
            f"{STRUCT} message Order {{ google.protobuf.Struct a = 1; }}",
            r"shop\.v1\.Order\.a: google\.protobuf\.Struct\.fields: .* contains itself.*Protobuf",
        ),
        (
            "message None {} message Order { repeated None parts = 1; }",
            r"shop\.v1\.Order\.parts: a few bytes of Avro .* has no fields: .*use Protobuf",
        ),
        (
            f"message Order {{ Order_A b = 1; A a = 2; message A {{}} }} {TWO_NAMES}",
            r"shop\.v1\.Order.A: shop\.v1\.Order_A is shop\.v1\.Order_A in Avro already: rename",
        ),
    ],
)
def test_a_shape_that_avro_cannot_carry_is_refused_by_field(codec, classes_of, text, problem):
    order_class = classes_of(f"{HEAD} {text}")["shop.v1.Order"]
    for make in (codec.encoder, codec.decoder, codec.encoder):
        with pytest.raises(ConfigError, match=problem):
            make(order_class)


def test_a_type_without_a_package_is_refused(codec, classes_of):
    order_class = classes_of('syntax = "proto3"; message Order {}')["Order"]
    with pytest.raises(ConfigError, match=r"Order: .*give shop\.proto a package"):
        codec.encoder(order_class)


def test_proto2_has_values_that_were_not_said(codec, classes_of):
    text = """syntax = "proto2"; package shop.v1;
    enum Color { RED = 3; BLUE = 1; }
    message Order {
      required string id = 1;
      optional Color color = 2 [default = BLUE];
      optional int32 count = 3 [default = 7];
      optional group Line = 4 { optional string text = 1; }
    }"""
    order_class = classes_of(text)["shop.v1.Order"]
    for fields in ({"id": "o"}, {"id": "", "color": 3, "count": 0, "line": {"text": "x"}}):
        order = order_class(**fields)
        assert codec.decoder(order_class)(encode(codec, order)) == order


def test_classes_of_the_same_name_do_not_share_a_schema(codec, classes_of):
    one, other = (
        classes_of(f"{HEAD} message Order {{ {field} }}")["shop.v1.Order"]
        for field in ("string a = 1;", "int32 b = 1;")
    )
    assert encode(codec, one(a="x")) == b"\x02x"
    assert encode(codec, other(b=1)) == b"\x02"
