import os
import subprocess
import sys

import pytest

from pat_events import events
from pat_events.codecs.protobuf import ProtobufCodec, require_upb
from pat_events.errors import ConfigError
from tests.support.payloads import encode


def test_the_bytes_are_those_of_protobuf():
    event = events.TenantEvent(tenant_id="t-1", properties={"plan": "pro"})
    payload = bytes.fromhex("1a03742d31" "2a0b" "0a04706c616e" "120370726f")  # fmt: skip
    assert encode(ProtobufCodec(), event) == payload
    assert ProtobufCodec().decoder(events.TenantEvent)(payload) == event


def test_encoding_costs_no_more_than_the_method_of_the_class():
    encode = ProtobufCodec().encoder(events.TenantEvent)
    assert encode is events.TenantEvent.SerializeToString


def test_decoding_costs_no_more_than_the_parser_of_the_class():
    decode = ProtobufCodec().decoder(events.TenantEvent)
    assert decode == events.TenantEvent.FromString


@pytest.mark.parametrize("payload", [b"\x0a", b"\x0a\x05ab", b"\xff" * 12, b"\x1a\x01\xff"])
def test_bytes_that_are_no_event_raise_a_decode_error(payload):
    codec = ProtobufCodec()
    with pytest.raises(codec.decode_errors):
        codec.decoder(events.TenantEvent)(payload)


def test_fields_of_a_newer_version_survive_a_service_that_does_not_know_them():
    codec = ProtobufCodec()
    newer = encode(codec, events.TenantEvent(tenant_id="t-1")) + bytes.fromhex("c23e0161")
    assert encode(codec, codec.decoder(events.TenantEvent)(newer)) == newer


@pytest.mark.parametrize("backend", ["python", "cpp"])
def test_a_slow_or_unknown_protobuf_backend_is_refused(backend):
    with pytest.raises(ConfigError, match=f"{backend}.*PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"):
        require_upb(backend)


def test_importing_the_codec_checks_the_backend():
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    program = "import pat_events.codecs.protobuf"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "ConfigError: protobuf runs on its 'python' backend" in run.stderr
