"""The part of a run that is about telemetry: off and on in turn, on the same topics."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from perf.running import Run

    Result = dict[str, float]

#: What is measured, and what is told: the figure, the telemetry, and the topic that is read.
CONSUMED: Final = (
    ("metrics", "bare"),
    ("traces_1", "traced"),
    ("traces_100", "bare"),
)
TITLES: Final = {
    "metrics": "metrics for Prometheus",
    "traces_1": "traces, 1 % sampled",
    "traces_100": "traces, all recorded",
}


def telemetry(run: Run, count: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure publishing and consuming with each, beside the same without; medians of the rounds.

    Args:
        run: Where to measure.
        count: Events of a measurement.
        rounds: How often each is measured.
        say: Is told how far it got.
    """
    groups = [f"{name}-{n}" for name in (*TITLES, "off-bare", "off-traced") for n in range(rounds)]
    bare, traced = run.fresh(*groups), run.fresh(*groups)
    run.measure("fill", count=count, **bare)
    run.measure("publish_told", count=count, telemetry="traces_1", **traced)
    places = {"bare": bare, "traced": traced}
    found: list[dict[str, Result]] = []
    for number in range(rounds):
        say(f"telemetry, {count:,} events, round {number + 1} of {rounds}")
        found.append(_round(run, places, count, number))
    result: dict[str, Any] = {"errors": sum(it["errors"]["count"] for it in found)}
    for name in TITLES:
        for what in ("publish", "consume"):
            ratios = [it[what][name] / it[what][_off_of(what, name)] for it in found]
            result[f"{what}_{name}_ratio"] = statistics.median(ratios)
            result[f"{what}_{name}_spread"] = max(ratios) - min(ratios)
    shares = [it["consume"]["raw"] / it["consume"]["traces_100"] for it in found]
    result["consume_traces_100_share_of_raw"] = statistics.median(shares)
    for what in ("publish", "consume"):
        offs = [it[what]["off" if what == "publish" else "off-bare"] for it in found]
        result[f"{what}_off_cpu_us"] = statistics.median(offs)
        result[f"{what}_noise"] = max(offs) / min(offs) - 1
    return result


def _off_of(what: str, name: str) -> str:
    if what == "publish":
        return "off"
    return f"off-{dict(CONSUMED)[name]}"


def _round(
    run: Run, places: dict[str, dict[str, Any]], count: int, number: int
) -> dict[str, Result]:
    publish: Result = {}
    consume: Result = {}
    errors = 0.0
    for name in ("off", *TITLES):
        got = run.measure("publish_told", count=count, telemetry=name, **run.fresh())
        publish[name], errors = got["cpu_us"], errors + got["errors"]
    raw = run.measure("consume_raw", count=count, group=f"raw-{number}", **places["bare"])
    consume["raw"], errors = raw["cpu_us"], errors + raw["errors"]
    for name, topic in (("off-bare", "bare"), ("off-traced", "traced"), *CONSUMED):
        got = run.measure(
            "consume_told",
            count=count,
            group=f"{name}-{number}",
            telemetry=name if name in TITLES else "off",
            **places[topic],
        )
        consume[name], errors = got["cpu_us"], errors + got["errors"]
    return {"publish": publish, "consume": consume, "errors": {"count": errors}}


def table(found: dict[str, Any], marked: Callable[[str], str]) -> Table:
    """Return the table of what ``telemetry`` found; ``marked`` tells of a figure's goal."""
    made = Table(title="CPU time of an event, beside the same without telemetry")
    for column in ("", "CPU", "relation", "goal"):
        made.add_column(column, justify="right" if column else "left", no_wrap=True)
    for what in ("publish", "consume"):
        made.add_row(f"{what}, no telemetry", f"{found[f'{what}_off_cpu_us']:.1f} µs", "", "")
        for name, title in TITLES.items():
            figure = f"{what}_{name}_ratio"
            goal = "" if name == "traces_100" else marked(f"telemetry.{figure}")
            made.add_row(f"  {title}", "", f"{found[figure]:.2f}x", goal)
    share = "consume_traces_100_share_of_raw"
    made.add_row(
        "  events/s a core, of bare", "", f"{found[share]:.3f}", marked(f"telemetry.{share}")
    )
    noise = max(found["publish_noise"], found["consume_noise"])
    made.add_row("the same twice differs by", "", f"{noise:.0%}", "")
    return made
