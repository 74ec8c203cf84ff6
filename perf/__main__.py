"""Measure pat_events beside the bare clients: ``make perf``, or ``python -m perf --help``."""

from __future__ import annotations

import json
import logging
import os
import platform
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pat_events.cli.exit_codes import INTERRUPTED
from pat_events.errors import PatEventsError
from perf import bus_run, kafka_run, telemetry_run
from perf.goals import Verdict, goals, mission
from perf.options import parse
from perf.rounds import console
from tools.stack import StackError

if TYPE_CHECKING:
    from argparse import Namespace
    from types import FrameType

BUILD = Path("build")
# Rounds of the buses take a second each, and differ little.
BUS_ROUNDS = 3
MARKS = {True: "[green]met[/]", False: "[red]missed[/]", None: "[yellow]not told[/]"}


def show(result: dict[str, Any], wanted: list[Verdict], wished: list[Verdict]) -> None:
    """Print the tables, and what they mean."""

    def marked(figure: str) -> str:
        goal = next(goal for goal in wanted if goal.figure == figure)
        return f"{goal.text} {MARKS[goal.met]}"

    if "publish" in result:
        console.print(kafka_run.table(result, marked))
    if "telemetry" in result:
        console.print(telemetry_run.table(result["telemetry"], marked))
    if "buses" in result:
        console.print(bus_run.table(result["buses"], marked))
    console.print(f"errors: {result['errors']:g} {marked('errors')}")
    if any(goal.met is None for goal in wanted):
        kafka_parts = (result.get(name, {}) for name in ("publish", "consume", "latency"))
        waited = max(part.get("raw_waited_share", 0.0) for part in kafka_parts)
        console.print(
            "Not told: the machine is too busy. Even the bare client waited for a processor for "
            f"up to {waited:.0%} of the time in which it had something to do; or the same "
            "measurement differs from round to round by more than its goal."
        )
    console.print("What it is meant for, where the machine allows it:")
    for aim in wished:
        console.print(f"  {aim.text}")


def main() -> int:
    """Measure, print the table, write build/perf.json."""
    options = parse()
    # What the client logs on its way to an error, the error says.
    logging.getLogger("pat_events").addHandler(logging.NullHandler())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        return _main(options)
    except (StackError, PatEventsError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the ``with`` blocks, undisturbed by a second signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _main(options: Namespace) -> int:
    folder = BUILD / "perf"
    folder.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    if options.part == "buses" or options.bootstrap is None:
        # Settings of another cluster.
        for name in [name for name in os.environ if name.startswith("PAT_EVENTS_")]:
            del os.environ[name]
    result: dict[str, Any] = {}
    if options.part != "buses":
        result |= kafka_run.kafka(options, folder)
    if options.part not in {"kafka", "telemetry"}:
        rounds = min(options.rounds, BUS_ROUNDS)
        result["buses"] = bus_run.buses(options.events, rounds)
    result["errors"] = sum(part.pop("errors") for part in result.values())
    result["conditions"] = {
        "python": platform.python_version(),
        "confluent-kafka": version("confluent-kafka"),
        "boto3": version("boto3"),
        "cpus": os.cpu_count(),
        "load_at_start": load,
        "publish_events": options.publish,
        "consume_events": options.consume,
        "latency_rate_per_s": options.rate,
        "latency_window_s": options.seconds,
        "buses_events": options.events,
        "telemetry_events": options.telemetry,
    }
    wanted, wished = goals(result), mission(result, options.rate)
    result["goals_missed"] = [goal.figure for goal in wanted if goal.met is False]
    result["goals_not_told"] = [goal.figure for goal in wanted if goal.met is None]
    result["mission"] = {aim.figure: aim.met for aim in wished}
    (BUILD / "perf.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    show(result, wanted, wished)
    return 1 if result["goals_missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
