"""No container engine is needed: the file is read as docker compose would read it."""

from __future__ import annotations

import shutil
import subprocess
from string import Template

import pytest
import yaml

from tools.stack.errors import StackError
from tools.stack.localstack import OPTIONS
from tools.stack.part import NATIVE_PORTS
from tools.stack.settings import ROOT, parse, settings


@pytest.fixture(scope="module")
def services():
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(Template(text).substitute(settings()))["services"]


def published(service):
    return {port.rpartition(":")[0] for port in service["ports"]}


def test_containers_run_the_versions_of_the_settings(services):
    assert services["redpanda"]["image"].endswith(f":v{settings()['REDPANDA_VERSION']}")
    assert services["localstack"]["image"].endswith(f":{settings()['LOCALSTACK_VERSION']}")


def test_containers_are_published_where_the_settings_say_and_on_the_loopback_alone(services):
    registry = settings()["PAT_EVENTS_REGISTRY_URL"].removeprefix("http://")
    kafka = settings()["PAT_EVENTS_BOOTSTRAP_SERVERS"]
    assert published(services["redpanda"]) == {kafka, registry}
    assert published(services["localstack"]) == {
        settings()["AWS_ENDPOINT_URL"].removeprefix("http://")
    }
    assert {name.rpartition(":")[0] for s in services.values() for name in published(s)} == {
        "127.0.0.1"
    }


def test_the_broker_sends_clients_to_the_published_port(services):
    address = settings()["PAT_EVENTS_BOOTSTRAP_SERVERS"]
    (advertised,) = (
        word for word in services["redpanda"]["command"] if word.startswith("--advertise-kafka")
    )
    assert f"external://{address}" in advertised


def test_localstack_has_the_same_options_in_a_container_and_natively(services):
    host = settings()["AWS_ENDPOINT_URL"].removeprefix("http://")
    assert services["localstack"]["environment"] == {**OPTIONS, "LOCALSTACK_HOST": host}


def test_every_container_says_when_it_is_healthy(services):
    assert all(service["healthcheck"]["test"] for service in services.values())


def test_what_monitoring_mounts_is_there_and_its_parts_find_each_other(services):
    mounts = [it.split(":")[0] for each in services.values() for it in each.get("volumes", ())]
    assert mounts
    assert all((ROOT / path).is_dir() for path in mounts)
    folder = ROOT / "docs" / "monitoring"
    sources = yaml.safe_load((folder / "grafana/datasources/sources.yaml").read_text("utf-8"))
    ports = {"prometheus": "9090", "jaeger": "16686"}
    for source in sources["datasources"]:
        name = source["type"]
        assert source["url"] == f"http://{name}:{ports[name]}"
        assert any(it.endswith(f":{ports[name]}") for it in services[name]["ports"])
    boards = yaml.safe_load((folder / "grafana/dashboards/boards.yaml").read_text("utf-8"))
    path = boards["providers"][0]["options"]["path"]
    assert f"./docs/monitoring/dashboards:{path}:ro" in services["grafana"]["volumes"]


def test_fixed_ports_are_never_taken_by_native_parts():
    fixed = {int(value) for name, value in settings().items() if name.endswith("_PORT")}
    assert fixed.isdisjoint(NATIVE_PORTS)


@pytest.mark.parametrize("file", ["localstack.in", "localstack.txt"])
def test_the_native_localstack_is_locked_to_the_version_of_the_settings(file):
    lines = (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines()
    (pinned,) = (line for line in lines if line.startswith("localstack-core"))
    assert pinned.split("==")[1].split()[0] == settings()["LOCALSTACK_VERSION"]


def test_docker_compose_accepts_the_file():
    docker = shutil.which("docker")
    if docker is None or subprocess.call([docker, "compose", "version"]) != 0:
        pytest.skip("no docker compose here: install its plugin to have it check the file")
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=ROOT, check=True)


def test_a_setting_may_use_those_before_it():
    assert parse("# c\n\nA=1\nB=${A}2\n") == {"A": "1", "B": "12"}


@pytest.mark.parametrize("text", ["A", "A=${B}\nB=1", "A=$"])
def test_a_line_that_is_no_setting_is_refused_with_its_number(text):
    with pytest.raises(StackError, match=r"^\.env:1: "):
        parse(text)
