"""What every real part has: a way to start, to be asked, to be named and to end."""

from __future__ import annotations

import fcntl
import os
import random
import socket
from abc import ABC, abstractmethod
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Self

from tools.stack.errors import StackError
from tools.stack.runs import Run
from tools.stack.settings import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from tools.stack.processes import Process

LOOPBACK = "127.0.0.1"
# Below what Linux and macOS hand out to outgoing connections, so that a broker that was killed
# finds its port free when it comes back; above the fixed ports of the containers.
NATIVE_PORTS = range(20_000, 32_000)
# It takes seconds, and twenty times that on a busy machine. What cannot start ends, and is seen.
READY_WAIT_S = 240.0
END_WAIT_S = 5.0
_reserved_ports: set[int] = set()


class Part(ABC):
    """A real service on free loopback ports, alive inside a ``with`` block.

    It dies with the process that started it; its data is removed, its logs are kept.
    """

    name: ClassVar[str]
    variable: ClassVar[str]
    """The environment variable that names a running part of this kind."""
    by_default: ClassVar[bool] = True
    """Whether it is meant where no part is named."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._processes: list[Process] = []

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients reach it: the value of its environment variable."""

    @property
    def size(self) -> int:
        """The number of its processes."""
        return 1

    @staticmethod
    @abstractmethod
    def answers(address: str) -> bool:
        """Whether a part of this kind answers a real question there, within a few seconds."""

    @classmethod
    def environ_of(cls, address: str) -> dict[str, str]:
        """The environment variables that lead a client to ``address``."""
        return {cls.variable: address}

    def environ(self) -> dict[str, str]:
        """The environment variables that lead a client to this part."""
        return self.environ_of(self.address)

    @abstractmethod
    def fetch(self) -> None:
        """Have everything it is made of.

        Raises:
            MissingToolError: Something has to be installed first.
        """

    @abstractmethod
    def _create(self, run: Run, *, outlives: bool) -> list[Process]:
        """Prepare its folder and name its processes."""

    @abstractmethod
    def _wait_ready(self) -> None:
        """Wait until it answers."""

    def launch(self, *, outlives: bool = False) -> None:
        """Start its processes without waiting until they answer."""
        if self._run is not None:
            raise StackError(f"this {self.name} was started already")
        self.fetch()
        self._run = Run(self.name)
        try:
            self._processes = self._create(self._run, outlives=outlives)
            for process in self._processes:
                process.start()
        except BaseException:
            self.close()
            raise

    def wait_ready(self) -> None:
        """Wait until it answers; it is ended when it does not.

        Raises:
            NotReadyError: It ended, or does not answer; the message has the end of its log.
        """
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    def leave_running(self) -> None:
        """Let it go on after this process, until ``python -m tools.stack down``."""
        if self._run is None:
            raise StackError(f"{self.name} is not running")
        self._run.leave(self.address, self.size)
        self._run = None

    def close(self) -> None:
        """End it and remove its data. Closing twice does nothing."""
        run, self._run = self._run, None
        if run is None:
            return
        try:
            for process in self._processes:
                process.end()
            for process in self._processes:
                process.wait(END_WAIT_S)
        finally:
            run.remove()

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        self.launch()
        self.wait_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, on any interface (LocalStack takes all of them).

    They are this process's until it ends: what listens there may need seconds to begin, and
    another process would take them for free.
    """
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.sample(NATIVE_PORTS, k=len(NATIVE_PORTS)):
            candidate = held.enter_context(socket.socket())
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("", port))
            except OSError:
                continue
            if not _reserved(port):
                continue
            ports.append(port)
            if len(ports) == count:
                return ports
    raise StackError(f"no {count} free ports in {NATIVE_PORTS}")


def _reserved(port: int) -> bool:
    """Keep a port for this process by a lock on a byte of one file; False: another keeps it."""
    if port in _reserved_ports:
        return False
    try:
        fcntl.lockf(_ports_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _reserved_ports.add(port)
    return True


@cache
def _ports_file() -> int:
    # Never closed: all locks of the process would end with it.
    return os.open(cache_folder() / "ports.lock", os.O_RDWR | os.O_CREAT, 0o600)


def accepts(host: str, port: int) -> bool:
    """Whether something listens there: asked first, for clients take long to say no."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def launch_all(parts: Iterable[Part], on_exit: ExitStack, *, outlives: bool = False) -> None:
    """Start parts side by side and wait until all answer; ``on_exit`` ends them."""
    started = list(parts)
    for part in started:
        part.fetch()
    for part in started:
        on_exit.callback(part.close)
        part.launch(outlives=outlives)
    for part in started:
        part.wait_ready()
