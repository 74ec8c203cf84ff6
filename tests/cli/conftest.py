from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pat_events.catalog.load import load_catalog
from pat_events.testing import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """What a command in this process sets is its own."""
    loggers = [logging.getLogger(f"pat_events{name}") for name in ("", ".kafka", ".kafka.client")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


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
