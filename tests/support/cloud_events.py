"""Records as the Python SDK of CloudEvents writes them: value and headers.

What ``cloudevents.kafka`` of version 1.13.0 and ``cloudevents.core.bindings.kafka`` of 2.2.0
made of one event, byte for byte.
"""

from __future__ import annotations

import json

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ATTRIBUTES = {
    "id": "e-1",
    "type": "pat.events.v1.EmailReceived",
    "source": "shop.web",
    "specversion": "1.0",
    "time": "2026-11-02T08:00:00Z",
    "subject": "m-1",
    "partitionkey": "k-1",
    "traceparent": TRACEPARENT,
}
STRUCTURED = [("content-type", b"application/cloudevents+json")]
_V1 = (
    b'{"id": "e-1", "type": "pat.events.v1.EmailReceived", "source": "shop.web", '
    b'"time": "2026-11-02T08:00:00Z", "subject": "m-1", "partitionkey": "k-1", '
    b'"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", %b}'
)
_V2 = (
    b'{"id": "e-1", "type": "pat.events.v1.EmailReceived", "source": "shop.web", '
    b'"specversion": "1.0", "time": "2026-11-02T08:00:00Z", "subject": "m-1", '
    b'"partitionkey": "k-1", '
    b'"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", %b}'
)
_JSON = b'"data": {"email_id": "m-1", "subject": "Hallo \\u00fc"}'
_BINARY = [(f"ce_{name}", value.encode()) for name, value in ATTRIBUTES.items()]
#: The e-mail "m-1"; but for the two in Protobuf its subject is "Hallo ü".
BY_SDK = {
    "version 1, structured": (_V1 % (b'"specversion": "1.0", ' + _JSON), []),
    # It names the type of the data, not that of the value.
    "version 1, structured, with a content type": (
        _V1 % (b'"datacontenttype": "application/json", "specversion": "1.0", ' + _JSON),
        [("content-type", b"application/json")],
    ),
    "version 1, structured, marshalled to bytes": (
        _V1
        % (
            b'"datacontenttype": "application/json", "specversion": "1.0", "data_base64": '
            b'"eyJlbWFpbF9pZCI6ICJtLTEiLCAic3ViamVjdCI6ICJIYWxsbyBcdTAwZmMifQ=="'
        ),
        [("content-type", b"application/json")],
    ),
    "version 1, structured, Protobuf": (
        _V1
        % (
            b'"datacontenttype": "application/protobuf", "specversion": "1.0", '
            b'"data_base64": "EgNtLTE="'
        ),
        [("content-type", b"application/protobuf")],
    ),
    "version 1, binary": (
        b'{"email_id": "m-1", "subject": "Hallo \\u00fc"}',
        [
            ("content-type", b"application/json"),
            *(header for header in _BINARY if header[0] != "ce_partitionkey"),
        ],
    ),
    "version 2, structured": (_V2 % _JSON, STRUCTURED),
    "version 2, structured, with a content type": (
        _V2 % (b'"datacontenttype": "application/json", ' + _JSON),
        STRUCTURED,
    ),
    "version 2, structured, Protobuf": (
        _V2 % b'"datacontenttype": "application/protobuf", "data_base64": "EgNtLTE="',
        STRUCTURED,
    ),
    "version 2, binary": (
        b'{"email_id": "m-1", "subject": "Hallo \\u00fc"}',
        [*_BINARY, ("content-type", b"application/json")],
    ),
}


def structured(**members):
    """Value of a structured record: the attributes above, changed; None leaves one out."""
    envelope = {**ATTRIBUTES, "data": {"email_id": "m-1"}, **members}
    return json.dumps({k: v for k, v in envelope.items() if v is not None}).encode()
