"""AWS's Lambda runtime, as far as its client asks: it hands out events and takes the answers.

"Using the Lambda runtime API for custom runtimes", version 2018-06-01.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.support.waiting import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BASE = "/2018-06-01/runtime"


class Runtime(ThreadingHTTPServer):
    """Invokes a function that runs under AWS's own client."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.events: SimpleQueue[tuple[str, bytes, float, str]] = SimpleQueue()
        self.answers: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._invocations = 0

    def invoke(self, event: object, timeout_s: float = 10.0, x_ray: str = "") -> tuple[str, Any]:
        """Return ``response`` or ``error``, and what the function answered."""
        self._invocations += 1
        body = json.dumps(event).encode()
        self.events.put((f"request-{self._invocations}", body, time.time() + timeout_s, x_ray))
        return self.answers.get(timeout=DEADLINE_S)


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Runtime

    def do_GET(self) -> None:
        assert self.path == f"{_BASE}/invocation/next"
        request_id, body, deadline, x_ray = self.server.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000)))
        arn = "arn:aws:lambda:us-east-1:123456789012:function:emails"
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
        if x_ray:
            self.send_header("Lambda-Runtime-Trace-Id", x_ray)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answers.put((self.path.rpartition("/")[2], json.loads(body)))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(module: Path, handler: str) -> Iterator[Runtime]:
    """Run the function of a module, such as ``emails.handler``, and invoke it."""
    with Runtime() as runtime:
        thread = threading.Thread(target=runtime.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        address = f"127.0.0.1:{runtime.server_address[1]}"
        function = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=module,
            env=os.environ | {"AWS_LAMBDA_RUNTIME_API": address, "PYTHONPATH": str(module)},
        )
        try:
            yield runtime
        finally:
            function.kill()
            function.wait()
            runtime.shutdown()
            thread.join()
