"""One process of a part: started tied to this one, signalled as a group, never lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from tools.stack.errors import NotReadyError, StackError
from tools.stack.locks import is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

LAUNCH = Path(__file__).with_name("launch.py")
KILL_WAIT_S = 10.0
# The kernel's parent-death signal fires when the *thread* that started the child ends, so every
# start goes through one thread that lives as long as the interpreter.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stack-starter")


def tied(command: Sequence[str], *, lock: Path | None, death_signal: int) -> list[str]:
    """The command line that runs ``command`` tied to this process; see ``launch.py``."""
    tie = [str(lock or ""), str(int(death_signal)), str(os.getpid())]
    return [sys.executable, "-I", "-S", str(LAUNCH), *tie, *command]


class Process:
    """A command in a session of its own, with a log and a lock file.

    Args:
        command: What to run.
        lock: Held for as long as the process lives; holds its id.
        log: Where its output is appended.
        environ: All its environment variables.
        folder: Its working directory.
        end_signal: What ends it, also when this process dies first: SIGKILL where nothing is
            worth saving, SIGTERM where it has children of its own to end.
        outlives: It goes on when this process ends.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        lock: Path,
        log: Path,
        environ: Mapping[str, str],
        folder: Path,
        end_signal: signal.Signals = signal.SIGKILL,
        outlives: bool = False,
    ) -> None:
        self.log = log
        self._command = tied(command, lock=lock, death_signal=0 if outlives else end_signal)
        self._environ = environ
        self._folder = folder
        self._end_signal = end_signal
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        if self.alive:
            raise StackError(f"{self.log.stem} is running already")
        self._running = _starter.submit(self._spawn).result()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self._environ),
                cwd=self._folder,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._running is not None and self._running.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Signal its whole group; nothing happens when it has ended."""
        if self._running is not None and self.alive:
            _signal_group(self._running.pid, number)

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end, then kill what is left of its group; whether it ended by itself.

        Raises:
            StackError: Not even SIGKILL ended it.
        """
        if self._running is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running.wait(timeout_s)
        _signal_group(self._running.pid, signal.SIGKILL)
        try:
            self._running.wait(KILL_WAIT_S)
        except subprocess.TimeoutExpired as problem:
            raise StackError(f"process {self._running.pid} cannot be killed") from problem
        killed = self._running.returncode == -signal.SIGKILL
        self._running = None  # its id may belong to a stranger from now on
        return not killed

    def end(self) -> None:
        """Ask it to end, without waiting for it."""
        self.send(self._end_signal)

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Ask until the answer is yes.

        Raises:
            NotReadyError: It ended, or did not get ready in ``timeout_s`` seconds.
        """

        def ask() -> bool:
            if not self.alive:
                raise NotReadyError(f"{self.log.stem} ended while starting.\n{self._last_words()}")
            return ready()

        patient = Retrying(
            retry=retry_if_result(lambda answer: not answer),
            stop=stop_after_delay(timeout_s),
            wait=wait_fixed(0.1),
            retry_error_callback=lambda _: False,
        )
        if not patient(ask):
            late = f"{self.log.stem} was not ready after {timeout_s:.0f} s."
            raise NotReadyError(f"{late}\n{self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([*(f"  | {line}" for line in lines[-15:]), f"The whole log: {self.log}"])


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_strays(locks: Sequence[Path], *, timeout_s: float = 5.0) -> None:
    """End the processes that hold these locks although nobody waits for them.

    Raises:
        StackError: Not even SIGKILL ended one.
    """
    held = {lock: int(lock.read_text(encoding="utf-8")) for lock in locks if is_held(lock)}
    for number in (signal.SIGTERM, signal.SIGCONT):  # a frozen process hears nothing else
        for group in held.values():
            _signal_group(group, number)
    if _wait_for_release(held, timeout_s):
        return
    for lock, group in held.items():
        if is_held(lock):
            _signal_group(group, signal.SIGKILL)
    if not _wait_for_release(held, KILL_WAIT_S):
        raise StackError(f"of the processes {sorted(held.values())} one cannot be killed")


def _wait_for_release(locks: Collection[Path], timeout_s: float) -> bool:
    patient = Retrying(
        retry=retry_if_result(lambda released: not released),
        stop=stop_after_delay(timeout_s),
        wait=wait_fixed(0.05),
        retry_error_callback=lambda _: False,
    )
    return bool(patient(lambda: not any(is_held(lock) for lock in locks)))
