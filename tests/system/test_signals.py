from __future__ import annotations

import signal
import threading

import pytest

from pat_events.system.signals import signals_deferred


@pytest.fixture(autouse=True)
def handled():
    """Signals handled so far; the handlers of two are replaced for a test, as a service does."""
    numbers: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: numbers.append(number))
        for number in (signal.SIGINT, signal.SIGUSR1)
    }
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_is_handled_when_the_block_has_ended(handled):
    with signals_deferred():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGUSR1)
        assert handled == []
    assert handled == [signal.SIGINT, signal.SIGUSR1]


def test_a_signal_is_handled_when_the_block_fails(handled):
    def fail():
        with signals_deferred():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert handled == [signal.SIGINT]


def test_what_a_handler_raises_comes_after_the_block(handled):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = []

    def strike():
        with signals_deferred():
            signal.raise_signal(signal.SIGINT)
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        strike()
    assert ended


def test_handlers_are_what_they_were_afterwards(handled):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)]
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    with signals_deferred():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)] == before
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN


def test_other_threads_leave_handlers_alone():
    seen = []

    def look():
        with signals_deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
