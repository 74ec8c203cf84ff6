"""The part of a run that is about AWS's buses: a sink and LocalStack, ours and bare in turn."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from perf.buses import ACCOUNT, REGION, message
from perf.goals import SENDERS
from perf.rounds import console, counted
from perf.running import Processes, finish
from tools.stack import LocalStack
from tools.stack.localstack import client
from tools.stack.processes import tied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES: Final = {
    "eventbridge": "EventBridge",
    "sqs": "Sqs",
    "sns": "Sns",
    "queue": "QueueConsumer",
}
# What a round may take on average, in seconds; an idle machine needs 3.
ROUND_S: Final = 6.0
# LocalStack takes some 10 ms for a call.
ON_LOCALSTACK: Final = 300
KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

Result = dict[str, float]


def buses(count: int, rounds: int) -> dict[str, Any]:
    """Measure senders and the consumer; medians of the rounds.

    Args:
        count: Events of a round, to the sink.
        rounds: How often, at most.
    """
    os.environ.update(dict.fromkeys(KEYS, "test"))
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)
    with ExitStack() as stack:
        processes = Processes()
        stack.callback(processes.close)
        endpoint = stack.enter_context(sink())
        run = _BusRun(processes, endpoint, count)
        found: dict[str, Any] = {}
        for name in (*SENDERS, "queue"):
            console.print(f"{NAMES[name]}: {count:,} events to a sink, {rounds} rounds")
            found[name] = _medians([run.round(name) for _ in counted(rounds, ROUND_S)])
        console.print("EventBridge: from two processes to a sink")
        found["two_processes"] = run.two_processes()
        console.print("the same on LocalStack; the first time it is fetched, which takes a minute")
        with LocalStack() as emulator, resources(emulator.endpoint_url) as name:
            run = _BusRun(processes, emulator.endpoint_url, ON_LOCALSTACK)
            for kind in (*SENDERS, "queue"):
                told = run.on_localstack(kind, name)
                found[kind]["errors"] += told.pop("errors")
                found[kind] |= told
    found["errors"] = sum(it.pop("errors") for it in found.values())
    return found


class _BusRun:
    def __init__(self, processes: Processes, endpoint: str, count: int) -> None:
        self._processes = processes
        self._place: dict[str, Any] = {"endpoint": endpoint, "count": count}

    def round(self, kind: str) -> Result:
        """Measure bare boto3 and ours once, one after the other."""
        if kind == "queue":
            count = self._place["count"]
            raw, ours = (self._receive(how, self._queue(), count) for how in ("raw", "ours"))
            return _beside(ours, raw)
        raw, ours = (self._send(how, kind, "perf") for how in ("raw", "ours"))
        tuned = self._send("raw", kind, "perf", tuned=True)
        return _beside(ours, raw) | {
            "tuned_cpu_us": tuned["cpu_us"],
            "ratio_to_tuned": ours["cpu_us"] / tuned["cpu_us"],
        }

    def two_processes(self) -> Result:
        """Return what two get through together, bare and ours."""
        found = {"errors": 0.0}
        arguments = {**self._place, "bus": "eventbridge", "name": "perf"}
        for how, prefix in (("raw", "raw_"), ("ours", "")):
            both = [self._processes.start(f"send_{how}", arguments) for _ in range(2)]
            results = [finish(process) for process in both]
            found[f"{prefix}events_per_s"] = sum(it["events_per_s"] for it in results)
            found["errors"] += sum(it["errors"] for it in results)
        return found

    def on_localstack(self, kind: str, name: str) -> Result:
        """Return events in a second there, bare and ours, under names of their own."""
        found = {"errors": 0.0}
        for how, prefix in (("raw", "raw_"), ("ours", "")):
            if kind == "queue":
                queue = f"{name}-{how}"
                found["errors"] += self._send("ours", "sqs", queue)["errors"]
                result = self._receive(how, queue, self._place["count"] + 1)  # The first, too.
            else:
                result = self._send(how, kind, name)
            found[f"{prefix}localstack_events_per_s"] = result["events_per_s"]
            found["errors"] += result["errors"]
        return found

    def _send(self, how: str, bus: str, name: str, **more: Any) -> Result:
        arguments = {**self._place, "bus": bus, "name": name, **more}
        return finish(self._processes.start(f"send_{how}", arguments))

    def _receive(self, how: str, queue: str, count: int) -> Result:
        arguments = {**self._place, "name": queue, "count": count}
        return finish(self._processes.start(f"receive_{how}", arguments))

    def _queue(self) -> str:
        # The sink reads from it how many messages there are.
        return f"perf-{uuid.uuid4().hex[:10]}-{self._place['count']}"


@contextmanager
def sink() -> Iterator[str]:
    """Start a sink; the answer is where it listens."""
    command = [sys.executable, "-m", "perf.sink", json.dumps(message("NUMBER"))]
    with subprocess.Popen(
        tied(command, lock=None, death_signal=signal.SIGKILL),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the one that waits for it.
    ) as process:
        try:
            port = process.stdout.readline().strip()  # type: ignore[union-attr] # it is a pipe
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@contextmanager
def resources(endpoint_url: str) -> Iterator[str]:
    """Make a bus, a topic and queues there, by one name; they go with the block."""
    name = f"perf-{uuid.uuid4().hex[:10]}"
    events, sns, sqs = (
        client(it, endpoint_url, region_name=REGION) for it in ("events", "sns", "sqs")
    )
    redrive = {
        "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-letters",
        "maxReceiveCount": 5,
    }
    attributes = {"RedrivePolicy": json.dumps(redrive)}
    with ExitStack() as ends:
        for made in (events, sns, sqs):
            ends.callback(made.close)
        events.create_event_bus(Name=name)
        ends.callback(events.delete_event_bus, Name=name)
        topic = sns.create_topic(Name=name)["TopicArn"]
        ends.callback(sns.delete_topic, TopicArn=topic)
        for queue in (f"{name}-letters", name, f"{name}-raw", f"{name}-ours"):
            more = {} if queue.endswith("-letters") else attributes
            url = sqs.create_queue(QueueName=queue, Attributes=more)["QueueUrl"]
            ends.callback(sqs.delete_queue, QueueUrl=url)
        yield name


def _beside(ours: Result, raw: Result) -> Result:
    return {
        **{name: ours[name] for name in ("cpu_us", "events_per_s")},
        **{f"raw_{name}": raw[name] for name in ("cpu_us", "events_per_s")},
        "ratio_to_raw": ours["cpu_us"] / raw["cpu_us"],
        "errors": ours["errors"] + raw["errors"],
    }


def _medians(rounds: list[Result]) -> Result:
    found = {name: statistics.median(it[name] for it in rounds) for name in rounds[0]}
    ratios = [it["ratio_to_raw"] for it in rounds]
    return found | {
        "rounds": len(rounds),
        "ratio_to_raw_min": min(ratios),
        "ratio_to_raw_max": max(ratios),
        "errors": sum(it["errors"] for it in rounds),
    }


def table(found: dict[str, Any], marked: Callable[[str], str]) -> Table:
    """Return the table of what ``buses`` found; ``marked`` tells of a figure's goal."""
    made = Table(title="pat_events beside bare boto3, in turn")
    for column in ("to a sink", "CPU", "bare", "relation", "events/s", "bare"):
        made.add_column(column, justify="left" if column == "to a sink" else "right", no_wrap=True)
    for kind, name in NAMES.items():
        it = found[kind]
        goal = marked(f"buses.{kind}.ratio_to_raw") if kind in SENDERS else ""
        made.add_row(
            name,
            f"{it['cpu_us']:.0f} µs",
            f"{it['raw_cpu_us']:.0f} µs",
            f"{it['ratio_to_raw']:.2f}x {goal}",
            f"{it['events_per_s']:,.0f}",
            f"{it['raw_events_per_s']:,.0f}",
        )
        if kind == "eventbridge":
            both = found["two_processes"]
            rates = (f"{both['events_per_s']:,.0f}", f"{both['raw_events_per_s']:,.0f}")
            made.add_row("  two processes", "", "", "", *rates)
        ours, bare = (it[f"{who}localstack_events_per_s"] for who in ("", "raw_"))
        made.add_row("  on LocalStack", "", "", "", f"{ours:,.0f}", f"{bare:,.0f}")
    return made
