"""What probes and Prometheus get over HTTP."""

from __future__ import annotations

import http.client
import inspect
import json
import socket
import subprocess
import sys

import pytest
import yaml
from prometheus_client import REGISTRY

from pat_events import ConfigError, ConsumerGroup
from pat_events.consumer.log.group import _LEAVE_S
from pat_events.telemetry import HealthServer
from pat_events.telemetry.health import Health
from pat_events.telemetry.observer import Handled, Origin
from pat_events.telemetry.observers import Observers
from pat_events.telemetry.prometheus import PrometheusMetrics
from tests.support.examples import examples

# A group's, as it is by default.
LONGEST_STOP_S = inspect.signature(ConsumerGroup).parameters["drain_timeout_s"].default + _LEAVE_S
WELL = Health(live=True, ready=True)
HELD = Health(live=True, ready=False, why=("1 event is held",))
DEAD = Health(live=False, ready=False, why=("it has stopped",))


class Consumer:
    def __init__(self, health=WELL):
        self.now = health

    def health(self):
        return self.now


def get(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    finally:
        connection.close()


@pytest.fixture
def serve():
    servers = []

    def serve(*consumers):
        servers.append(HealthServer(*consumers, port=0, host="127.0.0.1"))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("health", "live", "ready"), [(WELL, 200, 200), (HELD, 200, 503), (DEAD, 503, 503)]
)
def test_probes_are_answered_by_status_and_with_why(serve, health, live, ready):
    server = serve(Consumer(health))
    assert (get(server, "/live")[0], get(server, "/ready")[0]) == (live, ready)
    (told,) = json.loads(get(server, "/ready")[1])
    assert told == {"live": health.live, "ready": health.ready, "why": list(health.why)}


def test_all_consumers_must_be_well(serve):
    server = serve(Consumer(), Consumer(HELD))
    assert get(server, "/live")[0] == 200
    assert get(server, "/ready")[0] == 503


def test_prometheus_scrapes_what_its_registry_has(serve):
    metrics = PrometheusMetrics()
    try:
        Observers([metrics], Origin("kafka", "a-group")).saw(Handled(3))
        status, body, kind = get(serve(), "/metrics")
    finally:
        REGISTRY.unregister(metrics)
    assert status == 200
    assert kind.startswith("text/plain; version=")
    assert 'pat_events_consumer_handled_total{group="a-group"} 3.0' in body


def test_another_path_is_told_which_there_are(serve):
    status, body, _ = get(serve(), "/health")
    assert (status, body) == (404, "there are /live, /ready and /metrics\n")


def test_a_port_that_is_taken_is_refused_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}.*give another port"):
            HealthServer(port=port, host="127.0.0.1")


def test_what_has_no_health_is_refused():
    with pytest.raises(ConfigError, match="has no health: give consumers"):
        HealthServer(object(), port=0)


def container(language, has):
    """The container that the page shows for an orchestrator, and what stands around it."""
    (text,) = [it.text for it in examples("docs/monitoring.md", language) if has in it.text]
    return yaml.safe_load(text)  # JSON is YAML.


def test_kubernetes_probes_of_the_page_ask_what_is_served_and_it_waits_for_a_stop(serve):
    pod = container("yaml", "livenessProbe")["spec"]["template"]["spec"]
    (it,) = pod["containers"]
    (port,) = it["ports"]
    server = serve(Consumer(HELD))
    for probe, status in ((it["livenessProbe"], 200), (it["readinessProbe"], 503)):
        asked = probe["httpGet"]
        assert asked["port"] == port["name"]
        assert get(server, asked["path"])[0] == status
    assert port["containerPort"] == inspect.signature(HealthServer).parameters["port"].default
    assert pod["terminationGracePeriodSeconds"] > LONGEST_STOP_S


@pytest.mark.parametrize(("health", "code"), [(HELD, 0), (DEAD, 1)])
def test_the_health_check_of_the_page_for_ecs_fails_where_a_consumer_is_not_live(
    serve, health, code
):
    task = container("json", "healthCheck")
    kind, program, *arguments = task["healthCheck"]["command"]
    assert (kind, program) == ("CMD", "python")
    arguments[-1] = arguments[-1].replace(":8080", f":{serve(Consumer(health)).port}")
    done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True)
    assert done.returncode == code
    assert task["stopTimeout"] > LONGEST_STOP_S
