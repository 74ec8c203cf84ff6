"""When the dead letters of a handler are a bad deploy."""

from __future__ import annotations

import pytest

from pat_events import ConfigError, DeadLetterLimit
from pat_events.core.recovery.circuit import Outcome
from pat_events.core.recovery.limit import LetterCircuit

GIVEN_UP = Outcome(0, 1, "ValueError: no")
RETURNED = Outcome(1, 0)


def circuit_of(**settings):
    return LetterCircuit(DeadLetterLimit(**({"consecutive": 3} | settings)))


def test_so_many_in_a_row_pass_it_and_it_tells_why():
    circuit = circuit_of()
    assert [circuit.came(GIVEN_UP, 1.0) for _ in range(3)] == [False, False, True]
    assert circuit.why == "3 of the last 3 events were given up, the last with ValueError: no"
    assert circuit.until == 31.0


def test_so_many_in_a_row_pass_it_whatever_returned_before():
    circuit = circuit_of()
    circuit.came(GIVEN_UP, 1.0)
    circuit.came(Outcome(1_000, 0), 1.0)
    assert [circuit.came(GIVEN_UP, 1.0) for _ in range(3)] == [False, False, True]
    assert circuit.why.startswith("4 of the last 1004 events")


def test_so_large_a_share_passes_it_though_others_return_in_between():
    circuit = circuit_of(share=0.5)
    told = []
    for _ in range(3):
        told += [circuit.came(GIVEN_UP, 1.0), circuit.came(RETURNED, 1.0)]
    assert told == [False, False, False, False, True, False]


def test_a_smaller_share_never_passes_it():
    circuit = circuit_of(share=0.5)
    for _ in range(200):
        assert not circuit.came(GIVEN_UP, 1.0)
        assert not circuit.came(Outcome(2, 0), 1.0)


def test_fewer_never_pass_it_however_large_their_share():
    circuit = circuit_of(consecutive=4)
    assert not any(circuit.came(GIVEN_UP, 1.0) for _ in range(3))


def test_what_is_older_than_the_window_is_forgotten():
    circuit = circuit_of(window_s=60)
    for second in range(0, 600, 31):
        assert not circuit.came(GIVEN_UP, float(second))
    assert not circuit.calm
    assert not circuit.came(RETURNED, 660.0)
    assert circuit.calm


def test_what_it_remembers_does_not_grow_with_the_events():
    circuit = circuit_of(share=1.0, consecutive=10_000_000)
    for number in range(20_000):
        circuit.came(Outcome(3, 1, "no"), number / 100)
    assert len(circuit._parts) <= 61


def test_events_of_a_batch_that_were_given_up_between_others_are_not_in_a_row():
    circuit = circuit_of(share=0.5)
    assert not circuit.came(Outcome(97, 3, "no"), 1.0)


def test_a_probe_that_returns_ends_it_and_it_counts_anew():
    circuit = circuit_of()
    circuit.came(Outcome(0, 3, "no"), 1.0)
    assert circuit.probed(RETURNED, 40.0)
    assert [circuit.came(GIVEN_UP, 41.0) for _ in range(3)] == [False, False, True]


def test_what_was_released_while_a_probe_was_under_way_counts_anew():
    circuit = circuit_of()
    circuit.came(Outcome(0, 3, "no"), 1.0)
    circuit.probing = True
    circuit.close()
    assert not circuit.probed(RETURNED, 40.0)
    assert not circuit.is_open


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"consecutive": 0}, "consecutive is 0: use 1 or more; dead_letter_limit=None is none"),
        ({"share": 0}, "DeadLetterLimit.share is 0: use more than 0, and at most 1"),
        ({"share": 1.1}, "DeadLetterLimit.share is 1.1"),
        ({"share": float("nan")}, "DeadLetterLimit.share is nan"),
        ({"window_s": 0}, "DeadLetterLimit.window_s is 0"),
        ({"hold_s": "1"}, "DeadLetterLimit.hold_s is '1'"),
        ({"hold_s": float("inf")}, "DeadLetterLimit.hold_s is inf"),
    ],
)
def test_impossible_settings_are_refused_by_name(settings, said):
    with pytest.raises(ConfigError, match=said):
        DeadLetterLimit(**settings)
