"""When a circuit opens and closes."""

from __future__ import annotations

import pytest

from pat_events.core.recovery.breaker import CallCircuit, CircuitPolicy
from pat_events.core.recovery.circuit import Outcome
from pat_events.errors import ConfigError

FAILED = Outcome(0, 1, "TransientError: down")
RETURNED = Outcome(1, 0)


SETTINGS = {"failures": 10, "calls": 20, "window_s": 60.0, "slow_s": None, "open_s": 5.0}


def circuit_of(**settings):
    return CallCircuit(CircuitPolicy(**(SETTINGS | settings)))


def opened(**settings):
    circuit = circuit_of(failures=1, calls=1, **settings)
    assert circuit.came(FAILED, 0.0)
    return circuit


def test_it_opens_with_so_many_failures_among_the_last_calls_and_tells_why():
    circuit = circuit_of(failures=3, calls=5)
    told = [circuit.came(FAILED, 1.0), circuit.came(RETURNED, 1.0), circuit.came(FAILED, 1.0)]
    assert told == [False] * 3
    assert not circuit.is_open
    assert circuit.came(FAILED, 1.0)
    assert circuit.is_open
    assert circuit.why == "3 of the last 4 calls failed, the last with TransientError: down"


def test_failures_that_are_fewer_among_the_last_calls_leave_it_closed():
    circuit = circuit_of(failures=3, calls=5)
    for _ in range(50):
        circuit.came(FAILED, 1.0)
        circuit.came(Outcome(2, 0), 1.0)
    assert not circuit.is_open


def test_an_outage_is_noticed_as_soon_whatever_came_before():
    circuit = circuit_of(failures=3, calls=5)
    circuit.came(Outcome(1_000_000, 0), 1.0)
    assert [circuit.came(FAILED, 1.0) for _ in range(3)] == [False, False, True]


def test_what_is_older_than_the_window_does_not_count():
    circuit = circuit_of(failures=2, calls=5, window_s=60)
    circuit.came(FAILED, 0.0)
    assert not circuit.came(FAILED, 60.0)
    assert circuit.came(FAILED, 119.0)


def test_a_return_never_opens_it():
    circuit = circuit_of(failures=1, calls=5)
    assert not circuit.came(Outcome(5, 0), 0.0)
    assert not circuit.is_open


def test_a_probe_may_be_called_when_it_was_open_for_as_long_as_its_policy_says():
    circuit = opened(open_s=5)
    assert not circuit.may_probe(4.9)
    assert circuit.may_probe(5.0)


def test_there_is_one_probe_at_a_time():
    circuit = opened(open_s=5)
    circuit.probing = True
    assert not circuit.may_probe(9.0)


def test_a_probe_that_returns_closes_it_and_what_failed_before_is_forgotten():
    circuit = circuit_of(failures=2, calls=3)
    circuit.came(FAILED, 0.0)
    circuit.came(FAILED, 0.0)
    assert circuit.probed(RETURNED, 5.0)
    assert not circuit.is_open
    assert circuit.why == ""
    assert not circuit.came(FAILED, 5.0)


def test_a_probe_that_fails_leaves_it_open_for_as_long_again():
    circuit = opened(open_s=5)
    assert not circuit.probed(FAILED, 6.0)
    assert circuit.is_open
    assert not circuit.may_probe(10.9)
    assert circuit.may_probe(11.0)


def test_a_probe_that_says_nothing_is_followed_by_another_at_once():
    circuit = opened(open_s=5)
    circuit.probing = True
    assert not circuit.probed(Outcome(0, 0), 6.0)
    assert circuit.may_probe(6.0)


def test_what_began_before_it_opened_neither_closes_it_nor_keeps_it_open():
    circuit = opened(open_s=5)
    assert not circuit.came(RETURNED, 4.0)
    assert not circuit.came(FAILED, 4.0)
    assert circuit.may_probe(5.0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"failures": 0}, "failures of a Breaker is 0"),
        ({"failures": 5, "calls": 4}, "use at least 5, as many as failures, or it never opens"),
        ({"window_s": 0}, "window_s of a Breaker is 0"),
        ({"open_s": -1}, "open_s of a Breaker is -1"),
        ({"slow_s": "1"}, "slow_s of a Breaker is '1'"),
        ({"open_s": float("inf")}, "open_s of a Breaker is inf"),
        ({"open_s": None}, "open_s of a Breaker is None"),
    ],
)
def test_impossible_settings_are_refused_by_name(settings, said):
    with pytest.raises(ConfigError, match=said):
        CircuitPolicy(**(SETTINGS | settings))
