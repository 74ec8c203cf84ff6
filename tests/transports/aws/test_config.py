from __future__ import annotations

import subprocess
import sys

import pytest

from pat_events import AwsConfig, Config, KafkaConfig, Sqs
from pat_events.errors import ConfigError

pytestmark = pytest.mark.usefixtures("aws_credentials")
VARIABLES = {
    "PAT_EVENTS_AWS_REGION": "eu-west-1",
    "PAT_EVENTS_AWS_ENDPOINT_URL": "http://localhost:4566",
    "PAT_EVENTS_AWS_LINGER_S": "0.5",
    "PAT_EVENTS_AWS_BATCH_EVENTS": "3",
}


def test_variables_begin_with_aws_and_are_let_be_by_other_settings():
    found = AwsConfig.from_env(VARIABLES)
    assert found == AwsConfig(
        region="eu-west-1", endpoint_url="http://localhost:4566", linger_s=0.5, batch_events=3
    )
    assert Config.from_env(VARIABLES) == Config()
    kafka = {"PAT_EVENTS_BOOTSTRAP_SERVERS": "b:1"}
    assert KafkaConfig.from_env(VARIABLES | kafka) == KafkaConfig.from_env(kafka)
    assert AwsConfig.from_env({"PAT_EVENTS_LINGER_S": "0.7"}) == AwsConfig()


def test_a_variable_that_is_impossible_or_misspelt_is_named():
    with pytest.raises(ConfigError, match=r"^PAT_EVENTS_AWS_BATCH_EVENTS is 11: a call takes"):
        AwsConfig.from_env({"PAT_EVENTS_AWS_BATCH_EVENTS": "11"})
    with pytest.raises(ConfigError, match=r"AWS_BATCH_EVENT: did you mean .*_AWS_BATCH_EVENTS\?"):
        AwsConfig.from_env({"PAT_EVENTS_AWS_BATCH_EVENT": "5"})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_events": 0}, "batch_events is 0: use 1 or more"),
        ({"calls_in_flight": 0}, "calls_in_flight is 0"),
        ({"endpoint_url": "localhost:4566"}, "endpoint_url is 'localhost:4566': .* with http://"),
        ({"endpoint_url": ""}, "endpoint_url is ''"),
        ({"entry_bytes": 0}, "entry_bytes is 0: use 1 or more"),
        ({"entry_bytes": "5"}, "entry_bytes is '5', of type str"),
        ({"read_timeout_s": 0}, "read_timeout_s is 0"),
        ({"linger_s": -1}, "linger_s is -1"),
        ({"retry_first_s": 9.0}, r"retry_max_s is 5.0: use retry_first_s \(9.0\) or more"),
        ({"region": 5}, "region is 5, of type int"),
    ],
)
def test_what_is_impossible_is_refused(settings, words):
    with pytest.raises(ConfigError, match=f"^{words}"):
        AwsConfig(**settings)


@pytest.mark.parametrize(
    ("queues", "words"),
    [
        (5, "queues is 5, of type int: give a queue"),
        ("", "'' is no SQS queue"),
        ("a b", "'a b' is no SQS queue"),
        ({"EmailReceived": "x" * 81}, "is no SQS queue"),
    ],
)
def test_what_is_no_queue_is_refused(queues, words):
    with pytest.raises(ConfigError, match=words):
        Sqs(queues)


def test_a_queue_for_an_event_that_the_catalogue_lacks_is_refused_at_the_start():
    queues = Sqs({"EmailReceivd": "q"}, AwsConfig(region="us-east-1"))
    with pytest.raises(ConfigError, match=r"no event 'EmailReceivd'.*EmailReceived"):
        queues.sender(Config())


def test_settings_of_another_kind_are_refused():
    with pytest.raises(ConfigError, match="give an AwsConfig"):
        Sqs("q", Config())
    with pytest.raises(ConfigError, match="use json or base64"):
        Sqs("q", data="xml")


def test_without_boto3_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'pat-events\[aws\]'"):
        Sqs("q", AwsConfig(region="us-east-1")).sender(Config())
    with pytest.raises(ConfigError, match=r"pip install 'pat-events\[aws\]'"):
        Sqs("q", AwsConfig(region="us-east-1")).ping(1)


def test_without_a_region_it_is_said_how_to_name_one(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"specify a region\. Set PAT_EVENTS_AWS_REGION"):
        Sqs("q", AwsConfig()).sender(Config())


def test_an_address_that_boto3_reads_itself_and_cannot_use_is_no_fault_of_the_region(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    with pytest.raises(ConfigError, match=r"^endpoint of AWS: .*localhost:4566\. .* http://"):
        Sqs("q", AwsConfig(region="us-east-1")).sender(Config())


def test_a_profile_that_is_not_there_ends_its_sentence():
    with pytest.raises(ConfigError, match=r"\(no-such\) could not be found\. Set PAT_EVENTS_AWS"):
        Sqs("q", AwsConfig(region="us-east-1", profile="no-such")).sender(Config())


def test_what_a_publish_needs_is_loaded_before_as_the_handler_of_a_signal_may_publish_meanwhile():
    program = """
import sys
from pat_events import AwsConfig, Config, Producer, Sqs
from pat_events.errors import PatEventsError
from pat_events.events import EmailReceived
aws = AwsConfig(region="us-east-1", endpoint_url="http://127.0.0.1:1", linger_s=60.0)
producer = Producer(Config(connect_timeout_s=0), transport=Sqs("q", aws))
before = {*sys.modules}
producer.publish(EmailReceived(email_id="e-1"))
print(sorted({*sys.modules} - before))
producer._sender.close(0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "[]\n"
