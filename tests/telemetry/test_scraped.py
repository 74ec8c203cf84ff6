"""Prometheus itself scrapes a group at work, and the alert fires."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from prometheus_client import REGISTRY

from pat_events import ConsumerGroup, Context, Handlers, PermanentError, Producer
from pat_events.events import EmailReceived
from pat_events.telemetry import HealthServer, PrometheusMetrics
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.waiting import until

RULES = Path(__file__).parents[2] / "docs" / "monitoring" / "alerts.yaml"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A Prometheus that asks four times a second."""

    def __init__(self, url):
        self.url = url

    def get(self, path, **query):
        with urlopen(  # noqa: S310 - its own server
            f"{self.url}/api/v1/{path}?{urlencode(query)}", timeout=10
        ) as answer:
            return json.load(answer)["data"]

    def is_up(self):
        try:
            self.get("alerts")
        except URLError:
            return False
        return True

    def value(self, query):
        found = self.get("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self):
        alerts = self.get("alerts")["alerts"]
        return {it["labels"]["alertname"]: it["labels"] for it in alerts if it["state"] == "firing"}


@pytest.fixture
def metrics():
    metrics = PrometheusMetrics()
    yield metrics
    REGISTRY.unregister(metrics)


@pytest.fixture
def scrape(prometheus, tmp_path):
    """Starts a Prometheus that scrapes these targets."""

    @contextmanager
    def start(**targets):
        config = {
            "global": {"scrape_interval": "250ms", "evaluation_interval": "250ms"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {
                    "job_name": "pat-events",
                    "scrape_timeout": "250ms",
                    **targets,
                }
            ],
        }
        file = tmp_path / "prometheus.yml"
        file.write_text(yaml.safe_dump(config), "utf-8")
        address = f"127.0.0.1:{free_port()}"
        command = [prometheus, f"--config.file={file}", f"--storage.tsdb.path={tmp_path}/data"]
        command.append(f"--web.listen-address={address}")
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            server = Server(f"http://{address}")
            until(server.is_up, 60)
            yield server
        finally:
            process.terminate()
            process.wait(30)

    return start


def test_an_alert_fires_when_a_handler_breaks_and_not_before(scrape, metrics):
    broker = MemoryBroker()
    for topic in ("pat-emails", "pat-emails.mail.dlq"):
        broker.create_topic(topic, 1)
    transport = MemoryTransport(broker)
    handlers, broken = Handlers(), []

    @handlers.on(EmailReceived)
    def handle(event: EmailReceived, ctx: Context) -> None:
        if broken:
            raise PermanentError("broken")

    group = ConsumerGroup("mail", handlers, transport=transport, observers=[metrics])
    with (
        group,
        HealthServer(group, port=0) as health,
        Producer(transport=transport) as producer,
        scrape(static_configs=[{"targets": [f"127.0.0.1:{health.port}"]}]) as server,
    ):
        producer.publish(EmailReceived(email_id="e-1"))
        until(lambda: server.value("sum(pat_events_consumer_handled_total)") == 1, 60)
        assert server.value('up{job="pat-events"}') == 1
        assert server.firing() == {}
        broken.append(True)
        producer.publish(EmailReceived(email_id="e-2"))
        until(lambda: "PatEventsDeadLetters" in server.firing(), 60)
        labels = server.firing()["PatEventsDeadLetters"]
        assert (labels["group"], labels["reason"]) == ("mail", "rejected")
        assert labels["severity"] == "page"


# Forks two processes, of which each handles events of its own and names its port in a file.
FORKING = """
import json, os, sys
from pathlib import Path
from pat_events import ConsumerGroup, Handlers, Producer
from pat_events.events import EmailReceived
from pat_events.telemetry import Handled, HealthServer, Origin, PrometheusMetrics
from pat_events.transports.memory import MemoryBroker, MemoryTransport

handlers, metrics = Handlers(), PrometheusMetrics()
handlers.on(EmailReceived)(lambda event, ctx: None)
metrics.told_by(Origin("memory", "mail")).saw(Handled(100))
events = 1 if os.fork() else 2
broker = MemoryBroker()
for topic in ("pat-emails", "pat-emails.mail.dlq", "pat-emails.mail.retry"):
    broker.create_topic(topic, 1)
options = {"transport": MemoryTransport(broker), "observers": [metrics]}
with Producer(**options) as producer, ConsumerGroup("mail", handlers, **options) as group:
    with HealthServer(group, port=0, host="127.0.0.1") as server:
        for _ in range(events):
            producer.publish(EmailReceived(email_id="e"))
        file = Path(sys.argv[1], f"{os.getpid()}.json")
        partly = file.with_suffix(".new")
        partly.write_text(json.dumps([{"targets": [f"127.0.0.1:{server.port}"]}]))
        partly.rename(file)
        sys.stdin.read()
"""


def test_processes_of_one_machine_are_targets_that_name_their_ports_in_files(scrape, tmp_path):
    folder = tmp_path / "targets"
    folder.mkdir()
    files = [{"files": [f"{folder}/*.json"]}]
    command = [sys.executable, "-c", FORKING, str(folder)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE) as processes,
        scrape(file_sd_configs=files) as server,
    ):
        handled = "pat_events_consumer_handled_total"
        until(lambda: server.value(f"count(count by (instance) ({handled}))") == 2, 60)
        # The parent has had 100 before it forked, and its child has not.
        until(lambda: server.value(f"max({handled})") == 101, 60)
        until(lambda: server.value(f"min({handled})") == 2, 60)
        processes.communicate(timeout=60)
