"""Settings of Kafka: what is refused, and that no secret is shown."""

from __future__ import annotations

import copy
import logging
import math
import pickle
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from pat_events import Config, KafkaConfig, KafkaTransport, Producer
from pat_events.errors import ConfigError, PatEventsError

BROKER = "broker:9092"
PASSWORD = "a;S3cret=b"  # noqa: S105 - what the tests look for
PROPERTIES = "PAT_EVENTS_CLIENT_PROPERTIES"
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
    return KafkaConfig(**{"bootstrap_servers": BROKER} | settings)


def from_env(**environ):
    return KafkaConfig.from_env({"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER} | environ)


def test_every_field_is_read_from_its_variable(tmp_path):
    file = tmp_path / "properties"
    file.write_text("client.rack = b=c")
    environ = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": "a:1,b:2",
        "PAT_EVENTS_LINGER_S": "0.01",
        "PAT_EVENTS_BATCH_BYTES": "1000",
        "PAT_EVENTS_COMPRESSION": "zstd",
        "PAT_EVENTS_GROUP_PROTOCOL": "consumer",
        "PAT_EVENTS_MSK_IAM_REGION": "eu-west-1",
        "PAT_EVENTS_MSK_IAM_PROFILE": "services",
        "PAT_EVENTS_MSK_IAM_ROLE_ARN": "arn:aws:iam::1:role/r",
        "PAT_EVENTS_MSK_IAM_SESSION_NAME": "mail",
        "PAT_EVENTS_TOKEN_SOURCE": "",
        "PAT_EVENTS_CLIENT_PROPERTIES_FILE": str(file),
        "PAT_EVENTS_CLIENT_PROPERTIES": " client.id = x ;",
    }
    assert len(environ) == len(fields(KafkaConfig)), "a field has no variable here"
    assert KafkaConfig.from_env(environ) == KafkaConfig(
        bootstrap_servers="a:1,b:2",
        linger_s=0.01,
        batch_bytes=1000,
        compression="zstd",
        group_protocol="consumer",
        msk_iam_region="eu-west-1",
        msk_iam_profile="services",
        msk_iam_role_arn="arn:aws:iam::1:role/r",
        msk_iam_session_name="mail",
        client_properties={"client.id": "x", "client.rack": "b=c"},
        client_properties_file=Path(file),
    )


def test_a_function_for_tokens_is_named_by_its_variable():
    named = "app.auth:token"
    assert from_env(PAT_EVENTS_TOKEN_SOURCE=named).token_source == named


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_as_if_it_were_not_set(empty):
    variables = {f"PAT_EVENTS_{spec.name.upper()}": empty for spec in fields(KafkaConfig)}
    assert from_env(**variables | {"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER}) == config()
    for environ in ({}, variables):
        with pytest.raises(ConfigError, match=r"no broker is named: set PAT_EVENTS_BOOTSTRAP_SE"):
            KafkaConfig.from_env(environ)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bootstrap_servers": "  "}, "bootstrap_servers is empty"),
        *(
            ({"bootstrap_servers": f"a:1, {address}"}, f"names '{address}': use host:port")
            for address in ("b:99999", "b:0", "b:-1", "b:kafka", "b:", "SSL://b:65536", "[::1]:0")
        ),
        ({"bootstrap_servers": ["a:1"]}, "bootstrap_servers is ['a:1'], of type list: give text"),
        ({"bootstrap_servers": None}, "bootstrap_servers is None, of type NoneType: give text"),
        ({"compression": "brotli"}, "compression is 'brotli': use one of none, gzip"),
        ({"compression": None}, "compression is None: use one of none, gzip"),
        ({"group_protocol": "share"}, "group_protocol is 'share'"),
        ({"msk_iam_region": True}, "msk_iam_region is True, of type bool: give text"),
        ({"batch_bytes": 0}, "batch_bytes is 0: it must be more than 0"),
        ({"batch_bytes": 5.0}, "batch_bytes is 5.0, of type float: give a whole number"),
        ({"linger_s": 1e12}, "linger_s is 1e+12: use at most"),
        *(
            ({"linger_s": value}, f"linger_s is {value}: it must be 0 or more")
            for value in (-0.1, math.inf, math.nan)
        ),
    ],
)
def test_an_impossible_value_is_refused_by_name(settings, words):
    with pytest.raises(ConfigError) as refused:
        config(**settings)
    assert words in str(refused.value)


def test_a_batch_that_waits_longer_than_its_events_is_refused_when_a_sender_is_made():
    transport = KafkaTransport(config(linger_s=1))
    with pytest.raises(ConfigError, match=r"delivery_timeout_s \(1\) must be longer than linger_s"):
        transport.sender(Config(delivery_timeout_s=1))


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
    assert KafkaConfig(bootstrap_servers=servers).bootstrap_servers == servers


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
        KafkaConfig.from_env(environ)
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
    settings = KafkaConfig(bootstrap_servers="127.0.0.1:1", client_properties=properties)
    with pytest.raises(PatEventsError) as failed:
        Producer(Config(connect_timeout_s=0.3), transport=KafkaTransport(settings))
    shown = [f"{failed.value!r} {failed.value}", caplog.text, *capfd.readouterr()]
    assert PASSWORD not in "".join(shown)


def test_a_client_property_may_be_a_number_or_a_function():
    properties = {"session.timeout.ms": 10_000, "check.crcs": True, "oauth_cb": print}
    assert config(client_properties=properties).client_properties == properties


@pytest.mark.parametrize("value", [None, b"x", ["x"], {"acks": "1"}])
def test_a_client_property_of_another_type_is_refused_and_not_repeated(value):
    with pytest.raises(ConfigError) as refused:
        config(client_properties={"sasl.password": value})
    assert str(refused.value) == (
        f"client_properties sets 'sasl.password' to a {type(value).__name__}: give text or a number"
    )


@pytest.mark.parametrize("value", ["a=b", None, [("a", "b")]])
def test_client_properties_are_a_mapping(value):
    with pytest.raises(ConfigError, match=r"client_properties is of type .*: give a mapping"):
        config(client_properties=value)


def test_a_config_keeps_its_properties_when_the_callers_change():
    properties = {"client.rack": "a"}
    made = config(client_properties=properties)
    properties["client.rack"] = "b"
    assert made.client_properties == {"client.rack": "a"}


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, replace, lambda it: pickle.loads(pickle.dumps(it))],  # noqa: S301 - its own
)
def test_a_copy_of_a_config_is_equal_and_shows_no_secret_either(copied):
    made = copied(config(client_properties={"sasl.password": PASSWORD}))
    assert made.client_properties == {"sasl.password": PASSWORD}
    assert "S3cret" not in f"{made} {made.client_properties} {asdict(made)}"


@pytest.mark.parametrize(
    "raw",
    [
        f"sasl.password={PASSWORD}",
        "sasl.password=a;S3cret",
        "sasl.password=a;=S3cret",
        "sasl.password=a;S3cret.x=b",
        "S3cret=b",
        '{"sasl.password": "S3cret',
        '{"sasl.password": ["S3cret"]}',
        '{"sasl.password": "S3cret"} x',
        '{"sasl.password": "S3cret", "sasl.password": "other"}',
        "client.id=S3cret;client.id=b",
    ],
)
def test_properties_that_cannot_be_read_are_refused_and_not_repeated(raw):
    with pytest.raises(ConfigError, match=f"{PROPERTIES}|'sasl.password'") as refused:
        from_env(**{PROPERTIES: raw})
    assert "S3cret" not in f"{refused.value!r}"
    assert refused.value.__cause__ is None


def test_a_value_may_have_a_semicolon_in_a_json_object():
    raw = ' {"sasl.password": " a;b=c ", "session.timeout.ms": 10000, "check.crcs": true}'
    assert from_env(**{PROPERTIES: raw}).client_properties == {
        "sasl.password": " a;b=c ",
        "session.timeout.ms": 10_000,
        "check.crcs": True,
    }


@pytest.mark.parametrize(
    "name",
    [
        "sasl.passwort",
        "sasl.pasword",
        "Sasl.Pwd",
        "client.secrt",
        "sasl.kerberos.kinit.cmd",
        "https.proxy",
        "sasl.oauthbearer.token.endpoint.url",
        "sasl.oauthbearer.grant.type.private.key",
        "ssl.keystore.pasword",
    ],
)
def test_a_value_whose_name_is_not_known_to_be_harmless_is_not_shown(name):
    shown = f"{config(client_properties={name: 'S3cret', 'session.timeout.ms': '9'})!r}"
    assert "S3cret" not in shown
    assert f"{name!r}: '***', 'session.timeout.ms': '9'" in shown


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="bootstrap_servers has an @") as refused:
        config(bootstrap_servers="SASL_SSL://me:S3cret@broker:9092")
    assert "S3cret" not in str(refused.value)


@pytest.mark.parametrize("region", ["", "eu west 1", "EU-WEST-1", "eu-west", "eu-west-1 ", "x"])
def test_a_region_that_cannot_be_is_refused(region):
    with pytest.raises(ConfigError, match=r"msk_iam_region is .*such as eu-west-1"):
        config(msk_iam_region=region)


@pytest.mark.parametrize(
    "region", ["eu-west-1", "us-gov-east-1", "ap-southeast-7", "eusc-de-east-1"]
)
def test_a_region_that_can_be_is_taken(region):
    made = config(msk_iam_region=region, client_properties={"security.protocol": "SASL_SSL"})
    assert made.msk_iam_region == region


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "me"),
        ("sasl.password", "S3cret"),
        ("oauth_cb", print),
        ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
        ("security.protocol", "PLAINTEXT"),
        ("security.protocol", "ssl"),
    ],
)
def test_iam_and_another_way_to_sign_in_contradict_each_other(name, value):
    with pytest.raises(ConfigError) as refused:
        config(msk_iam_region="eu-west-1", client_properties={name: value})
    assert f"msk_iam_region contradicts the client properties {name}:" in str(refused.value)
    assert "S3cret" not in str(refused.value)


def test_kafkas_client_is_loaded_with_its_transport_and_not_before():
    program = """\
import sys
from pat_events import Config, ConsumerGroup, Handlers, KafkaConfig, Producer
assert "confluent_kafka" not in sys.modules
from pat_events import KafkaTransport
assert "confluent_kafka" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
