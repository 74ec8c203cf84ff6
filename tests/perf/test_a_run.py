"""The benchmarks on a real broker, far too short to tell anything but that they work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

ROOT = Path(__file__).parents[2]
SHORT = [
    "--rounds=1",
    "--telemetry=300",
    "--publish=300",
    "--consume=300",
    "--rate=200",
    "--seconds=0.5",
]


@pytest.mark.kafka
def test_a_run_has_bare_figures_beside_each_of_ours_and_leaves_no_topic(kafka_broker, tmp_path):
    servers = kafka_broker.bootstrap_servers
    done = subprocess.run(
        [sys.executable, "-m", "perf", "--part=kafka", "--bootstrap", servers, *SHORT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr  # so short, ratios may be missed
    report = tmp_path / "build" / "perf.json"
    assert report.exists(), done.stderr
    result = json.loads(report.read_text())
    assert result["errors"] == 0
    late = result["latency"]
    assert 0 < late["raw_p50_ms"] <= late["raw_p99_ms"]
    assert late["p99_ratio"] == pytest.approx(late["p99_ms"] / late["raw_p99_ms"])
    assert "window 1 of 1" in done.stdout
    admin = AdminClient({"bootstrap.servers": servers})
    deadline = time.monotonic() + 30  # a broker hears of a deletion after the controller
    while any(name.startswith("perf-") for name in admin.list_topics(timeout=30).topics):
        assert time.monotonic() < deadline
        time.sleep(0.1)
