"""Settings of signing in: what contradicts another is refused, and secrets come from files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pat_events import KafkaConfig
from pat_events.errors import ConfigError

BROKER = {"PAT_EVENTS_BOOTSTRAP_SERVERS": "localhost:9092"}
SECRET = "pa;ss=word"  # noqa: S105


def config(**settings):
    return KafkaConfig(bootstrap_servers="localhost:9092", **settings)


def tokens():
    return "token", 0.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"msk_iam_role_arn": "r"}, "msk_iam_role_arn without msk_iam_region"),
        ({"msk_iam_profile": "p"}, "msk_iam_profile without msk_iam_region"),
        (
            {"msk_iam_region": "eu-west-1", "msk_iam_session_name": "s"},
            "msk_iam_session_name without msk_iam_role_arn",
        ),
        (
            {"msk_iam_region": "eu-west-1", "token_source": tokens},
            "msk_iam_region contradicts token_source",
        ),
        (
            {"token_source": tokens, "client_properties": {"sasl.mechanisms": "PLAIN"}},
            "token_source contradicts the client properties sasl.mechanisms",
        ),
        ({"token_source": "module"}, "give module:function"),
        ({"token_source": ":function"}, "give module:function"),
        ({"token_source": 3}, "a function, or module:function"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(settings, words):
    with pytest.raises(ConfigError, match=words):
        config(**settings)


@pytest.mark.parametrize(
    "text",
    [
        f"sasl.username = me\nsasl.password={SECRET}\n",
        f'{{"sasl.username": "me", "sasl.password": "{SECRET}"}}',
    ],
    ids=["lines", "json"],
)
def test_a_password_in_a_file_may_have_any_character(tmp_path, text):
    file = tmp_path / "properties"
    file.write_text(text)
    read = KafkaConfig.from_env({**BROKER, "PAT_EVENTS_CLIENT_PROPERTIES_FILE": str(file)})
    assert read.client_properties == {"sasl.username": "me", "sasl.password": SECRET}


def test_what_a_file_says_wins_over_the_properties_beside_it(tmp_path):
    file = tmp_path / "properties"
    file.write_text("client.id=x")
    environ = {
        **BROKER,
        "PAT_EVENTS_CLIENT_PROPERTIES": "client.id=y;client.rack=r",
        "PAT_EVENTS_CLIENT_PROPERTIES_FILE": str(file),
    }
    assert KafkaConfig.from_env(environ).client_properties == {"client.id": "x", "client.rack": "r"}


def test_a_copy_reads_the_file_again(tmp_path):
    file = tmp_path / "properties"
    file.write_text("sasl.password=old")
    first = config(client_properties_file=str(file))
    file.write_text("sasl.password=new")
    assert replace(first, linger_s=0).client_properties == {"sasl.password": "new"}
    assert first.client_properties == {"sasl.password": "old"}


@pytest.mark.parametrize("content", [None, b"\xff" + SECRET.encode()], ids=["absent", "bytes"])
def test_a_file_that_cannot_be_read_is_named_and_nothing_of_it_repeated(tmp_path, content):
    file = tmp_path / "properties"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"PAT_EVENTS_CLIENT_PROPERTIES_FILE .*properties cannot"
    ) as it:
        KafkaConfig.from_env({**BROKER, "PAT_EVENTS_CLIENT_PROPERTIES_FILE": str(file)})
    assert "pa;ss" not in f"{it.value!r} {it.value.__cause__!r}"


def test_a_misspelt_variable_of_a_file_is_not_overlooked():
    with pytest.raises(ConfigError, match="did you mean PAT_EVENTS_CLIENT_PROPERTIES_FILE"):
        KafkaConfig.from_env({**BROKER, "PAT_EVENTS_CLIENT_PROPERTY_FILE": "x"})
