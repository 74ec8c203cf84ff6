"""An index that is not there is refused, one from the end as well."""

import pytest

from pat_events import events
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.errors import CodecError
from tests.support.payloads import encode

EVENT = events.TenantEvent(
    metadata={"event_id": "e-1"},
    event_type=events.TenantEventType.TENANT_EVENT_TYPE_UPDATED,
    occurred_at={"seconds": 1},
)
SYMBOLS = len(events.TenantEventType.keys())


def zigzag(number):
    assert -64 <= number < 64
    return bytes([number << 1 if number >= 0 else -number * 2 - 1])


def payload(metadata=1, enum_branch=0, symbol=2, occurred_at=1):
    return b"".join(
        [
            zigzag(metadata),
            bytes.fromhex("06652d31 00 00 00 00 00 00"),
            zigzag(enum_branch),
            zigzag(symbol),
            bytes.fromhex("00 00 00"),
            zigzag(occurred_at),
            bytes.fromhex("80897a 00"),
        ]
    )


@pytest.fixture(scope="module")
def decode():
    return AvroCodec.shared().decoder(events.TenantEvent)


def test_the_indices_that_are_there_are_read(decode):
    assert decode(payload()) == EVENT
    assert payload() == encode(AvroCodec.shared(), EVENT)


@pytest.mark.parametrize(
    "indices",
    [
        *({"metadata": index} for index in (-1, -2, 2)),
        *({"enum_branch": index} for index in (-1, -2, 2)),
        *({"symbol": index} for index in (-1, -SYMBOLS, SYMBOLS)),
        # Its record has been defined before, so this union refers to it by name.
        *({"occurred_at": index} for index in (-1, -2, 2)),
    ],
    ids=str,
)
def test_an_index_that_is_not_there_is_refused(decode, indices):
    with pytest.raises(CodecError, match=r"pat\.events\.v1\.TenantEvent: KeyError: "):
        decode(payload(**indices))
