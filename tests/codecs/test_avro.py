import json
import sys
import time
from pathlib import Path

import pytest
from google.protobuf import struct_pb2, wrappers_pb2

from pat_events import events
from pat_events.codecs.avro import AvroCodec
from pat_events.codecs.table import codec_by_name, reader_by_media_type
from pat_events.errors import CodecError, ConfigError
from tests.support.payloads import encode

AVSC = Path(__file__).parents[2] / "schemas" / "events.avsc"
EVENT = events.TenantEvent(
    metadata={"event_id": "e-1"},
    event_type=events.TenantEventType.TENANT_EVENT_TYPE_UPDATED,
    tenant_id="t-1",
    properties={"plan": "pro"},
    occurred_at={"seconds": 1, "nanos": 2003},
)
PAYLOAD = bytes.fromhex(
    "02"  # metadata is there
    "06652d31" "00" "00" "00" "00" "00" "00"
    "00" "04"  # event_type is a symbol, the third
    "06742d31" "00"
    "02" "08706c616e" "0670726f" "00"  # one property
    "02" "84897a" "06"  # occurred_at: 1,000,002 us and 3 ns
)  # fmt: skip


def definitions():
    return {table["name"]: table for table in json.loads(AVSC.read_text("utf-8"))}


def codec_for(tables):
    return AvroCodec(json.dumps(tables), "shop.avsc")


def record(name, **fields):
    return {
        "type": "record",
        "name": name,
        "namespace": "shop",
        "fields": [{"name": field, "type": avro} for field, avro in fields.items()],
    }


def test_the_bytes_are_those_of_the_avro_specification():
    codec = AvroCodec.packaged()
    assert encode(codec, EVENT) == PAYLOAD
    assert codec.decoder(events.TenantEvent)(PAYLOAD) == EVENT


def test_every_record_and_enum_has_its_protobuf_twin_and_the_other_way_round():
    codec = AvroCodec.packaged()
    for name in events.__all__:
        cls = getattr(events, name)
        if isinstance(cls, type):
            codec.decoder(cls)
    # What no message reached has no twin.
    reached = {name.rpartition(".")[2] for name in codec._twins._twins}
    enums = {name for name in events.__all__ if not isinstance(getattr(events, name), type)}
    assert reached | enums | {"Timestamp"} == definitions().keys()


def test_every_field_has_a_default_so_that_versions_can_read_each_other():
    without = [
        f"{name}.{field['name']}"
        for name, table in definitions().items()
        for field in table.get("fields", ())
        if "default" not in field
    ]
    assert without == ["Timestamp.micros"]


def test_logical_types_are_inside_the_type_where_readers_look_for_them():
    found = []

    def visit(part):
        if isinstance(part, dict):
            if "logicalType" in part:
                found.append(part)
            part = part.values()
        if not isinstance(part, str):
            for inner in part or ():
                visit(inner)

    for table in definitions().values():
        for field in table.get("fields", ()):
            assert "logicalType" not in field
            visit(field["type"] if isinstance(field["type"], list | dict) else [])
    assert found == [{"type": "long", "logicalType": "timestamp-micros"}]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda fields: fields.pop(),
            r"EmailDeleted.deleted_at: Avro has nothing, Protobuf needs \['null', 'google",
        ),
        (
            lambda fields: fields.append({"name": "extra", "type": "int"}),
            "EmailDeleted.extra: Avro has int, Protobuf needs nothing",
        ),
        (
            lambda fields: fields[1].update(type="bytes", default=""),
            "EmailDeleted.email_id: Avro has bytes, Protobuf needs string",
        ),
    ],
)
def test_a_schema_that_disagrees_with_protobuf_is_refused_by_field(change, problem):
    tables = definitions()
    change(tables["EmailDeleted"]["fields"])
    codec = codec_for(list(tables.values()))
    with pytest.raises(ConfigError, match=problem):
        codec.decoder(events.EmailDeleted)
    codec.decoder(events.TenantEvent)


def test_an_enum_that_lacks_a_symbol_is_refused():
    tables = definitions()
    tables["TriggerType"]["symbols"].pop()
    with pytest.raises(ConfigError, match="TriggerType: must be an Avro enum of TRIGGER_TYPE_UNSP"):
        codec_for(list(tables.values())).decoder(events.WorkflowTriggered)


def test_an_event_without_a_record_is_refused():
    with pytest.raises(ConfigError, match=r"shop.avsc: the Avro schema has no record google\."):
        codec_for([record("Other", a="int")]).encoder(wrappers_pb2.StringValue)


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ([record("Node", next=["null", "Node"])], "shop.Node contains itself"),
        (
            [record("A", b={"type": "map", "values": record("B", a=["null", "A"])})],
            "shop.A contains itself",
        ),
        ([record("A", items={"type": "array", "items": "null"})], "shop.A has items that take no"),
        (
            [record("Empty"), record("A", items={"type": "array", "items": "Empty"})],
            "shop.A has items that take no bytes",
        ),
        (
            [
                {"type": "fixed", "name": "Nothing", "namespace": "shop", "size": 0},
                record("Pair", a="Nothing", b="null"),
                record("A", items={"type": "array", "items": "Pair"}),
            ],
            "shop.A has items that take no bytes",
        ),
        ([record("A", b="Missing")], "Missing"),
        ([{"type": "record"}], "name"),
    ],
)
def test_a_schema_that_a_few_bytes_could_blow_up_is_refused_at_load(tables, problem):
    with pytest.raises(ConfigError, match=f"shop.avsc: not usable as an Avro schema: .*{problem}"):
        codec_for(tables)


def test_a_schema_that_is_not_json_is_refused_at_load():
    with pytest.raises(ConfigError, match=r"shop\.avsc: not usable as an Avro schema"):
        AvroCodec("{", "shop.avsc")


def test_a_schema_of_many_references_is_checked_in_no_time():
    tables = [record("R0", a="int")]
    tables += [record(f"R{i}", a=f"R{i - 1}", b=f"R{i - 1}") for i in range(1, 60)]
    started = time.process_time()
    codec_for(tables)
    assert time.process_time() - started < 5


def test_a_protobuf_type_that_contains_itself_is_refused():
    with pytest.raises(ConfigError, match=r"shop\.avsc: "):
        codec_for([record("Other", a="int")]).decoder(struct_pb2.Struct)


def test_a_payload_cut_anywhere_is_refused():
    decode = AvroCodec.packaged().decoder(events.TenantEvent)
    for end in range(len(PAYLOAD)):
        with pytest.raises(CodecError, match=r"pat\.events\.v1\.TenantEvent: "):
            decode(PAYLOAD[:end])


def test_bytes_after_the_event_are_refused():
    with pytest.raises(CodecError, match="2 bytes left over"):
        AvroCodec.packaged().decoder(events.TenantEvent)(PAYLOAD + b"\0\0")


def test_a_count_of_millions_in_a_few_bytes_is_refused_at_once():
    head = PAYLOAD[: PAYLOAD.index(b"\x02\x08plan")]
    with pytest.raises(CodecError, match="EOFError"):
        AvroCodec.packaged().decoder(events.TenantEvent)(head + b"\xfe\xff\xff\xff\xff\xff\x7f")


@pytest.mark.parametrize(
    "time_of_it", [{"seconds": 253_402_300_800}, {"nanos": -1}, {"nanos": 1_000_000_000}]
)
def test_what_is_no_time_is_refused_in_both_directions(time_of_it):
    event = events.TenantEvent(occurred_at=time_of_it)
    with pytest.raises(CodecError, match="is no time in the years 1 to 9999"):
        encode(AvroCodec.packaged(), event)
    beyond = PAYLOAD[:-4] + b"\xfe" + b"\xff" * 8 + b"\x01" + b"\x06"
    with pytest.raises(CodecError, match="is no time in the years 1 to 9999"):
        AvroCodec.packaged().decoder(events.TenantEvent)(beyond)


def test_without_fastavro_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastavro", None)
    monkeypatch.delitem(sys.modules, "pat_events.codecs.avro")
    with pytest.raises(ConfigError, match=r"pip install 'pat-events\[avro\]'"):
        codec_by_name("avro")


def test_the_packaged_schema_is_read_once():
    assert codec_by_name("avro") is reader_by_media_type("application/avro")
    assert codec_by_name("avro") is codec_by_name("avro")


def test_an_unknown_media_type_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="'text/plain' cannot be read, these can: applic"):
        reader_by_media_type("text/plain")
