import pytest

from pat_events.errors import ConfigError
from pat_events.ops.buses import parse_target, transport_to
from pat_events.transports.kafka import KafkaConfig, KafkaTransport

ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
BUS_ARN = "arn:aws:events:eu-west-1:123456789012:event-bus/pat-dev"
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/emails.fifo"


def kafka():
    return KafkaConfig(bootstrap_servers="kafka:9092")


def unnamed():
    raise ConfigError("no broker is named")


@pytest.mark.parametrize(
    ("target", "kind", "address"),
    [
        ("eventbridge:pat-dev", "EventBridge", "pat-dev"),
        (f"eventbridge:{BUS_ARN}", "EventBridge", "pat-dev"),
        ("sqs:emails", "Sqs", "emails"),
        (f"sqs:{URL}", "Sqs", "emails.fifo"),
        ("sqs:arn:aws:sqs:eu-west-1:123456789012:emails.fifo", "Sqs", "emails.fifo"),
        (f"sns:{ARN}", "Sns", "alerts"),
    ],
)
def test_a_target_is_written_as_its_service_and_its_name(target, kind, address):
    assert parse_target(target) == tuple(target.split(":", 1))
    transport = transport_to(target, unnamed)
    assert (type(transport).__name__, transport.address) == (kind, address)


def test_kafka_is_where_its_settings_say():
    assert isinstance(transport_to("kafka", kafka), KafkaTransport)
    assert parse_target("kafka") == ("kafka", "")
    with pytest.raises(ConfigError, match="no broker is named"):
        transport_to("kafka", unnamed)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "'' is no target: write kafka, eventbridge:BUS, sqs:QUEUE or sns:ARN"),
        ("eventbus:pat-dev", "did you mean 'eventbridge'"),
        ("sqs", "'sqs' is no target"),
        ("sqs:", "'sqs:' is no target"),
        ("kafka:emails", "'kafka:emails' is no target"),
        ("sns:alerts", "is no SNS topic: give its ARN"),
        ("sqs:e mails", "is no SQS queue"),
        ("eventbridge:a bus", "is no bus of EventBridge"),
    ],
)
def test_what_is_no_target_is_refused_with_what_to_write(target, said):
    with pytest.raises(ConfigError, match=said):
        transport_to(target, kafka)
    with pytest.raises(ConfigError, match=said):
        parse_target(target)
