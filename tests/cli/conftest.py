from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import yaml

from pat_events import KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.demo.sites import _own_catalog
from pat_events.ops.topics import wanted_topics
from pat_events.testing import EmbeddedBroker
from pat_events.transports.kafka.admin import KafkaAdmin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Broker

DEADLINE_S = 60.0


@dataclass(frozen=True)
class CommandLine:
    """The real command in processes of its own."""

    environ: dict[str, str]

    @contextmanager
    def start(self, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        """Start it; it ends with the block, also where that fails."""
        with subprocess.Popen(
            [sys.executable, "-m", "pat_events.cli", *map(str, arguments)],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def __call__(self, *arguments: object, text: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(text, DEADLINE_S)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def environ(**own: str) -> dict[str, str]:
    # A CI that wants colours would get bars where these tests read lines.
    steering = ("PAT_EVENTS_", "FORCE_COLOR", "TTY_", "COLUMNS")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(steering)}
    return inherited | {"PAT_EVENTS_CONNECT_TIMEOUT_S": "5", "NO_COLOR": "1"} | own


@pytest.fixture
def alone() -> CommandLine:
    """The command with no broker named."""
    return CommandLine(environ(PAT_EVENTS_CONNECT_TIMEOUT_S="0.5"))


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as embedded:
        embedded.create_topics(load_catalog())
        yield embedded


@pytest.fixture
def broker(embedded: EmbeddedBroker) -> str:
    return embedded.bootstrap_servers


@pytest.fixture
def pat_events(broker: str) -> CommandLine:
    """The command with an embedded broker in its environment."""
    return CommandLine(
        environ(
            PAT_EVENTS_BOOTSTRAP_SERVERS=broker,
            PAT_EVENTS_CLIENT_PROPERTIES="fetch.wait.max.ms=10",
        )
    )


@pytest.fixture
def suffix() -> str:
    return f"-cli-{uuid4().hex[:8]}"


@pytest.fixture
def on_kafka(
    alone: CommandLine,
    kafka_broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> Iterator[CommandLine]:
    """The command on a real cluster, with topics and groups whose names end in ``suffix``."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(_own_catalog(suffix)))
    variables = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": kafka_broker.bootstrap_servers,
        "PAT_EVENTS_CATALOG": str(path),
        "PAT_EVENTS_CONNECT_TIMEOUT_S": "30",
    }
    command = replace(alone, environ=alone.environ | variables)
    applied = command("topics", "apply")
    assert applied.returncode == 0, applied.stderr
    yield command
    admin = KafkaAdmin(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    catalog = load_catalog(path)
    admin.delete(list(wanted_topics(catalog, 1)), list(catalog.groups))


@pytest.fixture
def on_aws(alone: CommandLine, localstack_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command with LocalStack, and no broker, in its environment."""
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    place = {"PAT_EVENTS_AWS_REGION": "us-east-1", "PAT_EVENTS_AWS_ENDPOINT_URL": localstack_url}
    patience = {"PAT_EVENTS_CONNECT_TIMEOUT_S": "10"}
    return replace(alone, environ=alone.environ | credentials | place | patience)
