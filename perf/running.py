"""Measurements against one broker, each in a process of its own."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

from pat_events.catalog.model import Catalog
from pat_events.errors import PatEventsError
from pat_events.transports.kafka.admin import KafkaAdmin, TopicSpec
from perf.load import PARTITIONS, cluster, write_catalog
from tools.stack.processes import tied

if TYPE_CHECKING:
    from pathlib import Path

# One measurement never takes this much longer than it was asked to, in seconds.
LIMIT_S = 300.0


class Processes:
    """Measurements, each in a process of its own; once it is closed none is left running."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        """Kill what runs."""
        for process in self._started:
            process.kill()
            process.wait()

    def start(self, name: str, arguments: dict[str, Any]) -> subprocess.Popen[str]:
        """Start a measurement."""
        command = [sys.executable, "-m", "perf.worker", name, json.dumps(arguments)]
        process = subprocess.Popen(
            tied(command, lock=None, death_signal=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the one that waits for it.
        )
        self._started.append(process)
        return process

    def measure(self, name: str, *, limit_s: float = LIMIT_S, **arguments: Any) -> dict[str, float]:
        """Run a measurement to its end."""
        return finish(self.start(name, arguments), limit_s=limit_s)


class Run(Processes):
    """Measurements against one broker.

    Args:
        bootstrap_servers: The broker.
        folder: Where catalogues are written.
        tidy: Delete the topics at the end, as on a broker that goes on.

    Raises:
        PatEventsError: No broker answers, or it refuses.
    """

    def __init__(self, bootstrap_servers: str, folder: Path, *, tidy: bool) -> None:
        super().__init__()
        self.bootstrap_servers = bootstrap_servers
        self.folder = folder
        self._tidy = tidy
        self._admin = KafkaAdmin(cluster(bootstrap_servers))
        self._replicas = min(3, self._admin.brokers())
        self._topics: list[str] = []

    def close(self) -> None:
        """Kill what runs and delete the topics."""
        super().close()
        if self._tidy and self._topics:
            try:
                self._admin.delete(self._topics, [])
            except PatEventsError as refusal:
                print(f"topics named perf-* may be left: {refusal}", file=sys.stderr)

    def fresh(self, *groups: str) -> dict[str, Any]:
        """Create an empty topic; returns the arguments that lead a measurement to it."""
        topic = f"perf-{uuid.uuid4().hex[:10]}"
        names = [topic]
        for group in groups:
            names += [f"{topic}.{group}.dlq", Catalog.retry_topic(topic, group)]
        self._topics += names  # First: an interrupted call may have made them.
        self._admin.create([TopicSpec(name, PARTITIONS, self._replicas, {}) for name in names])
        catalog = write_catalog(topic, self.folder)
        return {"bootstrap_servers": self.bootstrap_servers, "catalog": str(catalog)}


def await_line(process: subprocess.Popen[str], line: str, *, limit_s: float = LIMIT_S) -> None:
    """Wait for the first line that a measurement writes."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    said, _, _ = select.select([process.stdout], [], [], limit_s)
    if not said or process.stdout.readline().strip() != line:
        raise SystemExit("the consumer of a latency measurement did not start")


def finish(process: subprocess.Popen[str], *, limit_s: float = LIMIT_S) -> dict[str, float]:
    """Wait for a measurement and return its result."""
    try:
        out, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"a measurement was not done after {limit_s:g} s") from None
    if process.returncode != 0 or not out:
        raise SystemExit(f"a measurement failed with exit code {process.returncode}")
    result: dict[str, float] = json.loads(out.splitlines()[-1])
    return result
