"""The command line of ``python -m perf``."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", int, float)


def parse() -> argparse.Namespace:
    """Read the command line; ends the process where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m perf",
        description="Measure pat_events beside bare confluent-kafka on a Kafka of its own.",
        epilog="The exit code is 1 when an event was lost or a goal is missed, as short runs miss"
        " some: build/perf.json names them under goals_missed."
        " Example: python -m perf --rounds 3 --seconds 10",
    )
    add = parser.add_argument
    add("--bootstrap", help="measure on this broker instead of a native one")
    add("--publish", type=_count, default=100_000, help="events per publish round")
    add("--consume", type=_count, default=300_000, help="events per consume round")
    add("--rounds", type=_count, default=5, help="rounds; medians are shown")
    add("--rate", type=_count, default=10_000, help="events/s end to end")
    add("--seconds", type=_seconds, default=30.0, help="length of the end-to-end run")
    options = parser.parse_args()
    if options.rate * options.seconds < 1:
        parser.error("--rate and --seconds leave no event to measure: raise one of them")
    return options


def _above_0(convert: Callable[[str], T], kind: str) -> Callable[[str], T]:
    def read(text: str) -> T:
        try:
            number = convert(text)
        except ValueError:
            number = convert("0")
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind} above 0")
        return number

    return read


_count: Final = _above_0(int, "a whole number")
_seconds: Final = _above_0(float, "a number of seconds")
