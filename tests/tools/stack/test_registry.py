from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid

import pytest

pytestmark = pytest.mark.registry

PROTOBUF = 'syntax = "proto3"; package p; message Event { string id = 1; }'
CHANGED_TYPE = 'syntax = "proto3"; package p; message Event { int64 id = 1; }'


def avro(**fields):
    listed = [{"name": name, "type": kind} for name, kind in fields.items()]
    return json.dumps({"type": "record", "name": "Event", "fields": listed})


@pytest.fixture
def register(registry_url):
    subject = f"s-{uuid.uuid4().hex}"

    def register(schema, kind):
        request = urllib.request.Request(  # noqa: S310 - our own registry
            f"{registry_url}/subjects/{subject}/versions",
            data=json.dumps({"schema": schema, "schemaType": kind}).encode(),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
        )
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310
            return json.load(answer)["id"]

    level = urllib.request.Request(  # noqa: S310
        f"{registry_url}/config/{subject}",
        method="PUT",
        data=b'{"compatibility": "BACKWARD"}',
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    urllib.request.urlopen(level, timeout=15).close()  # noqa: S310
    return register


@pytest.mark.parametrize(("kind", "schema"), [("AVRO", avro(id="string")), ("PROTOBUF", PROTOBUF)])
def test_a_schema_gets_one_id_however_often_it_is_registered(register, kind, schema):
    first = register(schema, kind)
    assert first > 0
    assert register(schema, kind) == first


@pytest.mark.parametrize(
    ("kind", "schema", "incompatible"),
    [
        ("AVRO", avro(id="string"), avro(id="string", added="string")),
        ("PROTOBUF", PROTOBUF, CHANGED_TYPE),
    ],
)
def test_an_incompatible_schema_is_refused(register, kind, schema, incompatible):
    register(schema, kind)
    with pytest.raises(urllib.error.HTTPError) as refused:
        register(incompatible, kind)
    with refused.value:
        assert refused.value.code == 409
