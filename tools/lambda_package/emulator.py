"""AWS's Runtime Interface Emulator: a function runs there as in Lambda, and is invoked by HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.lambda_package.packages import closure
from tools.stack.downloads import cached
from tools.stack.errors import MissingToolError, NotReadyError, StackError
from tools.stack.part import accepts, free_ports
from tools.stack.processes import tied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.lambda_package.target import Target

_COMMAND: Final = "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"
# It has no releases that Go knows; its content is checked against Go's database of checksums.
_VERSION: Final = "v0.0.0-20261030222936-bef5c4ba774d"
_HOST: Final = "127.0.0.1"
_PATH: Final = "/2015-03-31/functions/function/invocations"
# In seconds. A first build fetches its modules.
_BUILD_WAIT_S: Final = 280.0
_READY_WAIT_S: Final = 30.0
_END_WAIT_S: Final = 10.0


def emulator() -> Path:
    """Return the emulator, which Go builds once.

    Raises:
        MissingToolError: there is no Go.
        StackError: it cannot be built.
    """
    return cached(f"lambda-emulator-{_VERSION}", _build) / "aws-lambda-rie"


def _build(folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise MissingToolError(
            "Go builds AWS's Runtime Interface Emulator, and `go` is not on the PATH: install it "
            "(Debian: `apt install golang`, macOS: `brew install go`)."
        )
    try:
        done = subprocess.run(
            [go, "install", f"{_COMMAND}@{_VERSION}"],
            env=os.environ | {"GOBIN": str(folder)},
            capture_output=True,
            text=True,
            timeout=_BUILD_WAIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        late = f"go was not done after {_BUILD_WAIT_S:.0f} s"
        raise StackError(f"{late}: look at the network, and try again.") from None
    if done.returncode != 0:
        raise StackError(f"go cannot build the emulator:\n{done.stderr.strip()[-2000:]}")


class Function:
    """A function in the emulator; its environment begins with the first invocation."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self._process = process
        self._address = address
        self._log = log

    def invoke(self, event: object, timeout_s: float = 60.0) -> Any:  # noqa: ANN401 - of JSON
        """Return what the function answers; of an error what Lambda tells of it."""
        host, _, port = self._address.partition(":")
        with contextlib.closing(HTTPConnection(host, int(port), timeout=timeout_s)) as connection:
            connection.request("POST", _PATH, json.dumps(event))
            return json.loads(connection.getresponse().read() or b"null")

    @property
    def said(self) -> str:
        """What the function and the emulator have logged."""
        return self._log.read_text("utf-8", errors="replace")

    @property
    def peak_bytes(self) -> int:
        """The most memory that the environment had so far; Linux alone tells."""
        peaks = [0]
        for children in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            for pid in children.read_text("ascii").split():
                status = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
                lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
                peaks.append(int(lines["VmHWM"].split()[0]) * 1024)
        return max(peaks)


@contextlib.contextmanager
def running(
    folder: Path, handler: str, target: Target, environ: Mapping[str, str] | None = None
) -> Iterator[Function]:
    """Run what a zip unpacked to, with AWS's client of the runtime, and nothing installed here.

    Args:
        folder: What stands for ``/var/task``.
        handler: Such as ``emails.handler``.
        target: What it was made for: this Python, on this kind of machine.
        environ: The function's variables.

    Raises:
        StackError: the emulator cannot be had, or does not start.
    """
    command = emulator()
    with tempfile.TemporaryDirectory() as temporary:
        runtime = Path(temporary, "runtime")
        _link_runtime(runtime, target)
        api, invocations = (f"{_HOST}:{port}" for port in free_ports(2))
        log = Path(temporary, "log")
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}{os.pathsep}{runtime}",
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_LAMBDA_FUNCTION_NAME": handler.partition(".")[0],
            **(environ or {}),
        }
        words = [str(command), "--runtime-interface-emulator-address", invocations]
        words += ["--runtime-api-address", api]
        # Without the packages that are installed here, so that what the zip lacks is missed.
        words += [sys.executable, "-S", "-m", "awslambdaric", handler]
        with log.open("wb") as output:
            process = subprocess.Popen(
                tied(words, lock=None, death_signal=signal.SIGTERM),
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        function = Function(process, invocations, log)
        try:
            _wait_ready(process, invocations, function)
            yield function
        finally:
            process.terminate()
            try:
                process.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _link_runtime(folder: Path, target: Target) -> None:
    """Make what Lambda's runtime has beside the function: its client, and boto3."""
    folder.mkdir()
    for name in closure({"awslambdaric", "boto3"}, target):
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise MissingToolError(f"{name} is not installed: it is there for Linux.") from None
        tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))


def _wait_ready(process: subprocess.Popen[bytes], address: str, function: Function) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + _READY_WAIT_S
    while not accepts(host, int(port)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotReadyError(f"the emulator does not answer; it said:\n{function.said[-2000:]}")
        time.sleep(0.01)
