"""What the package knows of the client's properties, beside the client's own list of them."""

from __future__ import annotations

import ctypes
import re

import pytest

from pat_events.testing.librdkafka import _library
from pat_events.transports.kafka.client_properties import _SHOWN, parse
from pat_events.transports.kafka.client_property_names import NAMES

# Functions and structures, which no text can be, and what only share groups have.
NO_TEXT = re.compile(
    r"\w+_cb|ssl_\w+|opaque|interceptors|\w+_topic_conf|enabled_events|msg_order_cmp"
)
OF_SHARE_GROUPS = re.compile(r"share\..*")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Every property of the client, as it documents itself."""
    file = tmp_path_factory.mktemp("client") / "properties"
    libc = ctypes.CDLL(None)
    libc.fopen.restype, libc.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
    libc.fclose.argtypes = [ctypes.c_void_p]
    show = _library().rd_kafka_conf_properties_show
    show.restype, show.argtypes = None, [ctypes.c_void_p]
    stream = libc.fopen(str(file).encode(), b"w")
    show(stream)
    libc.fclose(stream)
    found = re.findall(r"^([a-z][a-z0-9._]+) +\|", file.read_text("utf-8"), re.MULTILINE)
    assert len(found) > 150
    return found


def test_each_property_that_can_be_text_can_be_set_in_the_environment(names):
    settable = {
        name for name in names if not (NO_TEXT.fullmatch(name) or OF_SHARE_GROUPS.fullmatch(name))
    }
    text = ";".join(f"{name}=x" for name in settable)
    assert parse("VARIABLE", text) == dict.fromkeys(settable, "x")


def test_what_may_be_meant_by_a_misspelt_name_are_the_properties_that_can_be_text(names):
    text = {n for n in names if not (NO_TEXT.fullmatch(n) or OF_SHARE_GROUPS.fullmatch(n))}
    assert text == NAMES


def test_only_properties_that_there_are_are_shown(names):
    assert set(names) >= _SHOWN
    assert not [name for name in _SHOWN if re.search("password|secret|token|pem|passphrase", name)]
