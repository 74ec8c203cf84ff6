from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pat_events.codecs import load_catalog
from pat_events.testing import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 60.0


@dataclass(frozen=True)
class CommandLine:
    """The real command in processes of its own."""

    environ: dict[str, str]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pat_events.cli", *map(str, arguments)],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: object, text: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(text, DEADLINE_S)
            finally:
                process.kill()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def environ(**own: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PAT_EVENTS_")}
    return inherited | {"PAT_EVENTS_CONNECT_TIMEOUT_S": "5", "NO_COLOR": "1"} | own


@pytest.fixture
def alone() -> CommandLine:
    """The command with no broker named."""
    return CommandLine(environ(PAT_EVENTS_CONNECT_TIMEOUT_S="0.5"))


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with EmbeddedBroker() as embedded:
        embedded.create_topics(load_catalog())
        yield embedded.bootstrap_servers


@pytest.fixture
def pat_events(broker: str) -> CommandLine:
    """The command with an embedded broker in its environment."""
    return CommandLine(
        environ(
            PAT_EVENTS_BOOTSTRAP_SERVERS=broker,
            PAT_EVENTS_CLIENT_PROPERTIES="fetch.wait.max.ms=10",
        )
    )
