import json
import sys
from pathlib import Path

import fastavro
import pytest

from pat_events import events
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.codecs.avro.twin import Twins
from pat_events.codecs.table import codec_by_name, reader_by_media_type
from pat_events.errors import CodecError, ConfigError
from tests.fuzz.samples import filled
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


def without_docs(part):
    if isinstance(part, list):
        return [without_docs(each) for each in part]
    if isinstance(part, dict):
        return {key: without_docs(value) for key, value in part.items() if key != "doc"}
    return part


def test_the_bytes_are_those_of_the_avro_specification():
    codec = AvroCodec.shared()
    assert encode(codec, EVENT) == PAYLOAD
    assert codec.decoder(events.TenantEvent)(PAYLOAD) == EVENT


def test_every_message_and_enum_of_the_file_is_in_the_schema():
    names = set(events.__all__)
    nested = {"ProcessingResult", "ValidationResult", "WorkflowContext", "ExecutionContext"}
    assert definitions().keys() == names | nested | {"Timestamp", "Any"}


def test_the_bytes_are_those_of_the_last_release():
    """Made before schemas were made from the classes."""
    payloads = json.loads((Path(__file__).parent / "golden_avro.json").read_text("utf-8"))
    codec = AvroCodec.shared()
    assert len(payloads) == 12
    for name, payload in payloads.items():
        event = filled(getattr(events, name))
        assert (name, encode(codec, event).hex()) == (name, payload)
        assert codec.decoder(type(event))(bytes.fromhex(payload)) == event


@pytest.mark.parametrize("released", [AVSC, AVSC.parent / "released" / "1" / "events.avsc"])
def test_a_schema_made_from_the_class_is_that_of_the_file(released):
    named = {}
    fastavro.parse_schema(json.loads(released.read_text("utf-8")), named)
    for name in events.__all__:
        cls = getattr(events, name)
        if isinstance(cls, type):
            twins = Twins()
            twins.of(cls.DESCRIPTOR)
            for full_name, table in twins.definitions.items():
                # Parsed alone it would know its parts no longer.
                of_file = {k: v for k, v in named[full_name].items() if not k.startswith("__")}
                assert without_docs(of_file) == without_docs(table)


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


def test_a_payload_cut_anywhere_is_refused():
    decode = AvroCodec.shared().decoder(events.TenantEvent)
    for end in range(len(PAYLOAD)):
        with pytest.raises(CodecError, match=r"pat\.events\.v1\.TenantEvent: "):
            decode(PAYLOAD[:end])


def test_bytes_after_the_event_are_refused():
    with pytest.raises(CodecError, match="2 bytes left over"):
        AvroCodec.shared().decoder(events.TenantEvent)(PAYLOAD + b"\0\0")


def test_a_count_of_millions_in_a_few_bytes_is_refused_at_once():
    head = PAYLOAD[: PAYLOAD.index(b"\x02\x08plan")]
    with pytest.raises(CodecError, match="EOFError"):
        AvroCodec.shared().decoder(events.TenantEvent)(head + b"\xfe\xff\xff\xff\xff\xff\x7f")


@pytest.mark.parametrize(
    "time_of_it", [{"seconds": 253_402_300_800}, {"nanos": -1}, {"nanos": 1_000_000_000}]
)
def test_what_is_no_time_is_refused_in_both_directions(time_of_it):
    event = events.TenantEvent(occurred_at=time_of_it)
    with pytest.raises(CodecError, match="is no time in the years 1 to 9999"):
        encode(AvroCodec.shared(), event)
    beyond = PAYLOAD[:-4] + b"\xfe" + b"\xff" * 8 + b"\x01" + b"\x06"
    with pytest.raises(CodecError, match="is no time in the years 1 to 9999"):
        AvroCodec.shared().decoder(events.TenantEvent)(beyond)


def test_without_fastavro_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastavro", None)
    monkeypatch.delitem(sys.modules, "pat_events.codecs.avro.codec")
    with pytest.raises(ConfigError, match=r"pip install 'pat-events\[avro\]'"):
        codec_by_name("avro")


def test_a_schema_is_made_once_for_all_who_ask():
    assert codec_by_name("avro") is reader_by_media_type("application/avro")
    assert codec_by_name("avro") is codec_by_name("avro")


def test_an_unknown_media_type_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="'text/plain' cannot be read, these can: applic"):
        reader_by_media_type("text/plain")
