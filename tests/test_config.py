from __future__ import annotations

import logging
import math
from dataclasses import fields
from pathlib import Path

import pytest

from pat_events import Config, Producer
from pat_events.errors import ConfigError, PatEventsError

BROKER = "broker:9092"
PASSWORD = "hunter2-never-shown"  # noqa: S105 - what the tests look for
SECRETS = [
    "sasl.password",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.jaas.config",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "Sasl.Password",
    "aws.session.token",
]


def config(**settings):
    return Config(bootstrap_servers=BROKER, **settings)


def test_every_field_is_read_from_its_variable():
    environ = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": "a:1,b:2",
        "PAT_EVENTS_CATALOG": "/etc/catalog.yaml",
        "PAT_EVENTS_CODEC": "avro",
        "PAT_EVENTS_SOURCE": "my.service",
        "PAT_EVENTS_TENANT_ID": "t-1",
        "PAT_EVENTS_LINGER_S": "0.01",
        "PAT_EVENTS_BATCH_BYTES": "1000",
        "PAT_EVENTS_COMPRESSION": "zstd",
        "PAT_EVENTS_BUFFER_EVENTS": "10",
        "PAT_EVENTS_BUFFER_BYTES": "2000000",
        "PAT_EVENTS_MAX_EVENT_BYTES": "500",
        "PAT_EVENTS_PUBLISH_TIMEOUT_S": "1.5",
        "PAT_EVENTS_DELIVERY_TIMEOUT_S": "2.5",
        "PAT_EVENTS_CONNECT_TIMEOUT_S": "0",
        "PAT_EVENTS_GROUP_PROTOCOL": "consumer",
        "PAT_EVENTS_MSK_IAM_REGION": "eu-west-1",
        "PAT_EVENTS_MSK_IAM_PROFILE": "services",
        "PAT_EVENTS_MSK_IAM_ROLE_ARN": "arn:aws:iam::1:role/r",
        "PAT_EVENTS_MSK_IAM_SESSION_NAME": "mail",
        "PAT_EVENTS_TOKEN_SOURCE": "",
        "PAT_EVENTS_CLIENT_PROPERTIES_FILE": "",
        "PAT_EVENTS_CLIENT_PROPERTIES": " client.id = x ; client.rack=b=c;",
    }
    assert len(environ) == len(fields(Config)), "a field has no variable here"
    assert Config.from_env(environ) == Config(
        bootstrap_servers="a:1,b:2",
        catalog=Path("/etc/catalog.yaml"),
        codec="avro",
        source="my.service",
        tenant_id="t-1",
        linger_s=0.01,
        batch_bytes=1000,
        compression="zstd",
        buffer_events=10,
        buffer_bytes=2_000_000,
        max_event_bytes=500,
        publish_timeout_s=1.5,
        delivery_timeout_s=2.5,
        connect_timeout_s=0.0,
        group_protocol="consumer",
        msk_iam_region="eu-west-1",
        msk_iam_profile="services",
        msk_iam_role_arn="arn:aws:iam::1:role/r",
        msk_iam_session_name="mail",
        client_properties={"client.id": "x", "client.rack": "b=c"},
    )


def test_the_process_environment_is_read_by_default(monkeypatch):
    monkeypatch.setenv("PAT_EVENTS_BOOTSTRAP_SERVERS", BROKER)
    monkeypatch.setenv("PAT_EVENTS_TENANT_ID", "t-9")
    assert Config.from_env().tenant_id == "t-9"


def test_arguments_win_over_the_environment_and_none_does_not():
    environ = {"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER, "PAT_EVENTS_TENANT_ID": "t-1"}
    found = Config.from_env(environ, bootstrap_servers="other:1", tenant_id=None)
    assert (found.bootstrap_servers, found.tenant_id) == ("other:1", "t-1")


def test_what_is_not_set_has_its_default():
    environ = {"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER}
    assert Config.from_env(environ) == config()


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "PAT_EVENTS_BOOTSTRAP_SERVERS=host:port"),
        ({"PAT_EVENTS_LINGER_S": "soon"}, "PAT_EVENTS_LINGER_S is 'soon': a number"),
        ({"PAT_EVENTS_BATCH_BYTES": "1.5"}, "PAT_EVENTS_BATCH_BYTES is '1.5'"),
        ({"PAT_EVENTS_CODEC": "json"}, "codec is 'json': use one of protobuf, avro"),
        ({"PAT_EVENTS_DELIVERY_TIMEOUT": "5"}, "did you mean PAT_EVENTS_DELIVERY_TIMEOUT_S"),
        ({"PAT_EVENTS_BOOTSTRAP_SERVER": "a:1"}, "did you mean PAT_EVENTS_BOOTSTRAP_SERVERS"),
        ({"PAT_EVENTS_CLIENT_PROPERTIES": "acks=b;c"}, "write name=value;name=value"),
        ({"PAT_EVENTS_CLIENT_PROPERTIES": "=b"}, "write name=value;name=value"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environ, words):
    environ = environ and {"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER} | environ
    with pytest.raises(ConfigError) as refused:
        Config.from_env(environ)
    assert words in str(refused.value)


def test_variables_of_others_with_the_same_prefix_are_let_be():
    environ = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER,
        "PAT_EVENTS_REGISTRY_URL": "http://registry",
        "PAT_EVENTS_TEST_REQUIRE": "all",
        "PAT_EVENTS_STACK_DIR": "/somewhere",
    }
    assert Config.from_env(environ) == config()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bootstrap_servers": "  "}, "bootstrap_servers is empty"),
        *(
            ({"bootstrap_servers": f"a:1, {address}"}, f"names '{address}': use host:port")
            for address in ("b:99999", "b:0", "b:-1", "b:kafka", "b:", "SSL://b:65536", "[::1]:0")
        ),
        ({"codec": "json"}, "codec is 'json'"),
        ({"compression": "brotli"}, "compression is 'brotli'"),
        ({"group_protocol": "share"}, "group_protocol is 'share'"),
        *(
            ({name: value}, f"{name} is {value}: it must be more than 0")
            for name in (
                "batch_bytes",
                "buffer_events",
                "buffer_bytes",
                "max_event_bytes",
                "publish_timeout_s",
                "delivery_timeout_s",
            )
            for value in (0, -1)
        ),
        *(
            ({name: value}, f"{name} is {value}: it must be more than 0")
            for name in ("publish_timeout_s", "delivery_timeout_s")
            for value in (math.inf, math.nan)
        ),
        *(
            ({name: value}, f"{name} is {value}: it must be 0 or more")
            for name in ("linger_s", "connect_timeout_s")
            for value in (-0.1, math.inf, math.nan)
        ),
        ({"buffer_bytes": 999_999}, "buffer_bytes (999999) is below max_event_bytes (1000000)"),
        ({"delivery_timeout_s": 1, "linger_s": 1}, "delivery_timeout_s (1) must be longer"),
    ],
)
def test_an_impossible_value_is_refused_by_name(settings, words):
    with pytest.raises(ConfigError) as refused:
        Config(**{"bootstrap_servers": BROKER} | settings)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "b",
        "b:1",
        "b:65535",
        "PLAINTEXT://b:9092",
        "SSL://b",
        "b:9092/",
        "::1",
        "[::1]",
        "[::1]:9092",
    ],
)
def test_an_address_may_have_any_port_there_is_or_none(address):
    servers = f"a:9092,{address}"
    assert Config(bootstrap_servers=servers).bootstrap_servers == servers


@pytest.mark.parametrize(("connect_timeout_s", "expected"), [(0.5, 0.5), (0, 10.0)])
def test_what_needs_an_answer_waits_for_it_even_where_a_start_does_not_ask(
    connect_timeout_s, expected
):
    assert config(connect_timeout_s=connect_timeout_s).answer_timeout_s == expected


def test_a_config_does_not_change():
    with pytest.raises(AttributeError):
        config().codec = "avro"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_shown(name):
    properties = {name: PASSWORD, "sasl.username": "service"}
    shown = config(client_properties=properties)
    assert PASSWORD not in f"{shown!r} {shown}"
    assert "service" in repr(shown)


def test_what_is_not_secret_is_shown():
    assert "linger_s=0.25" in repr(config(linger_s=0.25))


def test_properties_that_cannot_be_read_are_not_repeated():
    environ = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER,
        "PAT_EVENTS_CLIENT_PROPERTIES": f"sasl.password:{PASSWORD}",
    }
    with pytest.raises(ConfigError) as refused:
        Config.from_env(environ)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"security.protocol": "nonsense"},
        {"sasl.mechanism": "OAUTHBEARER"},
        {"no.such.property": "x"},
        {"sasl.passwort": PASSWORD},
        {"acks": "1"},
        {"ssl.key.pem": PASSWORD, "security.protocol": "SSL"},
    ],
)
def test_no_log_and_no_error_shows_a_password(wrong, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    properties = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "service",
        "sasl.password": PASSWORD,
        "debug": "all",
    } | wrong
    settings = Config(
        bootstrap_servers="127.0.0.1:1", client_properties=properties, connect_timeout_s=0.3
    )
    with pytest.raises(PatEventsError) as failed:
        Producer(settings)
    shown = [f"{failed.value!r} {failed.value}", caplog.text, *capfd.readouterr()]
    assert PASSWORD not in "".join(shown)
