"""The part of a run that is about Kafka: one broker, ours and bare confluent-kafka in turn."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rich.table import Table

from perf.latency import READY
from perf.rounds import console, counted
from perf.running import LIMIT_S, Run, await_line, finish
from perf.telemetry_run import telemetry
from tools.stack import Kafka

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from pathlib import Path


def kafka(options: Namespace, folder: Path) -> dict[str, Any]:
    """Measure publishing, consuming and latency.

    Args:
        options: Of the command line.
        folder: Where catalogues are written.
    """
    with ExitStack() as stack:
        servers = options.bootstrap
        if servers is None:
            console.print("starting Kafka; the first time it is fetched, which takes a minute")
            servers = stack.enter_context(Kafka()).bootstrap_servers
        run = Run(servers, folder, tidy=options.bootstrap is not None)
        stack.callback(run.close)
        told = {
            "telemetry": telemetry(run, options.telemetry, options.rounds, console.print),
        }
        if options.part == "telemetry":
            return told
        return told | {
            "publish": publishing(run, options.publish, options.rounds),
            "consume": consuming(run, options.consume, options.rounds),
            "latency": latency(run, options.rate, options.seconds, options.rounds),
        }


def publishing(run: Run, count: int, rounds: int) -> dict[str, float]:
    """Measure raw and ours in turn; medians of the rounds."""
    raw, ours = [], []
    for number in counted(rounds):
        console.print(f"publish {count:,} events, round {number + 1} of {rounds}")
        raw.append(run.measure("publish_raw", count=count, **run.fresh()))
        ours.append(run.measure("publish_ours", count=count, **run.fresh()))
    ratios = [o["cost_us"] / r["cost_us"] for o, r in zip(ours, raw, strict=True)]
    return {
        "rounds": len(ours),
        "events_per_s": _median(ours, "events_per_s"),
        "raw_events_per_s": _median(raw, "events_per_s"),
        "cost_us": _median(ours, "cost_us"),
        "raw_cost_us": _median(raw, "cost_us"),
        "raw_waited_share": _median(raw, "waited_share"),
        "ratio_to_raw": statistics.median(ratios),
        "ratio_to_raw_min": min(ratios),
        "ratio_to_raw_max": max(ratios),
        "errors": sum(result["errors"] for result in (*raw, *ours)),
    }


def consuming(run: Run, count: int, rounds: int) -> dict[str, float]:
    """Measure raw, threads and coroutines in turn on the same topic; medians of the rounds."""
    names = [f"{kind}-{number}" for number in range(rounds) for kind in ("sync", "async")]
    place = run.fresh(*names)
    run.measure("fill", count=count, **place)
    raw, ours, coroutines = [], [], []
    for number in counted(rounds):
        console.print(f"consume {count:,} events, round {number + 1} of {rounds}")
        raw.append(run.measure("consume_raw", count=count, group=f"raw-{number}", **place))
        ours.append(run.measure("consume_ours", count=count, group=f"sync-{number}", **place))
        coroutines.append(
            run.measure(
                "consume_ours", count=count, group=f"async-{number}", coroutines=True, **place
            )
        )
    shares = [o["events_per_s"] / r["events_per_s"] for o, r in zip(ours, raw, strict=True)]
    return {
        "rounds": len(ours),
        "events_per_s": _median(ours, "events_per_s"),
        "raw_events_per_s": _median(raw, "events_per_s"),
        "coroutines_events_per_s": _median(coroutines, "events_per_s"),
        "raw_waited_share": _median(raw, "waited_share"),
        "share_of_raw": statistics.median(shares),
        "share_of_raw_min": min(shares),
        "share_of_raw_max": max(shares),
        "errors": sum(result["errors"] for result in (*raw, *ours, *coroutines)),
    }


def latency(run: Run, rate: int, seconds: float, windows: int) -> dict[str, float]:
    """Measure ours and bare in turn, each with a publishing and a consuming process; medians."""
    ours, raw = [], []
    for number in counted(windows):
        console.print(
            f"end to end at {rate:,} events/s for {seconds:g} s, window {number + 1} of {windows}",
            end=" ",
        )
        ours.append(_window(run, "ours", rate, seconds))
        raw.append(_window(run, "raw", rate, seconds))
        console.print(f"p99 {ours[-1]['p99_ms']:.1f} ms, bare {raw[-1]['p99_ms']:.1f} ms")
    names = ("rate_per_s", "p50_ms", "p99_ms", "p999_ms", "max_ms", "waited_share")
    result: dict[str, float] = {"rounds": len(ours)}
    result |= {name: _median(ours, name) for name in names}
    result |= {f"raw_{name}": _median(raw, name) for name in names}
    result["p99_ratio"] = result["p99_ms"] / result["raw_p99_ms"]
    result["errors"] = sum(window["errors"] for window in (*ours, *raw))
    return result


def _window(run: Run, kind: str, rate: int, seconds: float) -> dict[str, float]:
    place = run.fresh("latency")
    count = int(rate * seconds)
    consumer = run.start(
        f"latency_consume_{kind}", {**place, "group": "latency", "count": count, "seconds": seconds}
    )
    await_line(consumer, READY)
    limit_s = LIMIT_S + seconds
    published = run.measure(
        f"latency_publish_{kind}", limit_s=limit_s, rate=rate, seconds=seconds, **place
    )
    consumed = finish(consumer, limit_s=limit_s)
    errors = published.pop("errors") + consumed.pop("errors")
    return {**published, **consumed, "errors": errors}


def _median(results: list[dict[str, float]], name: str) -> float:
    return statistics.median(result[name] for result in results)


def table(result: dict[str, Any], marked: Callable[[str], str]) -> Table:
    """Return the table of what ``kafka`` found; ``marked`` tells of a figure's goal."""
    publish, consume, late = result["publish"], result["consume"], result["latency"]
    made = Table(title="pat_events beside bare confluent-kafka, same broker, same run")
    for column in ("measure", "pat_events", "bare", "relation", "goal"):
        made.add_column(column, justify="left" if column == "measure" else "right")
    made.add_row(
        "publish, cost of the call",
        f"{publish['cost_us']:.1f} µs",
        f"{publish['raw_cost_us']:.1f} µs",
        f"{publish['ratio_to_raw']:.2f}x ({publish['ratio_to_raw_min']:.2f}"
        f" to {publish['ratio_to_raw_max']:.2f})",
        marked("publish.ratio_to_raw"),
    )
    made.add_row(
        "publish to acknowledgement",
        f"{publish['events_per_s']:,.0f}/s",
        f"{publish['raw_events_per_s']:,.0f}/s",
        f"{publish['events_per_s'] / publish['raw_events_per_s']:.2f}",
        "",
    )
    made.add_row(
        "consume to handled, key lanes",
        f"{consume['events_per_s']:,.0f}/s",
        f"{consume['raw_events_per_s']:,.0f}/s",
        f"{consume['share_of_raw']:.2f} ({consume['share_of_raw_min']:.2f}"
        f" to {consume['share_of_raw_max']:.2f})",
        marked("consume.share_of_raw"),
    )
    made.add_row("  the same with coroutines", f"{consume['coroutines_events_per_s']:,.0f}/s")
    for title, name, goal in (
        (f"end to end at {late['rate_per_s']:,.0f}/s, p50", "p50_ms", ""),
        ("  p99", "p99_ms", marked("latency.p99_ms")),
        ("  p99.9", "p999_ms", ""),
    ):
        mine, bare = late[name], late[f"raw_{name}"]
        made.add_row(title, f"{mine:.1f} ms", f"{bare:.1f} ms", f"{mine / bare:.2f}x", goal)
    return made
