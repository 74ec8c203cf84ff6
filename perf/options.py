"""The command line of ``python -m perf``."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", int, float)
PARTS: Final = ("kafka", "buses", "telemetry")
ABOUT = """\
Measure pat_events beside the bare clients, confluent-kafka and boto3: same broker, same bytes, and
in turn (ours, bare, ours, bare ...), so that what else the machine does meets both.

  publish     what a call costs, and how many events are acknowledged in a second
  consume     events of a full topic, to the end of their handlers
  end to end  at a steady rate, the age of an event when it is handled, from when it was due
  telemetry   CPU time of an event with metrics and with traces, beside the same without
  buses       CPU time of an event to and from AWS's buses beside bare boto3, on a service that is
              none but answers like it, and events in a second there and on LocalStack

Medians are shown. The run fails (exit code 1) for a lost event, an error, or a cost beside the
bare client beyond its goal, which is one on every machine. What the package is meant to reach on
a fit one (10,000 events/s with p99 < 100 ms) is shown beside: reached, or not here, with what the
bare client did. Where the machine is too busy for a verdict on the cost, that is said instead.
Everything is in build/perf.json. It takes about four minutes where nothing else runs, one of them
for buses, and a busy machine gets fewer rounds.
"""
EXAMPLES = """\
examples:
  make perf
  make perf ARGS="--part buses"
  make perf ARGS="--part telemetry"
  make perf ARGS="--rounds 2 --publish 20000 --consume 50000"       a quick look
  make perf ARGS="--bootstrap broker-1:9092 --rate 2000 --seconds 20"
"""


def parse() -> argparse.Namespace:
    """Read the command line; ends the process where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m perf",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--bootstrap",
        metavar="HOST:PORT",
        help="measure on this cluster instead of a native broker; how to sign in comes from "
        "PAT_EVENTS_*, as for a service; topics named perf-* are made there, and deleted",
    )
    add(
        "--part",
        choices=PARTS,
        help="measure this part alone: kafka, which has telemetry in it, telemetry or buses",
        metavar="PART",
    )
    add(
        "--telemetry",
        type=_count,
        default=100_000,
        help="events with and without telemetry in a round (%(default)s)",
    )
    add("--events", type=_count, default=4_000, help="events in a round of buses (%(default)s)")
    add(
        "--rounds",
        type=_count,
        default=5,
        help="rounds and windows of each kind, at most (%(default)s)",
    )
    add("--publish", type=_count, default=100_000, help="events in a publish round (%(default)s)")
    add("--consume", type=_count, default=300_000, help="events in a consume round (%(default)s)")
    add("--rate", type=_count, default=10_000, help="events/s end to end (%(default)s)")
    add(
        "--seconds",
        type=_seconds,
        default=5.0,
        help="length of an end-to-end window (%(default)s)",
    )
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
