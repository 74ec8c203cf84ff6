from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from pat_events.transports.kafka.trouble import Trouble

REFUSED = KafkaError(KafkaError._AUTHENTICATION, "SASL authentication failed")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down")


@pytest.fixture
def trouble():
    return Trouble()


@pytest.mark.parametrize("symptom", ["_ALL_BROKERS_DOWN", "_MSG_TIMED_OUT", "_TIMED_OUT"])
def test_the_cause_wins_over_what_only_says_that_nothing_works(trouble, symptom):
    trouble.note(REFUSED, 10)
    trouble.note(KafkaError(getattr(KafkaError, symptom)), 11)
    assert trouble.since(9) == "last error: SASL authentication failed (_AUTHENTICATION)"


def test_a_cause_that_was_over_before_is_not_told(trouble):
    trouble.note(REFUSED, 10)
    trouble.note(DOWN, 20)
    assert "3/3 brokers are down" in trouble.since(15)
    assert "SASL" not in trouble.since(15)


def test_without_a_cause_the_settings_to_look_at_are_named(trouble):
    assert "security.protocol" in trouble.since(0)
    trouble.note(DOWN, 10)
    assert "3/3 brokers are down (_ALL_BROKERS_DOWN); no broker said why" in trouble.since(0)
    assert "security.protocol" in trouble.since(0)


@pytest.mark.parametrize(
    ("code", "rights"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ["Write", "kafka-cluster:WriteData"]),
        (
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            ["Write", "IdempotentWrite", "kafka-cluster:WriteDataIdempotently"],
        ),
    ],
)
def test_a_right_that_is_missing_is_named(trouble, code, rights):
    trouble.note(KafkaError(code), 10)
    assert [right for right in rights if right not in trouble.since(0)] == []


def test_a_client_that_has_worked_is_not_told_to_look_at_its_settings(trouble):
    trouble.note(DOWN, 10)
    for began in (0, 20):
        assert "no broker said why" in trouble.since(began, has_worked=True)
        assert "security.protocol" not in trouble.since(began, has_worked=True)
