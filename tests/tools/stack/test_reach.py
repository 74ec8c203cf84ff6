"""Which of several running parts is used: named, in containers, left running, started now."""

from __future__ import annotations

import pytest

from tools.stack import Kafka, LocalStack, NotReadyError, reach
from tools.stack.runs import Run


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch, tmp_path):
    for kind in (Kafka, LocalStack):
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.setenv("PAT_EVENTS_STACK_DIR", str(tmp_path))
    in_containers(monkeypatch, "http://127.0.0.1:1")


def in_containers(monkeypatch, address):
    """The containers' fixed address, by which they are found, is this one."""
    account = LocalStack.environ_of(address)
    monkeypatch.setattr("tools.stack.choice.settings", lambda: account)


@pytest.fixture
def left_running(localstack_url):
    run = Run(LocalStack.name)
    run.leave(localstack_url, 1)
    yield
    run.remove()


@pytest.mark.parametrize(
    ("kind", "address"), [(Kafka, "127.0.0.1:1"), (LocalStack, "http://127.0.0.1:1")]
)
def test_an_address_in_the_environment_wins_even_when_nothing_answers(monkeypatch, kind, address):
    monkeypatch.setenv(kind.variable, address)
    with pytest.raises(NotReadyError, match=f"{kind.variable} names {address}"), reach(kind):
        pass


@pytest.mark.localstack
def test_containers_win_over_what_was_left_running(monkeypatch, localstack_url, left_running):
    in_containers(monkeypatch, localstack_url)
    with reach(LocalStack) as found:
        assert (found.address, found.origin, found.native) == (localstack_url, "containers", None)


@pytest.mark.localstack
def test_what_was_left_running_wins_over_a_start(localstack_url, left_running):
    with reach(LocalStack) as found:
        assert (found.address, found.origin, found.native) == (localstack_url, "left running", None)


@pytest.mark.localstack
def test_what_does_not_run_is_started_and_ended():
    with reach(LocalStack) as found:
        assert found.origin == "native"
        assert LocalStack.answers(found.address)
    assert not LocalStack.answers(found.address)
