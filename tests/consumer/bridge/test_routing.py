"""Which events a bridge forwards when nobody says so."""

from __future__ import annotations

import pytest

from pat_events import AwsConfig, Bridge, Config, EventBridge, Sns, Sqs
from pat_events.catalog.load import load_catalog
from pat_events.consumer.bridge.routing import routed_to
from pat_events.errors import ConfigError
from pat_events.transports.memory import MemoryBroker, MemoryTransport

CATALOG = load_catalog()
AWS = AwsConfig(region="eu-west-1")
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"


@pytest.mark.parametrize(
    ("to", "names"),
    [
        (
            EventBridge("pat-dev", AWS),
            [
                "EmailReceived",
                "EmailProcessed",
                "EmailValidated",
                "WorkflowTriggered",
                "PluginExecutionRequired",
            ],
        ),
        (Sqs("email-processing", AWS), ["EmailReceived"]),
        (Sqs("pat-dev-email-processing", AWS), ["EmailReceived"]),
        (Sqs("pat-dev-notifications.fifo", AWS), ["EmailProcessed", "EmailValidated"]),
        (
            Sqs("https://sqs.eu-west-1.amazonaws.com/123456789012/pat-plugin-execution", AWS),
            ["PluginExecutionRequired"],
        ),
        (Sqs({"TenantEvent": "a", "EmailDeleted": "b"}, AWS), ["TenantEvent", "EmailDeleted"]),
    ],
)
def test_the_targets_of_the_catalogue_say_which_events_go_there(to, names):
    assert list(routed_to(to, "bridge", CATALOG)) == names


def test_what_the_catalogue_lists_for_the_group_counts_more_than_targets():
    to = EventBridge("pat-dev", AWS)
    assert list(routed_to(to, "email-validator", CATALOG)) == ["EmailProcessed"]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (Sqs("pat-dev-reprocessing", AWS), "no event goes to pat-dev-reprocessing"),
        (Sns(TOPIC_ARN, AWS), "no event goes to alerts"),
        (MemoryTransport(MemoryBroker()), "no event goes to memory"),
    ],
)
def test_where_the_catalogue_says_nothing_the_events_are_to_be_named(to, said):
    with pytest.raises(ConfigError, match=f"{said}.*name the events to forward"):
        routed_to(to, "bridge", CATALOG)


def test_an_event_that_has_no_queue_among_several_is_refused_at_the_start():
    to = Sqs({"TenantEvent": "a"}, AWS)
    transport = MemoryTransport(MemoryBroker())
    with pytest.raises(ConfigError, match="no queue is named for EmailDeleted"):
        Bridge("bridge", to, types=["EmailDeleted"], config=Config(), transport=transport)


def test_whoever_makes_a_transport_says_itself_what_goes_there_and_what_cannot():
    class Own(MemoryTransport):
        def routed(self, catalog):
            return [name for name in catalog.events if name.endswith("Deleted")]

        def check_events(self, names):
            if refused := set(names) - {"EmailDeleted"}:
                raise ConfigError(f"not for us: {refused}")

    broker = MemoryBroker()
    to, settings = Own(broker), {"config": Config(), "transport": MemoryTransport(broker)}
    assert Bridge("bridge", to, **settings).types == ("EmailDeleted",)
    with pytest.raises(ConfigError, match="not for us"):
        Bridge("bridge", to, types=["EmailReceived"], **settings)
