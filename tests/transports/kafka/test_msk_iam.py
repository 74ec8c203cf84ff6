from __future__ import annotations

import base64
import logging
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials

from pat_events import KafkaConfig, KafkaTransport, Producer
from pat_events.errors import AuthenticationError, ConfigError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.msk_iam import _signed, token_source

SECRET = "not-a-secret"  # noqa: S105


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    token_source.cache_clear()


def signed(token):
    url = urlsplit(base64.urlsafe_b64decode(token + "==").decode())
    return url.netloc, parse_qs(url.query)


def test_a_token_is_signed_for_the_region_and_its_end_is_in_seconds():
    token, ends = token_source("eu-west-1").token()
    host, query = signed(token)
    assert host == "kafka.eu-west-1.amazonaws.com"
    assert query["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")
    assert 0 < ends - time.time() <= 15 * 60 + 1


def test_all_clients_of_a_process_share_their_tokens():
    assert token_source("eu-west-1") is token_source("eu-west-1")
    assert token_source("eu-west-1") is not token_source("eu-west-2")


def test_a_profile_names_the_credentials(tmp_path):
    (tmp_path / "credentials").write_text(
        "[other]\naws_access_key_id = AKOTHER\naws_secret_access_key = x\n"
    )
    token, _ = token_source("eu-west-1", profile="other").token()
    assert signed(token)[1]["X-Amz-Credential"][0].startswith("AKOTHER/")


def test_an_unknown_profile_is_named():
    with pytest.raises(AuthenticationError, match=r"eu-west-1.*absent.*the credentials"):
        token_source("eu-west-1", profile="absent").token()


def test_missing_credentials_are_told_when_a_client_is_made_with_region_and_remedy(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    config = KafkaConfig(bootstrap_servers="127.0.0.1:1", msk_iam_region="eu-west-1")
    began = time.monotonic()
    with pytest.raises(AuthenticationError, match=r"eu-west-1.*no AWS credentials.*STS"):
        Producer(transport=KafkaTransport(config))
    # What librdkafka itself waits before it says that no token was set.
    assert time.monotonic() - began < 10


def test_credentials_that_changed_in_their_file_are_seen(monkeypatch):
    source = token_source("eu-west-1")
    source.token()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKNEXT")
    source._fresh_until = 0.0
    assert signed(source.token()[0])[1]["X-Amz-Credential"][0].startswith("AKNEXT/")


@pytest.mark.localstack
def test_a_role_is_assumed(localstack_url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", localstack_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    role = "arn:aws:iam::000000000000:role/reader"
    _, query = signed(token_source("eu-west-1", role_arn=role).token()[0])
    assert not query["X-Amz-Credential"][0].startswith("test/")
    assert query["X-Amz-Security-Token"]


def test_no_token_outlives_the_credentials_it_was_signed_with():
    end = datetime.now(UTC) + timedelta(minutes=2)

    class EndsSoon(Credentials):
        _expiry_time = end

    _, ends = _signed("eu-west-1", lambda: EndsSoon("AK", SECRET))
    assert ends == end.timestamp()


def test_what_signs_a_token_is_not_logged(caplog):
    caplog.set_level(logging.DEBUG)
    token_source("eu-west-1").token()
    assert "botocore" in caplog.text  # so the level is on
    assert not any(word in caplog.text for word in ("Signature", "CanonicalRequest", SECRET))


def test_a_region_means_tls_and_tokens():
    config = KafkaConfig(bootstrap_servers="b-1:9098", msk_iam_region="eu-west-1")
    made = properties.admin(config, lambda _: None)
    assert made["security.protocol"] == "SASL_SSL"
    assert made["sasl.mechanisms"] == "OAUTHBEARER"
    assert callable(made["oauth_cb"])


def test_a_missing_signer_is_said_with_the_extra_that_has_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", None)
    with pytest.raises(ConfigError, match=r"pat-events\[msk\]"):
        token_source("eu-west-1")
