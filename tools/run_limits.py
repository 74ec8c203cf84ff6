"""A pytest plugin that ends the run where a test hangs, with a sentence that names it.

The ways of pytest-timeout fall short. ``signal`` raises into whatever runs, which may hold a lock
(coverage's, logging's, the package's) that is never right again: every later test fails, and the
interpreter hangs at its exit. ``thread`` ends the process, and what failed before is never told.

Under pytest-xdist each worker has these limits. One that ends is the end of the run as well, where
``--max-worker-restart 0`` says so, and it is the controller that tells what failed.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from _pytest.config import create_terminal_writer
from pytest_timeout import dump_stacks, is_debugging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest._io import TerminalWriter
    from _pytest.terminal import TerminalReporter
    from pytest_timeout import Settings

FAILED = 1


class RunLimits:
    """Limits each test by a thread of its own, and what comes before and after all of them."""

    # A thread of Python can do nothing while C code keeps the interpreter's lock; faulthandler
    # can, so much later, in seconds.
    stuck_after_s = 60.0
    # What may pass until all tests are collected, and from the last one to the end of the process.
    around_s = 300.0

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._timer: threading.Timer | None = None
        self._limited: tuple[pytest.Item, float] | None = None
        self._stderr = os.dup(sys.__stderr__.fileno()) if sys.__stderr__ else 2

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Run the block outside the limit of the test that asked for it; then it begins again."""
        limited = self._limited
        self._stop()
        try:
            yield
        finally:
            if limited is not None:
                self._start(*limited)

    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Settings) -> bool:
        """Take the place of pytest-timeout's own way."""
        self._start(item, float(settings.timeout))
        return True

    def pytest_timeout_cancel_timer(self) -> bool:
        """Stop what ``pytest_timeout_set_timer`` started."""
        self._stop()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Bound what modules do when they are imported."""
        self._end_process_after(self.around_s)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Let whatever prepares the tests take its time: it has bounds of its own."""
        self._stop()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Bound what is left: threads that are waited for at the interpreter's exit."""
        self._end_process_after(self.around_s)

    def _end_process_after(self, limit_s: float) -> None:
        faulthandler.dump_traceback_later(limit_s, exit=True, file=self._stderr)

    def _start(self, item: pytest.Item, limit_s: float) -> None:
        self._limited = item, limit_s
        self._timer = threading.Timer(limit_s, self._end_run, self._limited)
        self._timer.daemon = True
        self._timer.start()
        self._end_process_after(limit_s + self.stuck_after_s)

    def _stop(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        timer, self._timer, self._limited = self._timer, None, None
        if timer is not None:
            timer.cancel()
            timer.join()

    def _end_run(self, item: pytest.Item, limit_s: float) -> None:
        if not is_debugging():
            try:
                self._tell(item, limit_s)
            finally:
                os._exit(FAILED)

    def _tell(self, item: pytest.Item, limit_s: float) -> None:
        if capture := self._config.pluginmanager.getplugin("capturemanager"):
            capture.suspend(in_=True)
        if hasattr(self._config, "workerinput"):
            # Its standard output goes nowhere.
            terminal = create_terminal_writer(self._config, os.fdopen(self._stderr, "w"))
            self._tell_stacks(terminal, item)
            ran = ""
        else:
            terminal = self._config.get_terminal_writer()
            ran = self._tell_what_ran(terminal, item)
        terminal.line(
            f"{item.nodeid} did not end within {limit_s:g} s. What hangs cannot be stopped without "
            f"harm to the tests after it: the run ends here{ran}, at a load of "
            f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors. On a busy machine try "
            f"--timeout {3 * limit_s:g}."
        )
        terminal.flush()

    def _tell_what_ran(self, terminal: TerminalWriter, item: pytest.Item) -> str:
        reporter: TerminalReporter | None = self._config.pluginmanager.getplugin("terminalreporter")
        stats = reporter.stats if reporter else {}
        failures = [*stats.get("failed", ()), *stats.get("error", ())]
        for report in failures:
            terminal.sep("_", report.nodeid)
            terminal.line(report.longreprtext)
        self._tell_stacks(terminal, item)
        for report in failures:
            terminal.line(f"FAILED {report.nodeid}")
        return f", after {len(stats.get('passed', ()))} passed and {len(failures)} failed"

    @staticmethod
    def _tell_stacks(terminal: TerminalWriter, item: pytest.Item) -> None:
        terminal.sep("+", f"Stacks of {item.nodeid}")
        dump_stacks(terminal)
        terminal.sep("+")
