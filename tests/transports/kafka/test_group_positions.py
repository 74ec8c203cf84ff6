"""Setting a group's positions while its coordinator is away."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from pat_events.errors import NotPermittedError, TransportError
from pat_events.testing import Api, EmbeddedBroker
from pat_events.transports.kafka.group_positions import GroupPositions

PAIR = ("t", 0)


@pytest.fixture
def broker():
    with EmbeddedBroker() as broker:
        broker.create_topic("t", 1)
        yield broker


@pytest.fixture
def positions(broker):
    with GroupPositions(broker.config(), "g") as positions:
        yield positions


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    ],
)
def test_a_coordinator_that_moves_is_followed(broker, positions, error):
    broker.faults.push_request_errors(Api.OFFSET_COMMIT, error)
    positions.set({PAIR: 3})
    assert positions.committed([PAIR]) == {PAIR: 3}
    broker.faults.push_request_errors(Api.OFFSET_FETCH, error)
    assert positions.valid([PAIR]) == {PAIR: 3}


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (KafkaError.UNKNOWN_MEMBER_ID, TransportError, "a member has joined the group meanwhile"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, NotPermittedError, "allow Read on the group"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, NotPermittedError, "Read to consume"),
    ],
)
def test_a_refusal_says_why_and_sets_nothing(broker, positions, error, kind, said):
    broker.faults.push_request_errors(Api.OFFSET_COMMIT, error)
    with pytest.raises(kind, match=said):
        positions.set({PAIR: 3})
    assert positions.committed([PAIR]) == {}
