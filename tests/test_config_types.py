"""Settings that are not what they have to be: of the wrong type, contradictory, or secret."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from pat_events import Config, ConsumerGroup, Handlers, RetryPolicy, load_catalog
from pat_events.errors import ConfigError
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport

BROKER = "broker:9092"
PASSWORD = "a;S3cret=b"  # noqa: S105 - what the tests look for
PROPERTIES = "PAT_EVENTS_CLIENT_PROPERTIES"


def config(**settings):
    return Config(**{"bootstrap_servers": BROKER} | settings)


def from_env(**environ):
    return Config.from_env({"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER} | environ)


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_as_if_it_were_not_set(empty):
    variables = {f"PAT_EVENTS_{spec.name.upper()}": empty for spec in fields(Config)}
    environ = variables | {"PAT_EVENTS_BOOTSTRAP_SERVERS": BROKER, "PAT_EVENTS_CODCE": empty}
    assert Config.from_env(environ) == config()
    with pytest.raises(ConfigError, match="no broker is named"):
        Config.from_env(variables)


def test_a_path_may_be_text():
    packaged = Path(load_catalog.__code__.co_filename).parents[1] / "schemas" / "catalog.yaml"
    assert config(catalog="shop.yaml").catalog == Path("shop.yaml")
    assert load_catalog(str(packaged)).events == load_catalog().events


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("bootstrap_servers", ["a:1"], "text"),
        ("bootstrap_servers", None, "text"),
        ("source", 5, "text"),
        ("tenant_id", 5, "text"),
        ("msk_iam_region", True, "text"),
        ("linger_s", "5", "a number"),
        ("linger_s", None, "a number"),
        ("publish_timeout_s", True, "a number"),
        ("connect_timeout_s", "5", "a number"),
        ("batch_bytes", "5", "a whole number"),
        ("batch_bytes", 5.0, "a whole number"),
        ("buffer_events", True, "a whole number"),
        ("catalog", 5, "a path"),
        ("catalog", b"shop.yaml", "a path"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_type_that_is_wanted(name, value, wanted):
    with pytest.raises(ConfigError) as refused:
        config(**{name: value})
    assert str(refused.value).startswith(f"{name} is {value!r}, of type {type(value).__name__}: ")
    assert f"give {wanted} (" in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("codec", ["avro"]), ("compression", None)])
def test_a_choice_of_another_type_is_refused_with_the_choices(name, value):
    with pytest.raises(ConfigError, match=f"{name} is .*: use one of"):
        config(**{name: value})


def test_an_empty_path_is_not_the_current_directory():
    with pytest.raises(ConfigError, match="catalog is empty"):
        config(catalog="")
    with pytest.raises(ConfigError, match="no regular file"):
        load_catalog("")


@pytest.mark.parametrize(
    "setting",
    [
        "max_threads",
        "max_tasks",
        "max_in_flight",
        "max_in_flight_bytes",
        "drain_timeout_s",
        "commit_interval_s",
    ],
)
@pytest.mark.parametrize("value", ["4", None, True])
def test_a_number_of_a_group_is_a_number(setting, value):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    with pytest.raises(ConfigError, match=f"{setting} is {value!r}, of type "):
        ConsumerGroup(
            "email-processor",
            handlers,
            config=config(),
            transport=MemoryTransport(MemoryBroker()),
            **{setting: value},
        )


@pytest.mark.parametrize(
    ("register", "words"),
    [
        (lambda it: it.on(EmailReceived, timeout_s="5"), "timeout_s of .* is '5', of type str"),
        (lambda it: it.on(EmailReceived, retry=3), "retry of .* is 3, of type int: .*RetryPolicy"),
        (lambda it: it.batch(EmailReceived, max_events="5"), "max_events is '5', of type str"),
    ],
)
def test_a_setting_of_a_handler_has_its_type(register, words):
    with pytest.raises(ConfigError, match=words):
        register(Handlers())(lambda event, ctx: None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attempts", 2.5),
        ("attempts", "2"),
        ("first_delay_s", "1"),
        ("max_delay_s", None),
        ("multiplier", "2"),
        ("jitter", True),
    ],
)
def test_a_number_of_a_retry_policy_is_a_number(name, value):
    with pytest.raises(ConfigError, match=rf"RetryPolicy\.{name} is {value!r}, of type "):
        RetryPolicy(**{name: value})


def test_a_client_property_may_be_a_number_or_a_function():
    properties = {"session.timeout.ms": 10_000, "check.crcs": True, "oauth_cb": print}
    assert config(client_properties=properties).client_properties == properties


@pytest.mark.parametrize("value", [None, b"x", ["x"], {"acks": "1"}])
def test_a_client_property_of_another_type_is_refused_and_not_repeated(value):
    with pytest.raises(ConfigError) as refused:
        config(client_properties={"sasl.password": value})
    assert str(refused.value) == (
        f"client property 'sasl.password' is of type {type(value).__name__}: give text or a number"
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
