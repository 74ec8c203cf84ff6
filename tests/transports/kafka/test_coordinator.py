"""Questions to a group's coordinator that is on its way; its answers are fakes here."""

from __future__ import annotations

import itertools
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from pat_events.errors import TransportError
from pat_events.transports.kafka import coordinator


class FakeAdminClient:
    """Answers each question about a group with the next of what it was given."""

    def __init__(self, **answers):
        self.answers = {group: iter(each) for group, each in answers.items()}
        self.asked = []

    def describe_consumer_groups(self, groups, *, request_timeout, **_):
        assert 0 < request_timeout <= coordinator.ANSWER_S
        self.asked.append(groups)
        return {group: self._future(next(self.answers[group])) for group in groups}

    delete_consumer_groups = describe_consumer_groups

    @staticmethod
    def _future(answer):
        future = Future()
        if isinstance(answer, int):
            future.set_exception(KafkaException(KafkaError(answer)))
        else:
            future.set_result(answer)
        return future


class FakeClock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


DESCRIBED = SimpleNamespace(
    authorized_operations=[SimpleNamespace(name="READ")],
    members=[],
    state=SimpleNamespace(name="EMPTY"),
)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    ],
)
def test_a_coordinator_on_its_way_is_asked_again(code):
    assert coordinator.permitted(FakeAdminClient(g=[code, DESCRIBED]), "g") == {"READ"}
    assert coordinator.delete(FakeAdminClient(g=[code, None]), ["g"]) == []


def test_only_the_groups_without_an_answer_are_asked_about_again():
    client = FakeAdminClient(
        a=[DESCRIBED],
        b=[KafkaError.NOT_COORDINATOR, DESCRIBED],
        c=[KafkaError.GROUP_AUTHORIZATION_FAILED],
    )
    found = coordinator.memberships(client, ["a", "b", "c"])
    assert found["a"] == found["b"]
    assert isinstance(found["c"], TransportError)
    assert client.asked == [["a", "b", "c"], ["b"]]


def test_a_coordinator_that_stays_on_its_way_is_given_up_within_the_time_of_an_answer(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(coordinator, "time", clock)
    client = FakeAdminClient(g=itertools.repeat(KafkaError.NOT_COORDINATOR))
    with pytest.raises(TransportError, match="asking what is permitted on group g"):
        coordinator.permitted(client, "g")
    assert coordinator.ANSWER_S - 2 < clock.now < coordinator.ANSWER_S
    assert len(client.asked) > 100
