"""The stub as a server on a free loopback port."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from tools.terraform.msk_stub.api import Body, RefusedError, Request
from tools.terraform.msk_stub.autoscaling import AutoScaling
from tools.terraform.msk_stub.kafka import Kafka
from tools.terraform.msk_stub.kafkaconnect import KafkaConnect
from tools.terraform.msk_stub.mappings import Mappings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

# Every path of the Lambda API begins with the date of the call's version.
LAMBDA = "20"
PASSED_ON_WAIT_S = 60.0


class Answer(NamedTuple):
    """Status, kind of error and body."""

    status: HTTPStatus
    kind: str
    body: Body


class Stub:
    """Stands for Kafka, MSK Connect and application auto-scaling while the block lasts.

    Args:
        aws_url: Who answers for Lambda, all but mappings of MSK; without it nobody does.
    """

    def __init__(self, aws_url: str | None = None) -> None:
        self.unknown_calls: list[str] = []
        self._aws_url = aws_url
        self._kafka = Kafka()
        self._connect = KafkaConnect()
        self._scaling = AutoScaling()
        self._mappings = Mappings(self._kafka.clusters)
        self._answers: dict[str, Answer | None] = {}
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, name="msk-stub")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    @property
    def url(self) -> str:
        """Where the services answer."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environ(self) -> dict[str, str]:
        """What leads the provider here, for the services the stub stands for."""
        services = ["KAFKA", "KAFKACONNECT", "APPLICATION_AUTO_SCALING"]
        services += ["LAMBDA"] * (self._aws_url is not None)
        # An answer the stub does not know is a fault of the test: say so at once.
        return {f"AWS_ENDPOINT_URL_{name}": self.url for name in services} | {
            "AWS_MAX_ATTEMPTS": "3"
        }

    @property
    def left(self) -> list[str]:
        """What was made and not deleted."""
        with self._lock:
            return [
                *self._kafka.clusters,
                *self._kafka.configurations,
                *self._connect.kept,
                *self._mappings.kept,
                *self._scaling.targets,
                *(" ".join(key) for key in self._scaling.policies),
            ]

    def grow_volumes(self, gib: int) -> None:
        """Grow every broker's volume by ``gib`` GiB, as auto-scaling would."""
        with self._lock:
            self._kafka.grow(gib)

    def answer(self, request: Request) -> Answer | None:
        """The answer, the one already given when a client asks for it again; None is not ours.

        A busy machine loses an answer now and then, and no service here takes a name twice.
        """
        with self._lock:
            if request.invocation not in self._answers:
                self._answers[request.invocation] = self._answer(request)
            return self._answers[request.invocation]

    def pass_on(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[int, str | None, bytes]:
        """Ask who answers for Lambda; the answer is status, kind of error and body."""
        connection = HTTPConnection(urlsplit(self._aws_url or "").netloc, timeout=PASSED_ON_WAIT_S)
        try:
            connection.request(method, path, raw, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.getheader("X-Amzn-ErrorType"), answer.read()
        finally:
            connection.close()

    def _answer(self, request: Request) -> Answer | None:
        try:
            for service in (self._scaling, self._connect, self._kafka, self._mappings):
                body = service.answer(request)
                if body is not None:
                    return Answer(HTTPStatus.OK, "", body)
        except RefusedError as error:
            told = {"__type": error.kind, "message": str(error)}
            return Answer(error.status, error.kind, told)
        if self._aws_url and not request.action and request.segments[0].startswith(LAMBDA):
            return None
        self.unknown_calls.append(str(request))
        message = f"The stub has no {request}"
        return Answer(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", {"message": message})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(
                    method=self.command,
                    # A name with a slash, as ARNs have, is one segment: it comes quoted.
                    segments=[
                        unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")
                    ],
                    action=self.headers.get("X-Amz-Target") or "",
                    # A client without one does not repeat itself.
                    invocation=self.headers.get("Amz-Sdk-Invocation-Id") or str(uuid.uuid4()),
                    body=json.loads(raw) if raw else {},
                )
                answer = stub.answer(request)
                if answer is None:
                    status, kind, content = stub.pass_on(
                        self.command, self.path, dict(self.headers), raw
                    )
                else:
                    status, kind = answer.status, answer.kind
                    content = json.dumps(answer.body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if kind:
                    self.send_header("X-Amzn-ErrorType", kind)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - named by the base class

            def log_message(self, *_: object) -> None:
                """Say nothing: Terraform reports what goes wrong."""

        return Handler
