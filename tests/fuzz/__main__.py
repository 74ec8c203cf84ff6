"""Seeded mutation of valid inputs: only typed errors may leave, in bounded time and memory.

``python -m tests.fuzz --seconds 600 --seed 1`` goes on for ten minutes, each target its share.
What is found is printed with the seed that makes that input alone.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import re
import resource
import signal
import sys
import time
import traceback
from random import Random
from typing import Final

from tests.fuzz.targets import TARGETS

# Of processor time, so that a busy machine finds nothing: some ten times the slowest seen.
MAX_INPUT_S: Final = 5.0
# By how much the process may grow over one input.
MAX_INPUT_MB: Final = 300
SHOWN: Final = 500


class TooSlow(BaseException):
    """One input took too long."""


def main() -> int:
    """Run the targets; 1 if anything was found."""
    options = _options()
    logging.disable()
    signal.signal(signal.SIGPROF, _give_up)
    found = 0
    for name in options.targets or TARGETS:
        seconds = options.seconds / len(options.targets or TARGETS) if options.seconds else None
        found += _fuzz(name, options.seed, options.inputs, seconds)
    return bool(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seed", type=int, default=1, help="of the first input; 1 without it")
    parser.add_argument("--inputs", type=int, help="for each target; what takes half a second")
    parser.add_argument("--seconds", type=float, help="altogether, instead of a number of inputs")
    options = parser.parse_args()
    if unknown := set(options.targets) - TARGETS.keys():
        parser.error(f"{', '.join(sorted(unknown))} is none of {', '.join(TARGETS)}")
    return options


def _give_up(*_: object) -> None:
    raise TooSlow


def _fuzz(name: str, seed: int, inputs: int | None, seconds: float | None) -> int:
    target = TARGETS[name]
    found, began = set[str](), time.monotonic()
    numbers = itertools.count(seed) if seconds else range(seed, seed + (inputs or target.inputs))
    count = 0
    for number in numbers:
        if seconds and time.monotonic() - began > seconds:
            break
        count += 1
        made = target.make(Random(number))  # noqa: S311 -- it has to come again
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.setitimer(signal.ITIMER_PROF, MAX_INPUT_S)
        try:
            target.check(made)
            problem = ""
        except TooSlow:
            problem = f"more than {MAX_INPUT_S} s of processor time"
        except BaseException as error:  # noqa: BLE001 -- whatever leaves is the finding
            problem = "".join(traceback.format_exception(error, limit=-4, chain=False))
        signal.setitimer(signal.ITIMER_PROF, 0)
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        if grown_mb > MAX_INPUT_MB:
            problem = f"{grown_mb} MB more memory\n{problem}"
        # One of each kind is enough to read.
        kind = re.sub(r"\d+", "", problem.rstrip().rpartition("\n")[2])[:60]
        if problem and kind not in found:
            found.add(kind)
            again = f"python -m tests.fuzz {name} --seed {number} --inputs 1"
            print(f"{name}: {problem}\ninput: {made!r:.{SHOWN}}\nagain: {again}\n")  # noqa: T201
    print(f"{name}: {count} inputs, {len(found)} kinds of problem")  # noqa: T201
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
