"""Apicurio Registry, which speaks Confluent's schema registry protocol."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, ClassVar

from tools.stack.downloads import apicurio
from tools.stack.java import SHORT_LIVED, find_java
from tools.stack.part import LOOPBACK, READY_WAIT_S, Part, free_ports
from tools.stack.processes import Process
from tools.stack.settings import REGISTRY_VARIABLE

if TYPE_CHECKING:
    from tools.stack.runs import Run

OLDEST_JAVA = 21


class Registry(Part):
    """A schema registry that keeps everything in memory."""

    name: ClassVar[str] = "registry"
    variable: ClassVar[str] = REGISTRY_VARIABLE

    def __init__(self) -> None:
        super().__init__()
        self._port, self._management_port = free_ports(2)

    @property
    def url(self) -> str:
        """The address of Confluent's API."""
        return f"http://{LOOPBACK}:{self._port}/apis/ccompat/v7"

    @property
    def address(self) -> str:
        """The url."""
        return self.url

    @staticmethod
    def answers(address: str) -> bool:
        """Whether a registry there lists its subjects."""
        try:
            with urllib.request.urlopen(f"{address.rstrip('/')}/subjects", timeout=3) as answer:  # noqa: S310 - an address of our own making
                return isinstance(json.load(answer), list)
        except (OSError, ValueError):
            return False

    def fetch(self) -> None:
        """Have Java and the registry."""
        find_java("Apicurio Registry", OLDEST_JAVA)
        apicurio()

    def _create(self, run: Run, *, outlives: bool) -> list[Process]:
        java = find_java("Apicurio Registry", OLDEST_JAVA)
        environ = {
            **os.environ,
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(self._port),
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(self._management_port),
        }
        command = [java, "-Xmx512m", *SHORT_LIVED, "-jar", str(apicurio() / "quarkus-run.jar")]
        self._process = Process(
            command,
            lock=run.lock(self.name),
            log=run.log(self.name),
            environ=environ,
            folder=run.data,
            outlives=outlives,
        )
        return [self._process]

    def _wait_ready(self) -> None:
        self._process.wait_until(lambda: self.answers(self.url), timeout_s=READY_WAIT_S)
