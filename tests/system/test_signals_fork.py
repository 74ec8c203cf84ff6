from __future__ import annotations

import subprocess
import sys

import pytest

# Its own process: one that forks must not have the threads of other tests.
FORKING = """
import os, signal, sys, threading
from pat_events.consumer.process.signals import interrupted_by_signals
from pat_events.system.signals import signals_deferred

def own(number, frame):
    print("handled", os.getpid() == parent, flush=True)

def fork():
    child = os.fork()
    if child:
        print("child", os.waitpid(child, 0)[1], flush=True)
        return child
    if signal.getsignal(signal.SIGTERM) is not own:
        os._exit(1)
    return 0

def in_thread():
    def body():
        if not fork():
            os._exit(0)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()

parent = os.getpid()
signal.signal(signal.SIGTERM, own)
"""
BLOCKS = [
    "signals_deferred()",
    # One that a callback of another client is in.
    "signals_deferred(), signals_deferred()",
    "interrupted_by_signals(print, take_over=True), signals_deferred()",
]


def run(program):
    command = [sys.executable, "-c", FORKING + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("blocks", BLOCKS)
def test_a_child_forked_while_signals_are_deferred_defers_none(blocks):
    assert run(f"with {blocks}: in_thread()") == ["child 0"]


def test_a_signal_that_the_parent_got_is_not_handled_in_the_child():
    said = run(
        """
with signals_deferred():
    signal.raise_signal(signal.SIGTERM)
    child = fork()
assert signal.getsignal(signal.SIGTERM) is own
if not child:
    os._exit(0)
"""
    )
    assert said == ["child 0", "handled True"]
