"""However the tool ends, nothing it started goes on and no data stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from tools.stack import LocalStack, cli
from tools.stack.choice import find
from tools.stack.processes import Process
from tools.stack.settings import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="looks for processes in /proc: run it on Linux"
)
TOOL = [sys.executable, "-m", "tools.stack"]


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder of this test's own, for this process and those it starts."""
    monkeypatch.setenv("PAT_EVENTS_STACK_DIR", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return tmp_path


def living_in(folder):
    """The processes whose working directory is, or was, under ``folder``."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str((entry / "cwd").readlink()).startswith(str(folder)):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


@retry(retry=retry_if_result(bool), stop=stop_after_delay(15), wait=wait_fixed(0.05))
def wait_until_none_lives_in(folder):
    return living_in(folder)


def runs(folder):
    return sorted(path.name for path in folder.glob("*-*"))


@pytest.fixture
def running(state, request):
    """The tool, running the given parts for a command that has said that it runs."""
    tool = subprocess.Popen(
        [*TOOL, "run", *request.param, "--", "sh", "-c", "echo runs; exec sleep 300"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with tool:
        assert tool.stdout.readline() == "runs\n"
        assert len(living_in(state)) == len(request.param)
        yield tool
        tool.kill()


@pytest.mark.kafka
@pytest.mark.localstack
@pytest.mark.parametrize(
    ("running", "number"),
    [(["kafka"], signal.SIGINT), (["localstack"], signal.SIGTERM)],
    indirect=["running"],
)
def test_a_signal_ends_everything_and_removes_the_data(state, running, number):
    os.killpg(running.pid, number)  # as a terminal does
    assert running.wait(60) == 128 + number
    assert living_in(state) == set()
    assert runs(state) == []
    assert len(list(state.glob("logs/*/*.log"))) == 1


@pytest.mark.kafka
@pytest.mark.localstack
@pytest.mark.parametrize("running", [["kafka", "localstack"]], indirect=True)
def test_a_killed_tool_takes_everything_with_it_and_down_removes_the_data(state, running):
    running.kill()
    wait_until_none_lives_in(state)
    assert len(runs(state)) == 2
    subprocess.run([*TOOL, "down"], cwd=ROOT, check=True, timeout=60)
    assert runs(state) == []


@pytest.mark.localstack
def test_what_up_left_running_is_found_used_again_and_ended_by_down(state):
    def tool(*words):
        done = subprocess.run(
            [*TOOL, *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    told = tool("up", "localstack")
    (first,) = living_in(state)
    assert tool("up", "localstack") == told
    assert living_in(state) == {first}

    address = find(LocalStack).address
    assert f"export AWS_ENDPOINT_URL={address}\n" in tool("status")
    tool("down")
    assert living_in(state) == set()
    assert runs(state) == []


@pytest.mark.kafka
def test_two_starts_at_once_get_brokers_of_their_own(state):
    script = "echo $PAT_EVENTS_BOOTSTRAP_SERVERS; read line"
    with ExitStack() as on_exit:
        both = []
        for _ in range(2):
            tool = subprocess.Popen(
                [*TOOL, "run", "kafka", "--", "sh", "-c", script],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            on_exit.enter_context(tool)
            on_exit.callback(tool.kill)
            both.append(tool)
        addresses = {tool.stdout.readline() for tool in both}
        assert len(addresses) == 2
        assert len(living_in(state)) == 2
        for tool in both:
            tool.communicate("\n", timeout=60)
    assert living_in(state) == set()


def test_a_process_outlives_the_thread_that_started_it(tmp_path):
    log = tmp_path / "log"
    process = Process(
        ["sh", "-c", "echo up; exec sleep 300"],
        lock=tmp_path / "lock",
        log=log,
        environ=os.environ,
        folder=tmp_path,
    )

    def start():
        process.start()
        process.wait_until(lambda: log.read_text() == "up\n", timeout_s=20)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    # The kernel's signal, if it comes, comes a moment after the thread is gone.
    with pytest.raises(subprocess.TimeoutExpired):
        process._running.wait(0.5)
    process.end()
    process.wait(10)
    assert living_in(tmp_path) == set()


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code_is_the_commands(script, code):
    assert cli._run([], ["sh", "-c", script]) == code
