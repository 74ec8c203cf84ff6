"""Several observers are told, and none of them harms the others."""

from __future__ import annotations

from typing import get_args

import pytest

from pat_events import ConfigError, telemetry
from pat_events.telemetry.observer import Handled, Happening, Origin
from pat_events.telemetry.observers import Observers, checked_observers

HERE = Origin("memory", "a-group")


class Seen(list):
    """An observer; as a list it has no hash."""

    def saw(self, what):
        self.append(what)


class Broken:
    def saw(self, what):
        raise RuntimeError(f"cannot bear {what}")


def test_each_observer_is_told_in_their_order():
    everything = []

    class Noting:
        def __init__(self, name):
            self.name = name

        def saw(self, what):
            everything.append((self.name, what))

    Observers([Noting("first"), Noting("second")], HERE).saw(Handled(1))
    assert everything == [("first", Handled(1)), ("second", Handled(1))]


def test_an_observer_that_raises_is_logged_once_and_keeps_nobody_back(caplog):
    seen = Seen()
    observers = Observers([Broken(), seen], HERE)
    observers.saw(Handled(1))
    observers.saw(Handled(2))
    assert seen == [Handled(1), Handled(2)]
    (record,) = caplog.records
    assert "Broken" in record.getMessage()
    assert "cannot bear Handled(events=1)" in str(record.exc_info[1])


def test_one_without_a_hash_that_raises_is_logged_as_well(caplog):
    class Both(Seen, Broken):
        saw = Broken.saw

    Observers([Both()], HERE).saw(Handled(1))
    assert len(caplog.records) == 1


def test_one_that_wants_to_end_the_process_keeps_nobody_back(caplog):
    class Ending:
        def saw(self, what):
            raise SystemExit(1)

    seen = Seen()
    Observers([Ending(), seen], HERE).saw(Handled(1))
    assert seen == [Handled(1)]
    assert len(caplog.records) == 1


def test_an_interrupt_that_comes_while_an_observer_is_told_is_no_fault_of_its_own(caplog):
    class Interrupted:
        def saw(self, what):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observers([Interrupted()], HERE).saw(Handled(1))
    assert not caplog.records


def test_an_observer_that_nobody_would_await_is_refused():
    class Awaited:
        async def saw(self, what):
            """Is told nothing."""

    with pytest.raises(ConfigError, match=r"Awaited.* is 'async def', which nobody awaits"):
        checked_observers([Awaited()])


def test_of_one_that_has_an_observer_for_each_who_tells_it_is_that_which_must_be_callable():
    class Awaited(Seen):
        async def told_by(self, origin):
            return self

    with pytest.raises(ConfigError, match=r"told_by of .* is 'async def'"):
        checked_observers([Awaited()])


def test_one_that_has_an_observer_for_each_who_tells_is_no_observer_itself():
    class Factory:
        def __init__(self):
            self.seen = {}

        def told_by(self, origin):
            return self.seen.setdefault(origin, Seen())

    factory = Factory()
    (given,) = checked_observers([factory])
    there = Origin("memory", "another")
    for origin in (HERE, there):
        Observers([given], origin).saw(Handled(1))
    assert factory.seen == {HERE: [Handled(1)], there: [Handled(1)]}


def test_all_that_observers_are_told_is_exported():
    assert {it.__name__ for it in get_args(Happening)} <= set(telemetry.__all__)
