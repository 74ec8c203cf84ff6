"""A test that hangs ends the run with a sentence, whatever it holds, and nothing is poisoned."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
    from tools.run_limits import RunLimits

    def pytest_configure(config):
        config.limits = RunLimits(config)
        config.pluginmanager.register(config.limits)
"""
TOLD = "did not end within 1 s"


@pytest.fixture
def run(tmp_path):
    """Run tests under the limits, in a process of their own."""

    def run(tests, *options, **limits):
        lines = [f"RunLimits.{name} = {value}\n" for name, value in limits.items()]
        (tmp_path / "conftest.py").write_text(textwrap.dedent(CONFTEST) + "".join(lines))
        (tmp_path / "test_it.py").write_text(textwrap.dedent(tests))
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def test_a_test_over_its_limit_ends_the_run_and_what_failed_before_is_told(run):
    done = run(
        """
        import threading, pytest

        def test_passes():
            pass

        def test_fails():
            assert "apples" == "pears"

        @pytest.mark.timeout(1)
        def test_hangs():
            print("waiting for nothing")
            threading.Event().wait()

        def test_later():
            print("this one ran")
        """
    )
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"test_it.py::test_hangs {TOLD}.")
    assert "after 1 passed and 1 failed" in last
    assert "assert 'apples' == 'pears'" in done.stdout
    assert "FAILED test_it.py::test_fails" in done.stdout
    assert "in test_hangs" in done.stdout
    assert "this one ran" not in done.stdout


@pytest.mark.parametrize("options", [(), ("--cov", "--cov-report=")], ids=["plain", "coverage"])
def test_a_limit_that_passes_in_the_middle_of_a_lock_ends_the_run_as_well(run, options):
    done = run(
        """
        import logging, pytest

        @pytest.mark.timeout(1)
        def test_is_slow():
            while True:
                logging.getLogger("busy").warning("line")
        """,
        *options,
    )
    assert done.returncode == 1
    assert f"test_it.py::test_is_slow {TOLD}" in done.stdout.splitlines()[-1]


def test_a_fixture_over_the_limit_ends_the_run_too(run):
    done = run(
        """
        import threading, pytest

        @pytest.fixture
        def part():
            yield
            threading.Event().wait()

        @pytest.mark.timeout(1)
        def test_it(part, capfd):
            pass
        """
    )
    assert done.returncode == 1
    assert f"test_it.py::test_it {TOLD}" in done.stdout.splitlines()[-1]


def test_preparing_a_part_counts_for_no_test(run):
    done = run(
        """
        import time, pytest

        @pytest.fixture(scope="session")
        def part(request):
            with request.config.limits.paused():
                time.sleep(1.2)

        @pytest.mark.timeout(1)
        def test_that_asks_first(part):
            pass
        """
    )
    assert done.returncode == 0, done.stdout


def test_a_part_that_was_prepared_leaves_the_limit_in_force(run):
    done = run(
        """
        import threading, pytest

        @pytest.mark.timeout(1)
        def test_hangs(request):
            with request.config.limits.paused():
                pass
            threading.Event().wait()
        """
    )
    assert done.returncode == 1
    assert f"test_it.py::test_hangs {TOLD}" in done.stdout.splitlines()[-1]


def test_code_that_never_lets_go_of_the_interpreter_ends_the_run(run):
    done = run(
        """
        import re, pytest

        @pytest.mark.timeout(1)
        def test_is_stuck_in_c():
            re.match("(a|a)*b", "a" * 100)
        """,
        stuck_after_s=1,
    )
    assert done.returncode == 1
    assert "in test_is_stuck_in_c" in done.stderr


def test_a_thread_left_behind_does_not_keep_the_process(run):
    done = run(
        """
        import threading

        def test_leaves_a_thread():
            threading.Thread(target=threading.Event().wait).start()
        """,
        around_s=5,
    )
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert "_shutdown" in done.stderr


def test_a_module_that_hangs_when_it_is_imported_ends_the_run(run):
    done = run("import threading; threading.Event().wait()", around_s=1)
    assert done.returncode == 1
    assert "test_it.py" in done.stderr


def test_no_test_begins_after_the_limit_of_the_run_and_what_ran_is_summed_up(run):
    done = run(
        """
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_passes(number):
            pass
        """,
        "--session-timeout=0.000001",
    )
    assert done.returncode == 1
    assert "session-timeout" in done.stdout
    assert "1 passed" in done.stdout.splitlines()[-1]


WORKERS = ("-n", "2", "--dist", "load", "--max-worker-restart", "0")


def test_a_test_that_hangs_in_a_worker_ends_the_run_and_what_ran_is_summed_up(run):
    done = run(
        """
        import threading, pytest

        def test_fails():
            assert "apples" == "pears"

        @pytest.mark.timeout(1)
        def test_hangs():
            threading.Event().wait()

        @pytest.mark.parametrize("number", range(100))
        def test_later(number):
            threading.Event().wait(0.1)
        """,
        *WORKERS,
    )
    assert done.returncode == 1
    assert f"test_it.py::test_hangs {TOLD}" in done.stderr
    assert "in test_hangs" in done.stderr
    assert "assert 'apples' == 'pears'" in done.stdout
    assert "crashed while running 'test_it.py::test_hangs'" in done.stdout
    passed = re.search(r"2 failed, (\d+) passed", done.stdout.splitlines()[-1])
    assert int(passed[1]) < 100


def test_no_worker_begins_a_test_after_the_limit_of_the_run(run):
    done = run(
        """
        import pytest

        @pytest.mark.parametrize("number", range(100))
        def test_passes(number):
            pass
        """,
        "--session-timeout=0.000001",
        *WORKERS,
    )
    assert done.returncode == 2
    assert "session-timeout" in done.stdout
    passed = re.search(r"(\d+) passed", done.stdout.splitlines()[-1])
    assert int(passed[1]) < 10
