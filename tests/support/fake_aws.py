"""A fake of AWS's JSON services, for what LocalStack lacks: it answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class RefusedError(Exception):
    """Raised by what answers: the service's error."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class FakeAws(ThreadingHTTPServer):
    """Answers by operation; ``asked`` lists each with its fields."""

    daemon_threads = True

    def __init__(self, answers: dict[str, Callable[[dict], dict]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.asked: list[tuple[str, dict]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeAws

    def log_message(self, *args) -> None:
        """Keep still."""

    def do_POST(self) -> None:
        fields = json.loads(self.rfile.read(int(self.headers["content-length"])))
        operation = self.headers["x-amz-target"].rpartition(".")[2]
        self.server.asked.append((operation, fields))
        try:
            status, answer = 200, self.server.answers[operation](fields)
        except RefusedError as refused:
            status = 500 if refused.code.startswith("Internal") else 400
            answer = {"__type": f"x#{refused.code}", "message": refused.message}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def fake_aws(**answers: Callable[[dict], dict]) -> Iterator[FakeAws]:
    """Run one until the block ends."""
    with FakeAws(answers) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
