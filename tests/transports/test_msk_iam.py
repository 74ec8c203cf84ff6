from __future__ import annotations

import base64
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from pat_events import Config
from pat_events.errors import ConfigError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.msk_iam import token_source


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")


def test_a_token_is_signed_for_the_region_and_its_end_is_in_seconds():
    token, ends = token_source("eu-west-1")("")
    url = urlsplit(base64.urlsafe_b64decode(token + "==").decode())
    assert url.netloc == "kafka.eu-west-1.amazonaws.com"
    assert parse_qs(url.query)["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")
    assert 0 < ends - time.time() <= 15 * 60 + 1


def test_a_region_means_tls_and_tokens():
    config = Config(bootstrap_servers="b-1:9098", msk_iam_region="eu-west-1")
    made = properties.admin(config, lambda _: None)
    assert made["security.protocol"] == "SASL_SSL"
    assert made["sasl.mechanisms"] == "OAUTHBEARER"
    assert callable(made["oauth_cb"])


def test_a_missing_signer_is_said_with_the_extra_that_has_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", None)
    with pytest.raises(ConfigError, match=r"pat-events\[msk\]"):
        token_source("eu-west-1")
