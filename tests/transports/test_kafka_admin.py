"""What an operator asks of a cluster, while the cluster is busy with itself."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from pat_events import Config
from pat_events.testing import Api
from pat_events.transports.kafka.admin import KafkaAdmin


@pytest.mark.parametrize(
    "answer", [KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS]
)
def test_positions_are_asked_for_again_while_a_coordinator_moves(kafka, answer):
    admin = KafkaAdmin(Config(bootstrap_servers=kafka.bootstrap_servers))
    kafka.faults.push_request_errors(Api.OFFSET_FETCH, answer, answer)
    assert admin.committed("email-processor", [("pat-emails", 0)]) == {}
