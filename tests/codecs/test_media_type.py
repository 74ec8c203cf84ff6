"""The content-type header, read as RFC 9110 reads it."""

import pytest

from pat_events.codecs.table import DEFAULT_MEDIA_TYPE, media_type, reader_by_media_type
from pat_events.errors import ConfigError


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, DEFAULT_MEDIA_TYPE),
        (b"application/protobuf", "application/protobuf"),
        (b"Application/PROTOBUF", "application/protobuf"),
        (b"application/avro; version=1", "application/avro"),
        (b"\tapplication/avro ;a=b;c=d", "application/avro"),
        (b"text/plain", "text/plain"),
    ],
)
def test_case_and_parameters_are_left_aside(header, expected):
    assert media_type(header) == expected


@pytest.mark.parametrize("header", [b"", b"  ", b"; charset=utf-8", b"\xff"])
def test_a_header_that_names_no_type_is_not_taken_for_the_default(header):
    with pytest.raises(ConfigError, match="these can: application/protobuf, application/avro"):
        reader_by_media_type(media_type(header))


def test_the_default_can_be_read():
    assert reader_by_media_type(DEFAULT_MEDIA_TYPE).content_type == DEFAULT_MEDIA_TYPE
