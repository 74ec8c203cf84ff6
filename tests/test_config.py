"""Settings of what belongs to events."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import pytest

from pat_events import (
    Config,
    ConsumerGroup,
    Handlers,
    KafkaConfig,
    KafkaTransport,
    Producer,
    load_catalog,
)
from pat_events.errors import ConfigError


def test_every_field_is_read_from_its_variable():
    environ = {
        "PAT_EVENTS_CATALOG": "/etc/catalog.yaml",
        "PAT_EVENTS_CODEC": "avro",
        "PAT_EVENTS_SOURCE": "my.service",
        "PAT_EVENTS_TENANT_ID": "t-1",
        "PAT_EVENTS_BUFFER_EVENTS": "10",
        "PAT_EVENTS_BUFFER_BYTES": "2000000",
        "PAT_EVENTS_MAX_EVENT_BYTES": "500",
        "PAT_EVENTS_PUBLISH_TIMEOUT_S": "1.5",
        "PAT_EVENTS_DELIVERY_TIMEOUT_S": "2.5",
        "PAT_EVENTS_CONNECT_TIMEOUT_S": "0",
        "PAT_EVENTS_CLAIM_CHECK_BUCKET": "payloads",
        "PAT_EVENTS_CLAIM_CHECK_PREFIX": "mail/",
        "PAT_EVENTS_CLAIM_CHECK_ABOVE_BYTES": "400",
        "PAT_EVENTS_CLAIM_CHECK_READ_FROM": "others/mail/, more",
    }
    assert len(environ) == len(fields(Config)), "a field has no variable here"
    assert Config.from_env(environ) == Config(
        catalog=Path("/etc/catalog.yaml"),
        codec="avro",
        source="my.service",
        tenant_id="t-1",
        buffer_events=10,
        buffer_bytes=2_000_000,
        max_event_bytes=500,
        publish_timeout_s=1.5,
        delivery_timeout_s=2.5,
        connect_timeout_s=0.0,
        claim_check_bucket="payloads",
        claim_check_prefix="mail/",
        claim_check_above_bytes=400,
        claim_check_read_from="others/mail/, more",
    )


def test_payloads_are_read_from_where_they_are_written_and_what_is_named():
    config = Config(claim_check_bucket="payloads", claim_check_read_from="others/mail/, more,")
    assert config.claim_check_locations == (("payloads", ""), ("others", "mail/"), ("more", ""))
    assert Config().claim_check_locations == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"claim_check_bucket": "Payloads"}, "'Payloads' is no name of an S3 bucket"),
        ({"claim_check_bucket": ""}, "'' is no name of an S3 bucket"),
        ({"claim_check_read_from": "ok-1/mail, s3:/x"}, "'s3:' is no name of an S3 bucket"),
        ({"claim_check_bucket": "b-1", "claim_check_prefix": "a/../b"}, "'a/../b' cannot begin"),
        ({"claim_check_bucket": "b-1", "claim_check_prefix": "/a"}, "'/a' cannot begin"),
        ({"claim_check_bucket": "b-1", "claim_check_prefix": "ä"}, "'ä' cannot begin"),
        ({"claim_check_prefix": "a/"}, "claim_check_prefix without claim_check_bucket"),
        ({"claim_check_above_bytes": 1}, "claim_check_above_bytes without claim_check_bucket"),
        (
            {"claim_check_bucket": "b-1", "claim_check_above_bytes": 0},
            "claim_check_above_bytes is 0: it must be more than 0",
        ),
        (
            {"claim_check_bucket": "b-1", "claim_check_above_bytes": 2_000_000},
            r"claim_check_above_bytes \(2000000\) is above max_event_bytes \(1000000\)",
        ),
    ],
)
def test_a_claim_check_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        Config(**settings)


def test_nothing_has_to_be_set():
    assert Config.from_env({}) == Config()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"codec": "json"}, "codec is 'json': use one of protobuf, avro"),
        *(
            ({name: value}, f"{name} is {value}: it must be more than 0")
            for name in (
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
            ({"connect_timeout_s": value}, f"connect_timeout_s is {value}: it must be 0 or more")
            for value in (-0.1, math.inf, math.nan)
        ),
        ({"publish_timeout_s": 10**400}, "publish_timeout_s is 1.79769e+308: use at most"),
        ({"buffer_bytes": 999_999}, "buffer_bytes (999999) is below max_event_bytes (1000000)"),
    ],
)
def test_an_impossible_value_is_refused_by_name(settings, words):
    with pytest.raises(ConfigError) as refused:
        Config(**settings)
    assert words in str(refused.value)


def test_a_catalogue_may_be_named_by_text():
    packaged = Path(load_catalog.__code__.co_filename).parents[1] / "schemas" / "catalog.yaml"
    assert Config(catalog="shop.yaml").catalog == Path("shop.yaml")
    assert load_catalog(str(packaged)).events == load_catalog().events


def test_an_empty_path_is_not_the_current_directory():
    with pytest.raises(ConfigError, match="catalog is empty"):
        Config(catalog="")
    with pytest.raises(ConfigError, match="no regular file"):
        load_catalog("")


@pytest.mark.parametrize(("connect_timeout_s", "expected"), [(0.5, 0.5), (0, 10.0)])
def test_what_needs_an_answer_waits_for_it_even_where_a_start_does_not_ask(
    connect_timeout_s, expected
):
    assert Config(connect_timeout_s=connect_timeout_s).answer_timeout_s == expected


def test_a_config_does_not_change():
    with pytest.raises(AttributeError):
        Config().codec = "avro"


@pytest.mark.parametrize(
    "make", [Producer, lambda config: ConsumerGroup("g", Handlers(), config=config)]
)
def test_settings_of_kafka_in_the_place_of_those_of_events_are_refused_with_where_they_go(make):
    with pytest.raises(ConfigError, match=r"of type KafkaConfig: give a Config; .*KafkaTransport"):
        make(KafkaConfig(bootstrap_servers="b:1"))


@pytest.mark.parametrize(
    "make",
    [
        lambda transport: Producer(transport=transport),
        lambda transport: ConsumerGroup("g", Handlers(), transport=transport),
    ],
    ids=["producer", "group"],
)
@pytest.mark.parametrize("given", [KafkaConfig(bootstrap_servers="b:1"), "b:1", KafkaTransport])
def test_what_is_no_transport_is_refused_with_how_to_make_one(make, given):
    with pytest.raises(ConfigError, match=r"^transport is .*: give .* KafkaTransport\(KafkaConfig"):
        make(given)


def test_a_transport_for_kafka_takes_settings_of_kafka():
    with pytest.raises(ConfigError, match=r"^config is 'b:1', of type str: give a KafkaConfig"):
        KafkaTransport("b:1")


@pytest.mark.parametrize("name", ["source", "tenant_id"])
@pytest.mark.parametrize("blank", ["", " ", "\n", "a\tb"])
def test_a_name_that_does_not_show_is_refused(name, blank):
    with pytest.raises(ConfigError, match=f"{name} is .*: give a text that can be printed"):
        Config(**{name: blank})
